"""The networks of image-to-image translation: instance norm, mirrored edges, the generator, the patch discriminator."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.instance_norm import InstanceNormalization
from zoo.layers.patch_discriminator import patch_discriminator
from zoo.layers.resnet_generator import ReflectionPadding, resnet_generator


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# --- instance normalisation -----------------------------------------------------------------------------------


def test_each_channel_of_each_image_has_mean_0_and_variance_1():
    x = 3.0 + 5.0 * noise(4, 6, 5, 3)
    layer = InstanceNormalization()
    y = layer(x).numpy()
    np.testing.assert_allclose(y.mean(axis=(1, 2)), 0.0, atol=1e-5)
    np.testing.assert_allclose(y.var(axis=(1, 2)), 1.0, rtol=1e-4)
    np.testing.assert_allclose(
        y, (x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True), atol=1e-4
    )
    layer.gamma.assign([2.0, 1.0, -1.0])
    layer.beta.assign([0.0, 7.0, 0.0])
    np.testing.assert_allclose(layer(x), y * [2.0, 1.0, -1.0] + [0.0, 7.0, 0.0], atol=1e-5)


def test_gamma_starts_at_one():
    """Drawn around 0, as some do it, the norm would erase most of what it is given."""
    layer = InstanceNormalization()
    layer.build((None, 4, 4, 16))
    np.testing.assert_array_equal(layer.gamma, np.ones(16))
    np.testing.assert_array_equal(layer.beta, np.zeros(16))


def test_an_image_is_the_same_in_any_company():
    x = noise(4, 8, 8, 16)
    layer = InstanceNormalization()
    together = layer(x).numpy()
    np.testing.assert_array_equal(layer(x[::-1])[::-1], together)
    # In a batch of another size the sums may be taken in another order.
    np.testing.assert_allclose(layer(x[1:3]), together[1:3], atol=1e-5)
    np.testing.assert_allclose(layer(x[2:3])[0], together[2], atol=1e-5)


def test_statistics_are_float32_in_bfloat16():
    """In bfloat16 the mean square of these pixels, all near 3, would miss their variance by a tenth or so."""
    x = 3.0 + 0.5 * noise(2, 8, 8, 2)
    y = InstanceNormalization(dtype="mixed_bfloat16")(x)
    assert y.dtype == tf.bfloat16
    rounded = tf.cast(tf.cast(x, tf.bfloat16), tf.float32).numpy()
    expected = (rounded - rounded.mean((1, 2), keepdims=True)) / rounded.std((1, 2), keepdims=True)
    np.testing.assert_allclose(tf.cast(y, tf.float32), expected, atol=0.06)
    np.testing.assert_allclose(tf.cast(y, tf.float32).numpy().std((1, 2)), 1.0, rtol=0.01)


# --- the generator --------------------------------------------------------------------------------------------


def test_the_edge_is_the_axis_of_its_mirror_image():
    x = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    np.testing.assert_array_equal(
        ReflectionPadding(1)(x)[0, ..., 0],
        [[4, 3, 4, 5, 4], [1, 0, 1, 2, 1], [4, 3, 4, 5, 4], [7, 6, 7, 8, 7], [4, 3, 4, 5, 4]],
    )


@pytest.mark.parametrize(
    ("image_shape", "settings"),
    [
        ((28, 28, 1), {"widths": (8,), "blocks": 1, "patch": 2, "end_kernel": 5}),
        ((16, 24, 3), {"widths": (4, 8, 12), "blocks": 2}),
        ((8, 8, 1), {"widths": (4, 8), "blocks": 0, "patch": 2, "end_kernel": 3}),
    ],
)
def test_an_image_becomes_one_of_the_same_shape_and_range(image_shape, settings):
    network = resnet_generator(image_shape=image_shape, dtype="mixed_bfloat16", **settings)
    y = network(4.0 * noise(2, *image_shape))
    assert y.dtype == tf.float32
    assert y.shape == (2, *image_shape)
    assert np.abs(y).max() <= 1.0


def test_the_generator_of_the_paper():
    """9 blocks of 256 channels and 7x7 ends: 11.4 million weights, as the authors' own has."""
    network = resnet_generator(image_shape=(256, 256, 3))
    kernels = {layer.name: layer.kernel.shape for layer in network.layers if hasattr(layer, "kernel")}
    assert kernels["enter"] == (7, 7, 3, 64)
    assert kernels["down1"] == (3, 3, 128, 256)
    assert kernels["block8_second"] == (3, 3, 256, 256)
    assert kernels["up0"] == (3, 3, 64, 128)
    assert kernels["leave"] == (7, 7, 64, 3)
    assert 11.3e6 < network.count_params() < 11.4e6


# --- the discriminator ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("levels", "side"), [(2, 16), (3, 34), (4, 70)])
def test_a_logit_sees_a_patch_of_that_side(levels, side):
    """From the gradient of one logit in the middle: what it depends on, and no pixel more."""
    network = patch_discriminator(image_shape=(160, 160, 1), widths=(4,) * levels)
    # Without the norms, which look at the whole image.
    plain = keras.models.clone_model(network, clone_function=_without_norm)
    image = tf.constant(noise(1, 160, 160, 1))
    with tf.GradientTape() as tape:
        tape.watch(image)
        logits = plain(image)
        logit = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    seen = np.abs(tape.gradient(logit, image)[0, ..., 0]) > 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    assert rows[-1] - rows[0] + 1 == columns[-1] - columns[0] + 1 == side


def _without_norm(layer):
    return keras.layers.Identity(name=layer.name) if isinstance(layer, InstanceNormalization) else layer


def test_the_first_level_has_no_norm_and_the_last_no_stride():
    network = patch_discriminator(image_shape=(28, 28, 1), widths=(4, 8, 16), dtype="mixed_bfloat16")
    norms = [layer.name for layer in network.layers if isinstance(layer, InstanceNormalization)]
    assert norms == ["level1_norm", "level2_norm"]
    logits = network(noise(2, 28, 28, 1))
    assert (logits.shape, logits.dtype) == ((2, 5, 5, 1), tf.float32)


def test_kernels_may_be_divided_by_their_spectral_norm():
    network = patch_discriminator(image_shape=(8, 8, 1), widths=(4, 8), spectral_norm=True)
    x = noise(2, 8, 8, 1)
    for _ in range(30):
        network(x, training=True)
    before = network(x)
    for variable in network.trainable_variables:
        if "kernel" in variable.path:
            variable.assign(10.0 * variable)
    for _ in range(30):
        network(x, training=True)
    np.testing.assert_allclose(network(x), before, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("build", "settings", "message"),
    [
        (resnet_generator, {"image_shape": (28, 28, 1)}, "must be divisible by 4, the patch of 1 times 2"),
        (
            resnet_generator,
            {"image_shape": (8, 8, 1), "widths": (4,), "end_kernel": 4},
            "end_kernel must be odd",
        ),
        (
            resnet_generator,
            {"image_shape": (4, 4, 1), "widths": (4, 8, 8), "end_kernel": 3},
            "be mirrored at its",
        ),
        (patch_discriminator, {"image_shape": (8, 8, 1)}, r"\(8, 8, 1\) is too small for 4 levels"),
    ],
)
def test_images_that_do_not_fit_are_refused_with_the_rule(build, settings, message):
    if "divisible" in message:
        settings = {**settings, "image_shape": (30, 28, 1)}
    with pytest.raises(ValueError, match=message):
        build(**settings)
