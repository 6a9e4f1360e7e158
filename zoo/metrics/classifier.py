"""A small convolutional classifier, its training, and what it answers.

Two sizes of it serve the metrics. With two convolutions it is the yardstick of the classification accuracy score:
cheap, since it is trained anew on every set of samples (`zoo.metrics.cas`). With three it is trained once for each data
set, and its hidden layer is the space in which Frechet distances and neighbours are measured (`zoo.metrics.extractor`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

# Names of layers; a convolution has its number after it.
HIDDEN = "hidden"
CONVOLUTION = "convolution"

# Images in one call of a trained network.
_BATCH = 500


def build(
    image_shape: Sequence[int | None],
    classes: int,
    *,
    widths: Sequence[int] = (32, 64),
    hidden: int | None = 128,
    seed: int = 0,
    dtype: str = "float32",
) -> keras.Model:
    """Convolutions of 3x3 with 2x2 maxima between them, and a hidden layer: images -> logits float32 [n, classes].

    Args:
        image_shape: (height, width, channels) of the images, whose levels 0 .. 255 come as float32.
        widths: the channels of each convolution.
        hidden: the units of the hidden layer, named `HIDDEN`. None takes the mean of the last convolution over space in
            its place, and then the images may be of any size, (None, None, channels).
        seed: of the initial weights (He et al. 2015).
        dtype: the precision policy of all layers but the last.
    """
    seeds = np.random.default_rng(seed)

    def initializer() -> keras.initializers.Initializer:
        return keras.initializers.HeNormal(seed=int(seeds.integers(2**31)))

    x = image = keras.Input(tuple(image_shape), name="image")
    x = keras.layers.Rescaling(1 / 255)(x)
    for number, width in enumerate(widths):
        if number:
            x = keras.layers.MaxPooling2D(padding="same", dtype=dtype)(x)
        x = keras.layers.Conv2D(
            width,
            3,
            padding="same",
            activation="relu",
            kernel_initializer=initializer(),
            name=f"{CONVOLUTION}_{number}",
            dtype=dtype,
        )(x)
    if hidden is None:
        x = keras.layers.GlobalAveragePooling2D(name=HIDDEN, dtype=dtype)(x)
    else:
        x = keras.layers.MaxPooling2D(padding="same", dtype=dtype)(x)
        x = keras.layers.Flatten()(x)
        x = keras.layers.Dense(hidden, "relu", kernel_initializer=initializer(), name=HIDDEN, dtype=dtype)(x)
    # In float32 also where the others are not: a loss is made of small differences of logits.
    x = keras.layers.Dense(classes, kernel_initializer=initializer(), name="logits", dtype="float32")(x)
    return keras.Model(image, x)


def train(
    network: keras.Model,
    image: np.ndarray,
    label: np.ndarray,
    *,
    epochs: int = 10,
    seed: int = 0,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Fits `network` to `image` uint8 [n, h, w, c] and `label` int32 [n] by Adam, whose rate falls to 0 as a cosine.

    The order of the images in each epoch follows from `seed`. `progress` is called as (steps done, steps in all).
    """
    steps = -(-len(image) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(network.trainable_variables)
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(autograph=False, reduce_retracing=True)
    def step(images: tf.Tensor, labels: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = crossentropy(labels, network(tf.cast(images, tf.float32), training=True))
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)

    orders = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = orders.permutation(len(image))
        for number in range(steps):
            rows = order[number * batch_size : (number + 1) * batch_size]
            step(tf.constant(image[rows]), tf.constant(label[rows]))
            progress(epoch * steps + number + 1, epochs * steps)


def run(network: keras.Model, image: np.ndarray) -> list[np.ndarray]:
    """All outputs of `network` for `image` uint8 [n, h, w, c], each float32 [n, ...]."""
    call = tf.function(
        lambda batch: tf.nest.flatten(network(tf.cast(batch, tf.float32), training=False)), autograph=False
    )
    batches = [call(tf.constant(image[start : start + _BATCH])) for start in range(0, len(image), _BATCH)]
    return [np.concatenate([output.numpy() for output in outputs]) for outputs in zip(*batches, strict=True)]


def accuracy(network: keras.Model, image: np.ndarray, label: np.ndarray) -> float:
    """The share of `image` for which the highest of the logits is that of `label`, 0 .. 1."""
    (logits,) = run(network, image)
    return float((logits.argmax(axis=1) == label).mean())
