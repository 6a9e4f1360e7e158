"""The convolutional generator and discriminator of Radford et al. 2016 (DCGAN), with or without a class.

Both have one level for each of `widths`; a level of the generator doubles the sides, one of the discriminator halves
them. Kernels are 4x4, not the paper's 5x5: a size that the stride divides leaves no checkerboard (Odena et al. 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from zoo.layers.spectral_normalization import SpectralNormalization

NORMALISATIONS = ("batch", "none")
SLOPE = 0.2  # of the leaky ReLU (Radford, section 4)


def convolutional_generator(
    *,
    image_shape: Sequence[int],
    latent_size: int = 100,
    widths: Sequence[int] = (128, 64),
    num_classes: int = 0,
    embedding_size: int = 32,
    normalisation: str = "batch",
    dtype: Any = "float32",
) -> keras.Model:
    """Builds (latent float32 [n, latent_size]) -> image float32 [n, h, w, c] in [-1, 1].

    With classes the inputs are [latent, label int32 [n]]; an embedding of the label stands beside the latent.

    Args:
        image_shape: (height, width, channels); both sides divisible by 2^levels.
        latent_size: entries of a latent.
        widths: channels of each level, the coarsest first.
        num_classes: number of classes, 0 for none.
        embedding_size: entries of a class's embedding.
        normalisation: "batch" or "none".
        dtype: Keras precision policy; the image is float32 in any.

    Raises:
        ValueError: the sides cannot be halved so often, or `normalisation` is neither.
    """
    height, width, channels = _checked(image_shape, widths, normalisation)
    coarse = (height >> len(widths), width >> len(widths), widths[0])

    latent = keras.Input((latent_size,), name="latent", dtype="float32")
    inputs, x = [latent], latent
    if num_classes:
        label = keras.Input((), name="label", dtype="int32")
        inputs.append(label)
        embedding = layers.Embedding(num_classes, embedding_size, name="class_embedding", dtype=dtype)(label)
        x = layers.Concatenate(name="condition", dtype=dtype)([latent, embedding])
    x = layers.Dense(
        coarse[0] * coarse[1] * coarse[2],
        use_bias=normalisation == "none",
        kernel_initializer=_initial(normalisation),
        name="project",
        dtype=dtype,
    )(x)
    x = layers.Reshape(coarse, name="coarse", dtype=dtype)(x)
    for level, filters in enumerate([*widths[1:], channels]):
        x = _normalised(x, normalisation, f"norm{level}", dtype)
        x = layers.ReLU(name=f"act{level}", dtype=dtype)(x)
        last = level == len(widths) - 1
        x = layers.Conv2DTranspose(
            filters,
            4,
            2,
            padding="same",
            use_bias=last or normalisation == "none",
            kernel_initializer=_initial(normalisation),
            name=f"up{level}",
            dtype=dtype,
        )(x)
    image = layers.Activation("tanh", name="image", dtype="float32")(x)
    return keras.Model(inputs if num_classes else latent, image, name="generator")


def convolutional_discriminator(
    *,
    image_shape: Sequence[int],
    widths: Sequence[int] = (128, 64),
    num_classes: int = 0,
    head: str = "logit",
    normalisation: str = "none",
    spectral_norm: bool = False,
    dtype: Any = "float32",
) -> keras.Model:
    """Builds image float32 [n, h, w, c] -> logit float32 [n].

    Args:
        image_shape: (height, width, channels); both sides divisible by 2^levels.
        widths: channels of each level in the generator's order: the coarsest first.
        num_classes: number of classes; for the heads "projection" and "classes".
        head: "logit"; "projection" also takes label int32 [n], and adds the product of the features with an embedding
            of it (Miyato & Koyama 2018, eq. 3); "classes" gives [logit, class logits float32 [n, num_classes]].
        normalisation: "batch" (not at the first level: Radford, section 3) or "none".
        spectral_norm: whether every layer's weights are divided by their spectral norm (Miyato et al. 2018).
        dtype: Keras precision policy; what the network says is float32 in any.

    Raises:
        ValueError: the sides cannot be halved so often, or `normalisation` is neither.
    """
    _checked(image_shape, widths, normalisation)

    def normed(layer: layers.Layer) -> layers.Layer:
        return SpectralNormalization(layer, name=f"spectral_{layer.name}") if spectral_norm else layer

    image = keras.Input(tuple(image_shape), name="image", dtype="float32")
    x = image
    for level, filters in enumerate(reversed(widths)):
        plain = level == 0 or normalisation == "none"
        convolution = layers.Conv2D(
            filters,
            4,
            2,
            padding="same",
            use_bias=plain,
            kernel_initializer=_initial(normalisation),
            name=f"down{level}",
            dtype=dtype,
        )
        x = normed(convolution)(x)
        x = x if plain else _normalised(x, normalisation, f"norm{level}", dtype)
        x = layers.LeakyReLU(SLOPE, name=f"act{level}", dtype=dtype)(x)
    features = layers.Flatten(name="features", dtype="float32")(x)
    judge = layers.Dense(1, kernel_initializer=_initial(normalisation), name="logit", dtype="float32")
    logit = normed(judge)(features)[:, 0]
    if head == "projection":
        label = keras.Input((), name="label", dtype="int32")
        embedding = layers.Embedding(num_classes, features.shape[-1], name="class_embedding", dtype="float32")
        logit = logit + ops.sum(normed(embedding)(label) * features, axis=-1)
        return keras.Model([image, label], logit, name="discriminator")
    if head == "classes":
        classes = normed(layers.Dense(num_classes, name="class_logits", dtype="float32"))(features)
        return keras.Model(image, [logit, classes], name="discriminator")
    return keras.Model(image, logit, name="discriminator")


def _normalised(x: Any, normalisation: str, name: str, dtype: Any) -> Any:
    if normalisation == "none":
        return x
    # Synchronised: the statistics are those of the global batch, whatever the number of replicas.
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True, name=name, dtype=dtype)(x)


def _initial(normalisation: str) -> keras.initializers.Initializer:
    """N(0, 0.02) where a norm follows (Radford, section 4); without one the signal would die out on its way.

    A new one for each layer: Keras gives an initialiser one seed for life, so two kernels of the same shape that
    shared it would start equal.
    """
    return (
        keras.initializers.RandomNormal(stddev=0.02)
        if normalisation == "batch"
        else keras.initializers.HeNormal()
    )


def _checked(image_shape: Sequence[int], widths: Sequence[int], normalisation: str) -> tuple[int, int, int]:
    height, width, channels = image_shape
    factor = 2 ** len(widths)
    if not widths or height % factor or width % factor:
        raise ValueError(
            f"image_shape {tuple(image_shape)}: height and width must be divisible by {factor}, 2 for each of the "
            f"{len(widths)} widths; give as many widths as the sides can be halved"
        )
    if normalisation not in NORMALISATIONS:
        raise ValueError(f"normalisation must be one of {', '.join(NORMALISATIONS)}; got {normalisation!r}")
    return height, width, channels
