"""Differentiable augmentation of what a discriminator sees (Zhao et al. 2020).

Every item's change is a function of its own draws, and the same draws serve a real image and a generated one: the
discriminator cannot tell them apart by it, and the generator's gradient passes through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

NAMES = ("brightness", "translation", "cutout")
DRAWS = 5  # uniform numbers an item: 1 for brightness, 2 for translation, 2 for cutout
_SHIFT = 1 / 8  # of a side, at most
_CUT = 1 / 2  # of a side


def augment(image: Any, draws: Any, names: Sequence[str]) -> Any:
    """`image` float32 [n, h, w, c] in [-1, 1], changed in the ways of `names`, in the order of `NAMES`.

    brightness adds one number in [-0.5, 0.5) to all pixels; translation moves the image by up to an eighth of each
    side, whole pixels, and fills up with 0; cutout sets a square of half of each side, anywhere, to 0.

    Args:
        image: any number of channels; both sides at least 2.
        draws: float32 [n, DRAWS], uniform in [0, 1).
        names: some of `NAMES`.
    """
    changes = {
        "brightness": lambda x: x + (draws[:, 0] - 0.5)[:, None, None, None],
        "translation": lambda x: _translate(x, draws[:, 1], draws[:, 2]),
        "cutout": lambda x: _cut_out(x, draws[:, 3], draws[:, 4]),
    }
    for name in NAMES:
        if name in names:
            image = changes[name](image)
    return image


def _translate(x: Any, down: Any, right: Any) -> Any:
    """Products with shifted unit matrices: their derivatives of every order are products again."""
    _, height, width, _ = x.shape
    rows, columns = _shifted_unit(height, down), _shifted_unit(width, right)
    return tf.einsum("nij,njkc,nlk->nilc", rows, x, columns)


def _shifted_unit(side: int, draw: Any) -> Any:
    """Matrices float32 [n, side, side] that move a line by a whole number of places in -side/8 .. side/8."""
    reach = int(side * _SHIFT + 0.5)
    shift = tf.cast(tf.floor(draw * (2 * reach + 1)), tf.int32) - reach
    place = tf.range(side)
    return tf.cast(place[None, :, None] - shift[:, None, None] == place[None, None, :], tf.float32)


def _cut_out(x: Any, down: Any, right: Any) -> Any:
    _, height, width, _ = x.shape
    hidden = _span(height, down)[:, :, None] & _span(width, right)[:, None, :]
    return x * tf.cast(~hidden, tf.float32)[..., None]


def _span(side: int, draw: Any) -> Any:
    """Which places of a line the square covers, bool [n, side]; its centre may stand at any of them."""
    size = int(side * _CUT + 0.5)
    start = tf.cast(tf.floor(draw * (side + 1 - size % 2)), tf.int32) - size // 2
    place = tf.range(side)[None]
    return (place >= start[:, None]) & (place < start[:, None] + size)
