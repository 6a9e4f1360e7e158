"""PatchGAN (Isola et al. 2017, section 3.2.2): a discriminator that judges overlapping patches of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from zoo.layers.instance_norm import InstanceNormalization
from zoo.layers.spectral_normalization import SpectralNormalization

SLOPE = 0.2  # of the leaky ReLU


def patch_discriminator(
    *,
    image_shape: Sequence[int],
    widths: Sequence[int] = (64, 128, 256, 512),
    spectral_norm: bool = False,
    dtype: Any = "float32",
    name: str = "discriminator",
) -> keras.Model:
    """Builds image float32 [n, h, w, c] -> one logit for each patch, float32 [n, h', w', 1].

    Kernels are 4x4; all levels but the last halve the image. With the four widths of the paper a patch is 70x70
    pixels, with three 34x34, with two 16x16.

    Args:
        image_shape: (height, width, channels).
        widths: channels of each level, the finest first.
        spectral_norm: whether every kernel is divided by its spectral norm (Miyato et al. 2018).
        dtype: Keras precision policy; the logits are float32 in any.
        name: the model's name.

    Raises:
        ValueError: the image is too small for so many levels.
    """
    height, width, _ = image_shape
    halvings = len(widths) - 1
    if not widths or min(height, width) >> halvings < 3:
        raise ValueError(
            f"image_shape {tuple(image_shape)} is too small for {len(widths)} levels of 4x4 kernels: "
            "give fewer widths to the discriminator"
        )

    def convolved(x: Any, filters: int, strides: int, *, name: str, bias: bool, policy: Any = dtype) -> Any:
        x = layers.ZeroPadding2D(1, name=f"{name}_pad", dtype=policy)(x)
        layer = layers.Conv2D(
            filters,
            4,
            strides,
            use_bias=bias,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            name=name,
            dtype=policy,
        )
        return (SpectralNormalization(layer, name=f"spectral_{name}") if spectral_norm else layer)(x)

    image = keras.Input(tuple(image_shape), name="image", dtype="float32")
    x = image
    for level, filters in enumerate(widths):
        strides = 2 if level < halvings else 1
        x = convolved(x, filters, strides, name=f"level{level}", bias=level == 0)
        if level:  # The norm of a first level would hide the image's brightness and contrast.
            x = InstanceNormalization(name=f"level{level}_norm", dtype=dtype)(x)
        x = layers.LeakyReLU(SLOPE, name=f"level{level}_act", dtype=dtype)(x)
    logit = convolved(x, 1, 1, name="logit", bias=True)
    return keras.Model(image, layers.Activation("linear", name="wide", dtype="float32")(logit), name=name)
