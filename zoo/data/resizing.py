"""Bringing images of any size to one size."""

from __future__ import annotations

import tensorflow as tf


def centre_square(image: tf.Tensor, size: int) -> tf.Tensor:
    """The centre square of `image`, uint8 [h, w, c], resized by area to uint8 [size, size, c]."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    side = tf.minimum(height, width)
    square = tf.image.crop_to_bounding_box(image, (height - side) // 2, (width - side) // 2, side, side)
    resized = tf.image.resize(square, (size, size), method="area")
    return tf.cast(tf.round(resized), tf.uint8)
