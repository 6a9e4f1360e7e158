"""The U-Net's blocks, by what they must do to any input."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers import unet


def noise(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


@pytest.fixture
def small() -> keras.Model:
    return unet.unet(
        image_shape=(8, 8, 1), output_channels=1, num_classes=3, widths=(16, 16), blocks=(1, 1), fourier=2
    )


def test_space_to_depth_is_undone_by_depth_to_space_and_keeps_neighbours_together() -> None:
    image = noise(2, 4, 6, 3)
    patches = unet.SpaceToDepth(2)(image)
    assert patches.shape == (2, 2, 3, 12)
    np.testing.assert_array_equal(patches[0, 0, 0], tf.reshape(image[0, :2, :2], [-1]))
    np.testing.assert_array_equal(unet.DepthToSpace(2)(patches), image)


def test_the_shortest_fourier_feature_is_the_distance_from_the_grid_of_levels() -> None:
    levels = tf.reshape(tf.range(0, 256, 5, dtype=tf.float32) / 127.5 - 1.0, (1, -1, 1, 1))
    features = unet.FourierFeatures(3)(levels)
    assert features.shape[-1] == 7
    # On the grid every level has the same phase of the period of one level, and neighbours differ in the next.
    assert np.ptp(features[..., 1]) < 1e-3
    assert np.ptp(features[..., 4]) < 1e-3
    assert np.ptp(unet.FourierFeatures(3)(levels + 0.3 / 127.5)[..., 1] - features[..., 1]) < 1e-2
    assert abs(float(unet.FourierFeatures(3)(levels + 0.25 / 127.5)[0, 0, 0, 1] - features[0, 0, 0, 1])) > 0.5


def test_group_norm_agrees_with_keras_where_the_embedding_says_nothing() -> None:
    layer = unet.AdaptiveGroupNorm(4)
    x, embedding = 3.0 + 2.0 * noise(2, 5, 5, 16), tf.zeros((2, 8))
    layer(x, embedding)
    np.testing.assert_allclose(
        layer(x, embedding), keras.layers.GroupNormalization(4, epsilon=1e-5)(x), rtol=1e-3, atol=1e-4
    )


def test_an_items_prediction_is_the_same_alone_and_in_a_batch(small: keras.Model) -> None:
    for weight in small.trainable_variables:
        weight.assign(weight + 0.05 * keras.random.normal(weight.shape, seed=5))
    x, time, label = noise(8, 8, 8, 1), tf.linspace(1.0, 99.0, 8), tf.range(8) % 3
    run = tf.function(lambda *inputs: small(list(inputs), training=False))
    together = run(x, time, label).numpy()
    for i in range(8):
        alone = run(x[i : i + 1], time[i : i + 1], label[i : i + 1]).numpy()
        assert np.abs(alone[0] - together[i]).max() < 2e-6 * np.abs(together[i]).max()


def test_an_attention_block_starts_as_the_identity_of_its_unnormalised_input() -> None:
    """The Keras example adds the *normalised* input; this would fail there."""
    image = keras.Input((4, 4, 16))
    block = keras.Model(image, unet.attention_block(image, groups=4, heads=2, name="at", dtype="float32"))
    x = 5.0 + noise(2, 4, 4, 16)
    np.testing.assert_array_equal(block(x), x)


def test_a_new_network_predicts_zero_and_every_part_learns(small: keras.Model) -> None:
    x, time, label = noise(4, 8, 8, 1), tf.constant([1.0, 5.0, 50.0, 99.0]), tf.constant([0, 1, 2, -1])
    assert not np.any(small([x, time, label]))
    for weight in small.trainable_variables:
        weight.assign(weight + 0.05 * keras.random.normal(weight.shape, seed=3))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((small([x, time, label]) - noise(4, 8, 8, 1, seed=1)) ** 2)
    for variable, gradient in zip(
        small.trainable_variables, tape.gradient(loss, small.trainable_variables), strict=True
    ):
        assert gradient is not None, variable.path
        dense = tf.convert_to_tensor(gradient).numpy()
        # The bias of the keys shifts all scores of a query alike, and softmax does not see it.
        if "key/bias" not in variable.path:
            assert np.abs(dense).max() > 0, variable.path


def test_time_and_label_reach_the_output(small: keras.Model) -> None:
    for weight in small.trainable_variables:
        weight.assign(weight + 0.05 * keras.random.normal(weight.shape, seed=4))
    x = noise(1, 8, 8, 1)

    def out(time: float, label: int) -> np.ndarray:
        return small([x, tf.constant([time]), tf.constant([label])]).numpy()

    assert np.abs(out(1.0, 0) - out(900.0, 0)).max() > 1e-4
    assert np.abs(out(1.0, 0) - out(1.0, 1)).max() > 1e-4
    assert np.abs(out(1.0, 0) - out(1.0, -1)).max() > 1e-4


def test_mixed_precision_follows_float32(small: keras.Model) -> None:
    mixed = unet.unet(
        image_shape=(8, 8, 1),
        output_channels=1,
        num_classes=3,
        widths=(16, 16),
        blocks=(1, 1),
        fourier=2,
        dtype="mixed_bfloat16",
    )
    mixed.set_weights(small.get_weights())
    inputs = [noise(2, 8, 8, 1), tf.constant([3.0, 60.0]), tf.constant([0, -1])]
    exact, rounded = small(inputs).numpy(), mixed(inputs)
    assert rounded.dtype == tf.float32
    assert np.abs(exact - rounded).max() < 0.1 * max(1.0, np.abs(exact).max())
