"""A convolutional encoder to a grid of vectors, and a decoder from the grid to a mixture of logistics for each pixel.

After the networks of van den Oord et al. 2017 (section 4.1): strided convolutions, then residual blocks, and the
mirror image of it. The image enters and leaves in patches, so that nothing runs at the resolution of the pixels, and
residual blocks stand at every resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from zoo.layers.ladder import ResidualBlock
from zoo.layers.mixture import Mixture, read_mixture
from zoo.layers.unet import DepthToSpace, SpaceToDepth


def grid_shape(image_shape: tuple[int, int, int], patch: int, levels: int) -> tuple[int, int]:
    """Rows and columns of the grid: the image's sides over the patch and one halving for each level but the first.

    Sides that do not divide evenly are rounded up: the image is padded inside.
    """
    factor = patch * 2 ** (levels - 1)
    return -(-image_shape[0] // factor), -(-image_shape[1] // factor)


@keras.saving.register_keras_serializable("pixelzoo")
class Encoder(layers.Layer):
    """Images, float32 [n, h, w, c] in [-1, 1], to vectors, float32 [n, rows, columns, dim].

    Args:
        image_shape: (height, width, channels).
        patch: side of the square of pixels that enters as one position of the finest level.
        widths: channels at each level, from fine to coarse; each level has half the resolution of the one before.
        blocks: residual blocks at each level.
        dim: length of the vectors.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        *,
        patch: int,
        widths: Sequence[int],
        blocks: Sequence[int],
        dim: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        policy = self.dtype_policy
        rows, columns = grid_shape(image_shape, patch, len(widths))
        factor = patch * 2 ** (len(widths) - 1)
        self.padding = (rows * factor - image_shape[0], columns * factor - image_shape[1])
        self.patches = SpaceToDepth(patch, dtype=policy)
        entrances = [layers.Conv2D(widths[0], 3, padding="same", dtype=policy)]
        entrances += [layers.Conv2D(width, 3, 2, padding="same", dtype=policy) for width in widths[1:]]
        self.entrances = entrances
        self.blocks = [
            [ResidualBlock(width, dtype=policy) for _ in range(count)]
            for width, count in zip(widths, blocks, strict=True)
        ]
        # Not in reduced precision: which code is the nearest hangs on small differences.
        self.exit = layers.Conv2D(dim, 1, dtype="float32")
        self.call(ops.zeros((1, *image_shape)))
        self.built = True

    def call(self, x: Any) -> Any:
        bottom, right = self.padding
        h = self.patches(ops.pad(x, ((0, 0), (0, bottom), (0, right), (0, 0)), constant_values=-1.0))
        for level, (entrance, blocks) in enumerate(zip(self.entrances, self.blocks, strict=True)):
            h = entrance(ops.relu(h) if level else h)
            for block in blocks:
                h = block(h)
        return self.exit(ops.relu(h))


@keras.saving.register_keras_serializable("pixelzoo")
class Decoder(layers.Layer):
    """Vectors, float32 [n, rows, columns, dim], to a `Mixture`, float32 [n, h, w, c, components] each.

    Args:
        image_shape, patch, widths, blocks, dim: as for `Encoder`, which it mirrors.
        components: logistics in the mixture of each pixel and channel.
        initial_log_scale: where the log scales of the components start; the range of pixels is 2 wide.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        *,
        patch: int,
        widths: Sequence[int],
        blocks: Sequence[int],
        dim: int,
        components: int,
        initial_log_scale: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        policy = self.dtype_policy
        self.image_shape, self.components, self.initial_log_scale = image_shape, components, initial_log_scale
        self.entrance = layers.Conv2D(widths[-1], 3, padding="same", dtype=policy)
        # From coarse to fine. The way up doubles the resolution: four positions are written as four groups of channels.
        self.blocks = [
            [ResidualBlock(width, dtype=policy) for _ in range(count)]
            for width, count in zip(reversed(widths), reversed(blocks), strict=True)
        ]
        self.ups = [layers.Conv2D(4 * width, 1, dtype=policy) for width in reversed(widths[:-1])]
        self.double = DepthToSpace(2, dtype=policy)
        outputs = 3 * components * image_shape[-1] * patch**2
        small = keras.initializers.VarianceScaling(0.1)
        self.head = layers.Conv2D(outputs, 1, kernel_initializer=small, dtype="float32")
        self.pixels = DepthToSpace(patch, dtype="float32")
        self.call(ops.zeros((1, *grid_shape(image_shape, patch, len(widths)), dim)))
        self.double.built = self.built = True

    def call(self, vectors: Any) -> Mixture:
        h = self.entrance(vectors)
        for level, blocks in enumerate(self.blocks):
            h = self.double(self.ups[level - 1](ops.relu(h))) if level else h
            for block in blocks:
                h = block(h)
        outputs = self.pixels(self.head(ops.relu(h)))
        return read_mixture(outputs, self.image_shape, self.components, self.initial_log_scale)
