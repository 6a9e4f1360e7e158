"""The one low resolution of the zoo: what super-resolution is trained on, asked to undo, and measured by.

Bicubic down-sampling with antialiasing, rounded to uint8: the kernel is stretched by the factor, as PIL and MATLAB's
`imresize` do. Without the stretching, bicubic scores 0.6-1.2 dB less, so numbers from two kinds of low resolution
cannot be compared.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def low_resolution(image: Any, factor: int = 4) -> tf.Tensor:
    """`image` uint8 [n, h, w, c] at 1/`factor` of its size, uint8 [n, h / factor, w / factor, c].

    Raises ValueError if a side, where it is known, is not a multiple of `factor`: cut with `whole_multiple` first.
    """
    image = tf.convert_to_tensor(image)
    if any(side is not None and side % factor for side in image.shape[1:3]):
        raise ValueError(
            f"images of {image.shape[1]}x{image.shape[2]} pixels have no low resolution at 1/{factor}: "
            f"cut them to multiples of {factor} first (whole_multiple)"
        )
    size = tf.shape(image)[1:3] // factor
    return _rounded(tf.image.resize(image, size, "bicubic", antialias=True))


def bicubic(image: Any, factor: int = 4) -> tf.Tensor:
    """`image` uint8 [n, h, w, c] at `factor` times its size, by bicubic interpolation: what a model has to beat."""
    image = tf.convert_to_tensor(image)
    return _rounded(tf.image.resize(image, tf.shape(image)[1:3] * factor, "bicubic"))


def whole_multiple(image: Any, factor: int = 4) -> Any:
    """`image` [..., h, w, c] without the last rows and columns that a multiple of `factor` has no room for."""
    height, width = (side - side % factor for side in image.shape[-3:-1])
    return image[..., :height, :width, :]


def _rounded(image: tf.Tensor) -> tf.Tensor:
    # Bicubic weights are negative in places: beside an edge the result leaves the range.
    return tf.cast(tf.round(tf.clip_by_value(image, 0.0, 255.0)), tf.uint8)
