"""Working on a large picture one window at a time, so that the result is that of the whole picture at once.

All windows have one size and lie inside the picture; at the picture's edges they end where it ends. Where a window ends
elsewhere, the network lacks what lies beyond, so its result is used only `margin` pixels further in. A margin that is
at least the network's reach makes tiled and whole results equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True)
class Tiling:
    """Windows of `window` pixels, of which `margin` pixels at each inner edge are not used; the network enlarges
    `scale` times. Sides of the picture that are shorter than the window are taken whole.

    Raises ValueError if the margins leave nothing of a window.
    """

    window: int
    margin: int
    scale: int = 1

    def __post_init__(self) -> None:
        if self.window <= 2 * self.margin:
            raise ValueError(f"a window of {self.window} is all margin: {self.margin} at each edge")

    @property
    def stride(self) -> int:
        """Pixels from one window to the next."""
        return self.window - 2 * self.margin

    def count(self, picture: Any) -> Any:
        """How many windows cover `picture` [n, h, w, c], an int32 scalar: 1 for a small one."""
        rows, columns = self._counts(picture)
        return rows * columns

    def cut(self, picture: Any, index: Any) -> Any:
        """Window number `index` int32 [n], in reading order, of each picture [n, h, w, c]."""
        rows, columns = self._starts(picture, index)
        for axis, start in ((1, rows), (2, columns)):
            length = tf.minimum(tf.shape(picture)[axis], self.window)
            picture = tf.gather(picture, start[:, None] + tf.range(length), axis=axis, batch_dims=1)
        return picture

    def paste(self, canvas: Any, result: Any, picture: Any, index: Any) -> Any:
        """`canvas` [n, scale h, scale w, c] with the part to use of `result`, what became of `cut(picture, index)`."""
        used = tf.constant(True)
        for axis, start in zip((1, 2), self._starts(picture, index), strict=True):
            length = tf.minimum(tf.shape(picture)[axis], self.window)
            place = tf.range(tf.shape(picture)[axis] * self.scale) - self.scale * start[:, None]
            first = tf.where(start == 0, 0, self.margin)
            last = tf.where(start + length == tf.shape(picture)[axis], length, length - self.margin)
            inside = (place >= self.scale * first[:, None]) & (place < self.scale * last[:, None])
            result = tf.gather(
                result, tf.clip_by_value(place, 0, self.scale * length - 1), axis=axis, batch_dims=1
            )
            used &= inside[:, :, None, None] if axis == 1 else inside[:, None, :, None]
        return tf.where(used, result, canvas)

    def _counts(self, picture: Any) -> tuple[Any, Any]:
        """Windows below and beside each other."""
        height, width = (
            1 + tf.maximum(0, tf.shape(picture)[axis] - self.window + self.stride - 1) // self.stride
            for axis in (1, 2)
        )
        return height, width

    def _starts(self, picture: Any, index: Any) -> tuple[Any, Any]:
        """The first row and the first column of window number `index`, int32 [n] each."""
        _, columns = self._counts(picture)
        places = (index // columns, index % columns)
        top, left = (
            tf.minimum(place * self.stride, tf.maximum(0, tf.shape(picture)[axis] - self.window))
            for axis, place in zip((1, 2), places, strict=True)
        )
        return top, left
