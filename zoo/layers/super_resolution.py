"""The generator and the discriminator of Ledig et al. 2017 (SRGAN), figure 4. Both take pictures of any size.

The generator is SRResNet: residual blocks at the low resolution, a long skip around them, and two sub-pixel
convolutions (Shi et al. 2016) that double the size. One thing is added to the paper's figure: the picture enlarged by
bicubic interpolation is added to the output, whose last convolution begins at zero. So training starts from bicubic
and not from noise, and the network only says what bicubic misses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

SLOPE = 0.2  # of the discriminator's leaky ReLU
FACTOR = 4
# Low-resolution pixels that bicubic interpolation looks at on each side.
_BICUBIC_REACH = 2


@keras.saving.register_keras_serializable("pixelzoo")
class PixelShuffle(layers.Layer):
    """float [n, h, w, 4 c] -> [n, 2 h, 2 w, c]: each group of four channels becomes a square of pixels."""

    def call(self, inputs: Any) -> Any:
        return tf.nn.depth_to_space(inputs, 2)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        n, height, width, channels = input_shape
        return n, height and 2 * height, width and 2 * width, (channels or 0) // 4


@keras.saving.register_keras_serializable("pixelzoo")
class BicubicEnlarge(layers.Layer):
    """float [n, h, w, c] -> float32 [n, 4 h, 4 w, c] by bicubic interpolation."""

    def call(self, inputs: Any) -> Any:
        size = tf.shape(inputs)[1:3] * FACTOR
        return tf.image.resize(tf.cast(inputs, tf.float32), size, "bicubic")

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        n, height, width, channels = input_shape
        return n, height and FACTOR * height, width and FACTOR * width, channels


def sr_resnet(
    *,
    channels: int = 3,
    features: int = 64,
    blocks: int = 16,
    upsample_features: int = 64,
    end_size: int = 9,
    batch_norm: bool = True,
    dtype: Any = "float32",
) -> keras.Model:
    """Builds low float32 [n, h, w, channels] -> high float32 [n, 4 h, 4 w, channels], both around [-1, 1].

    Args:
        channels: of the pictures.
        features: channels of the residual blocks.
        blocks: number of residual blocks.
        upsample_features: channels after each doubling of the size.
        end_size: side of the kernels of the first and the last convolution, odd.
        batch_norm: whether the blocks normalise, as the paper's do. Without, they are those of Lim et al. 2017 (EDSR),
            who found that super-resolution gains nothing from it.
        dtype: Keras precision policy; the output is float32 in any.
    """

    def convolve(x: Any, filters: int, size: int, name: str, *, norm: bool = False) -> Any:
        x = layers.Conv2D(filters, size, padding="same", use_bias=not norm, name=name, dtype=dtype)(x)
        if norm:
            x = layers.BatchNormalization(momentum=0.9, synchronized=True, name=f"{name}_norm", dtype=dtype)(
                x
            )
        return x

    def activate(x: Any, name: str) -> Any:
        slope = keras.initializers.Constant(0.25)  # He et al. 2015, section 2.1
        return layers.PReLU(slope, shared_axes=[1, 2], name=name, dtype=dtype)(x)

    low = keras.Input((None, None, channels), name="low", dtype="float32")
    shallow = activate(convolve(low, features, end_size, "head"), "head_act")
    x = shallow
    for index in range(blocks):
        inner = activate(convolve(x, features, 3, f"block{index}_a", norm=batch_norm), f"block{index}_act")
        inner = convolve(inner, features, 3, f"block{index}_b", norm=batch_norm)
        x = layers.Add(name=f"block{index}", dtype=dtype)([x, inner])
    x = layers.Add(name="long_skip", dtype=dtype)(
        [shallow, convolve(x, features, 3, "body", norm=batch_norm)]
    )
    for doubling in range(2):
        x = convolve(x, 4 * upsample_features, 3, f"up{doubling}")
        x = activate(PixelShuffle(name=f"shuffle{doubling}", dtype=dtype)(x), f"up{doubling}_act")
    detail = layers.Conv2D(
        channels, end_size, padding="same", kernel_initializer="zeros", name="tail", dtype=dtype
    )(x)
    detail = layers.Activation("linear", name="detail", dtype="float32")(detail)
    enlarged = BicubicEnlarge(name="enlarged", dtype="float32")(low)
    high = layers.Add(name="high", dtype="float32")([enlarged, detail])
    return keras.Model(low, high, name="generator")


def reach(*, blocks: int, end_size: int) -> int:
    """How far an output pixel of `sr_resnet` looks, in low-resolution pixels to each side of its own.

    3x3 convolutions reach one pixel: of the low resolution in the blocks and before the first doubling, half of one
    before the second. The last convolution counts in quarters.
    """
    end = end_size // 2
    detail = end + 2 * blocks + 1 + 1 + 0.5 + 0.25 * end
    return max(math.ceil(detail), _BICUBIC_REACH)


def photograph_discriminator(
    *,
    channels: int = 3,
    widths: Sequence[int] = (64, 128, 256, 512),
    hidden: int = 1024,
    batch_norm: bool = True,
    dtype: Any = "float32",
) -> keras.Model:
    """Builds image float32 [n, h, w, channels] in [-1, 1], any size from 16x16 -> logit float32 [n].

    Each of `widths` is a convolution and one with stride 2, leaky ReLU after each. Where the paper has dense layers
    over the crop's whole grid, this one judges each place of the grid for itself and takes the mean: any size will do.
    """

    def convolve(x: Any, filters: int, stride: int, name: str, *, norm: bool) -> Any:
        # He initialisation: without normalisation, eight layers of Keras' default leave a twentieth of the signal.
        x = layers.Conv2D(
            filters,
            3,
            stride,
            padding="same",
            use_bias=not norm,
            kernel_initializer="he_normal",
            name=name,
            dtype=dtype,
        )(x)
        if norm:
            x = layers.BatchNormalization(momentum=0.9, synchronized=True, name=f"{name}_norm", dtype=dtype)(
                x
            )
        return layers.LeakyReLU(SLOPE, name=f"{name}_act", dtype=dtype)(x)

    image = keras.Input((None, None, channels), name="image", dtype="float32")
    x = image
    for level, filters in enumerate(widths):
        # As in the paper, nothing is normalised in the first convolution.
        x = convolve(x, filters, 1, f"conv{level}", norm=batch_norm and level > 0)
        x = convolve(x, filters, 2, f"down{level}", norm=batch_norm)
    x = layers.Conv2D(hidden, 1, kernel_initializer="he_normal", name="hidden", dtype=dtype)(x)
    x = layers.LeakyReLU(SLOPE, name="hidden_act", dtype=dtype)(x)
    x = layers.Conv2D(1, 1, name="logits", dtype="float32")(x)
    x = layers.GlobalAveragePooling2D(name="mean", dtype="float32")(x)
    return keras.Model(image, layers.Reshape((), name="logit", dtype="float32")(x), name="discriminator")
