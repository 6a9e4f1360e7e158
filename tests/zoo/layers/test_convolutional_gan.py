"""The convolutional networks of the GANs: their shapes, what the class does in them, and what they refuse."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from zoo.layers.convolutional_gan import convolutional_discriminator, convolutional_generator


@pytest.mark.parametrize(
    ("image_shape", "widths"),
    [((8, 8, 1), (16, 8)), ((28, 28, 1), (16, 8)), ((32, 16, 3), (16, 8, 8)), ((64, 64, 3), (32, 16, 8, 8))],
)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_from_8x8_to_64x64_in_grey_and_colour(image_shape: Any, widths: Any, dtype: str) -> None:
    generator = convolutional_generator(image_shape=image_shape, latent_size=5, widths=widths, dtype=dtype)
    discriminator = convolutional_discriminator(image_shape=image_shape, widths=widths, dtype=dtype)
    image = generator(tf.random.stateless_normal([3, 5], seed=[0, 1]))
    assert image.shape == (3, *image_shape)
    assert image.dtype == tf.float32
    assert float(tf.reduce_max(tf.abs(image))) <= 1.0
    logit = discriminator(image)
    assert logit.shape == (3,)
    assert logit.dtype == tf.float32


def test_the_class_changes_the_image_and_the_verdict() -> None:
    shape = {"image_shape": (8, 8, 1), "widths": (16, 8), "num_classes": 4}
    z = tf.repeat(tf.random.stateless_normal([1, 6], seed=[0, 1]), 4, axis=0)
    image = convolutional_generator(latent_size=6, normalisation="none", **shape)([z, tf.range(4)]).numpy()
    assert len({one.tobytes() for one in image}) == 4
    judge = convolutional_discriminator(head="projection", **shape)
    logit = judge([tf.repeat(image[:1], 4, axis=0), tf.range(4)]).numpy()
    assert len(set(logit)) == 4
    logit, classes = convolutional_discriminator(head="classes", **shape)(image)
    assert (logit.shape, classes.shape) == ((4,), (4, 4))


def test_the_projection_adds_the_product_of_features_and_class() -> None:
    """Miyato & Koyama 2018, eq. 3, worked out from the network's own features."""
    judge = convolutional_discriminator(
        image_shape=(8, 8, 1), widths=(16, 8), num_classes=3, head="projection"
    )
    image, label = tf.random.stateless_normal([5, 8, 8, 1], seed=[0, 1]), tf.constant([0, 1, 2, 1, 0])
    features = keras.Model(judge.inputs, judge.get_layer("features").output)([image, label]).numpy()
    kernel, bias = (weight.numpy() for weight in judge.get_layer("logit").weights)
    embedding = judge.get_layer("class_embedding").weights[0].numpy()
    expected = features @ kernel[:, 0] + bias + (embedding[label.numpy()] * features).sum(axis=1)
    np.testing.assert_allclose(judge([image, label]), expected, rtol=1e-4, atol=1e-5)


def test_no_norm_at_the_image_and_no_bias_under_a_norm() -> None:
    """Radford et al. 2016, section 3: neither G's output nor D's input is normalised."""
    generator = convolutional_generator(image_shape=(8, 8, 1), widths=(16, 8))
    discriminator = convolutional_discriminator(image_shape=(8, 8, 1), widths=(16, 8), normalisation="batch")
    for network, expected in ((generator, ["up0"]), (discriminator, ["down1"])):
        convolutions = [layer for layer in network.layers if hasattr(layer, "filters")]
        assert [layer.name for layer in convolutions if not layer.use_bias] == expected
        norms = [layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)]
        assert norms
        assert all(norm.synchronized for norm in norms)
    assert isinstance(discriminator.layers[2], layers.LeakyReLU)


def test_spectral_norm_covers_every_weight_of_the_discriminator() -> None:
    judge = convolutional_discriminator(
        image_shape=(8, 8, 1), widths=(16, 8), num_classes=3, head="projection", spectral_norm=True
    )
    vectors = [weight for weight in judge.non_trainable_weights if weight.name == "vector"]
    assert len(vectors) == len([weight for weight in judge.trainable_weights if weight.name != "bias"]) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_shape": (28, 28, 1), "widths": (8, 8, 8)}, "height and width must be divisible by 8"),
        ({"widths": ()}, "give as many widths as the sides can be halved"),
        ({"normalisation": "layer"}, "normalisation must be one of batch, none; got 'layer'"),
    ],
)
def test_what_does_not_fit_names_the_rule(changes: dict[str, Any], message: str) -> None:
    settings: dict[str, Any] = {"image_shape": (8, 8, 1), "widths": (16, 8), **changes}
    for build in (convolutional_generator, convolutional_discriminator):
        with pytest.raises(ValueError, match=message):
            build(**settings)
