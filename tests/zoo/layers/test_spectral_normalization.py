"""Spectral normalisation: the norm is 1, the stored weights are left alone, and only training moves the vector."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from zoo.layers.spectral_normalization import SpectralNormalization


def settled(layer: layers.Layer, x: tf.Tensor, steps: int = 100) -> SpectralNormalization:
    """`layer` after so many steps of the power iteration that its vector is the singular one."""
    normalised = SpectralNormalization(layer)
    normalised.build(x.shape)
    for _ in range(steps):
        normalised(x, training=True)
    return normalised


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (layers.Dense(5, use_bias=False), np.random.default_rng(0).normal(size=(3, 7))),
        (
            layers.Conv2D(5, 3, padding="same", use_bias=False),
            np.random.default_rng(0).normal(size=(2, 6, 6, 4)),
        ),
        (layers.Embedding(6, 5), np.array([0, 5, 2])),
    ],
)
def test_the_weights_are_divided_by_their_largest_singular_value(layer: layers.Layer, x: np.ndarray) -> None:
    inputs = tf.constant(x, tf.int32 if x.dtype.kind == "i" else tf.float32)
    layer.build(inputs.shape)
    weight = layer.weights[0]
    weight.assign(3.0 * np.random.default_rng(1).normal(size=weight.shape))
    normalised = settled(layer, inputs)
    sigma = np.linalg.svd(weight.numpy().reshape(-1, 5), compute_uv=False)[0]
    np.testing.assert_allclose(normalised(inputs), layer(inputs) / sigma, rtol=1e-3, atol=1e-5)


def test_the_bias_is_not_divided() -> None:
    layer, x = layers.Dense(2, bias_initializer="ones"), tf.zeros([1, 3])
    np.testing.assert_array_equal(settled(layer, x, steps=1)(x), [[1.0, 1.0]])


def test_the_stored_weights_stay_and_only_training_moves_the_vector() -> None:
    x = tf.ones([1, 7])
    normalised = SpectralNormalization(layers.Dense(5))
    normalised.build(x.shape)
    start, vector = normalised.layer.kernel.numpy(), normalised.vector.numpy()
    normalised(x, training=False)
    np.testing.assert_array_equal(normalised.vector.numpy(), vector)
    normalised(x, training=True)
    assert (normalised.vector.numpy() != vector).any()
    np.testing.assert_array_equal(normalised.layer.kernel.numpy(), start)


def test_the_gradient_goes_through_the_norm() -> None:
    """W / sigma(W) does not depend on the length of W, so the gradient is at right angles to W."""
    x = tf.random.stateless_normal([4, 7], seed=[0, 1])
    normalised = settled(layers.Dense(5, use_bias=False), x)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(normalised(x) ** 2)
    kernel = normalised.layer.kernel
    gradient = tf.convert_to_tensor(tape.gradient(total, kernel))
    cosine = tf.reduce_sum(gradient * kernel.value) / (tf.norm(gradient) * tf.norm(kernel.value))
    assert abs(float(cosine)) < 1e-3


def test_the_norm_is_float32_where_the_layer_computes_in_less() -> None:
    x = tf.random.stateless_normal([4, 64], seed=[0, 1])
    layer = layers.Dense(64, use_bias=False, dtype="mixed_bfloat16")
    normalised = settled(layer, tf.cast(x, tf.bfloat16))
    assert normalised(tf.cast(x, tf.bfloat16)).dtype == tf.bfloat16
    sigma, _ = normalised._largest_singular_value(tf.convert_to_tensor(layer.kernel.value))
    exact = np.linalg.svd(layer.kernel.numpy(), compute_uv=False)[0]
    np.testing.assert_allclose(sigma, exact, rtol=1e-3)


def test_it_is_saved_with_its_vector(tmp_path: object) -> None:
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, SpectralNormalization(layers.Conv2D(4, 4, 2), name="first")(image))
    model(tf.ones([1, 8, 8, 1]), training=True)
    path = f"{tmp_path}/model.keras"
    model.save(path)
    loaded = keras.saving.load_model(path)
    for kept, restored in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(kept.numpy(), restored.numpy())
    x = tf.random.stateless_normal([2, 8, 8, 1], seed=[0, 1])
    np.testing.assert_array_equal(model(x), loaded(x))
