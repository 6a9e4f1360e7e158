"""The image-to-image generator of Zhu et al. 2017 (appendix 7.2, after Johnson et al. 2016), as a functional model.

A wide convolution, one of stride 2 for each halving, residual blocks, and the way back up. Every convolution but the
last is followed by instance normalisation, and images are continued beyond their edges by their mirror image, which
leaves no frame. For small images the way in is shorter: with `patch`, squares of pixels enter and leave as one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from zoo.layers.instance_norm import InstanceNormalization
from zoo.layers.unet import DepthToSpace, SpaceToDepth


@keras.saving.register_keras_serializable("pixelzoo")
class ReflectionPadding(layers.Layer):
    """Continues [n, h, w, c] by `size` on every side with its mirror image, whose axis is the edge's own row."""

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, x: Any) -> Any:
        border = (self.size, self.size)
        return ops.pad(x, ((0, 0), border, border, (0, 0)), mode="reflect")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


def resnet_generator(
    *,
    image_shape: Sequence[int],
    widths: Sequence[int] = (64, 128, 256),
    blocks: int = 9,
    patch: int = 1,
    end_kernel: int = 7,
    dtype: Any = "float32",
    name: str = "generator",
) -> keras.Model:
    """Builds image float32 [n, h, w, c] in [-1, 1] -> image of the same shape and range.

    Args:
        image_shape: (height, width, channels); both sides divisible by patch 2^(number of widths - 1).
        widths: channels at each resolution from fine to coarse; each has half the resolution of the one before.
        blocks: residual blocks at the coarsest resolution.
        patch: side of the square of pixels that enters and leaves as one position.
        end_kernel: side of the first and the last kernel, an odd number.
        dtype: Keras precision policy; the image that comes out is float32 in any.
        name: the model's name.

    Raises:
        ValueError: the sides cannot be divided so often, or are too short for the kernels.
    """
    height, width, channels = image_shape
    factor = patch * 2 ** (len(widths) - 1)
    if not widths or height % factor or width % factor:
        raise ValueError(
            f"image_shape {tuple(image_shape)}: height and width must be divisible by {factor}, the patch of {patch} "
            f"times 2 for each of the {len(widths)} widths but the first"
        )
    if (
        end_kernel % 2 == 0
        or min(height, width) // patch <= end_kernel // 2
        or min(height, width) // factor < 2
    ):
        raise ValueError(
            f"end_kernel must be odd and the image large enough to be mirrored at its edges; got end_kernel "
            f"{end_kernel}, patch {patch} and {len(widths)} widths for {height}x{width}"
        )

    def initial() -> keras.initializers.Initializer:
        # Keras gives an initialiser one seed for life: shared, it would start the blocks with equal kernels.
        return keras.initializers.RandomNormal(stddev=0.02)

    def convolved(
        x: Any, filters: int, kernel: int, strides: int = 1, *, name: str, bias: bool = False
    ) -> Any:
        x = ReflectionPadding(kernel // 2, name=f"{name}_pad", dtype=dtype)(x)
        convolution = layers.Conv2D(
            filters, kernel, strides, use_bias=bias, kernel_initializer=initial(), name=name, dtype=dtype
        )
        return convolution(x)

    def normed(x: Any, *, name: str, active: bool = True) -> Any:
        # The norm takes any bias off, so the convolutions before it have none.
        x = InstanceNormalization(name=f"{name}_norm", dtype=dtype)(x)
        return layers.ReLU(name=f"{name}_act", dtype=dtype)(x) if active else x

    image = keras.Input(tuple(image_shape), name="image", dtype="float32")
    x = SpaceToDepth(patch, name="patches", dtype=dtype)(image)
    x = normed(convolved(x, widths[0], end_kernel, name="enter"), name="enter")
    for level, filters in enumerate(widths[1:]):
        x = normed(convolved(x, filters, 3, 2, name=f"down{level}"), name=f"down{level}")
    for block in range(blocks):
        first, second = f"block{block}_first", f"block{block}_second"
        h = normed(convolved(x, widths[-1], 3, name=first), name=first)
        x = x + normed(convolved(h, widths[-1], 3, name=second), name=second, active=False)
    for level, filters in reversed(list(enumerate(widths[:-1]))):
        up = layers.Conv2DTranspose(
            filters,
            3,
            2,
            padding="same",
            use_bias=False,
            kernel_initializer=initial(),
            name=f"up{level}",
            dtype=dtype,
        )
        x = normed(up(x), name=f"up{level}")
    x = convolved(x, channels * patch**2, end_kernel, name="leave", bias=True)
    x = layers.Activation("tanh", name="tanh", dtype="float32")(x)
    return keras.Model(image, DepthToSpace(patch, name="pixels", dtype="float32")(x), name=name)
