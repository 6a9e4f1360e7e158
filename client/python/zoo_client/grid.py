"""Pictures of pictures: grids of images, enlarged by whole factors so that every pixel stays crisp."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo_client.images import Pixels, to_pil

if TYPE_CHECKING:
    from PIL import Image, ImageFont

WHITE = 255
INK = (40, 40, 46)
TARGET_SIZE = 96  # Small images are enlarged to at most this many pixels a side.


def best_columns(count: int) -> int:
    """How many columns make a full, nearly square grid of `count` tiles: 16 -> 4, 10 -> 5, 7 -> 3."""
    root = math.isqrt(max(count, 1) - 1) + 1  # the square root, rounded up
    full = (c for c in range(root, 2 * root + 1) if count % c == 0)
    return next(full, root)


def best_scale(height: int, width: int) -> int:
    """The whole factor by which images of this size are enlarged for the eye: 28 x 28 -> 3, 8 x 8 -> 12."""
    return max(1, TARGET_SIZE // max(height, width))


def tile(images: Pixels, *, columns: int, scale: int = 1, gap: int = 0, background: int = WHITE) -> Pixels:
    """Lays images out row by row.

    Args:
        images: uint8 [n, h, w, c].
        columns: images in a row; the last row may be shorter.
        scale: whole factor of enlargement; a pixel becomes a block of scale x scale equal pixels.
        gap: pixels of background between neighbours (there is none round the outside).
        background: 0..255, of the gaps and of the empty places in the last row.

    Returns:
        uint8 [rows * (h * scale + gap) - gap, columns * (w * scale + gap) - gap, c].
    """
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(f"images must be uint8 [n, h, w, c] with n >= 1, got shape {images.shape}")
    large = images.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, channels = large.shape
    rows = -(-count // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, channels)
    canvas = np.full(shape, background, np.uint8)
    for index, image in enumerate(large):
        y, x = (index // columns) * (height + gap), (index % columns) * (width + gap)
        canvas[y : y + height, x : x + width] = image
    return canvas


def grid(
    images: Pixels,
    *,
    columns: int | None = None,
    scale: int | None = None,
    gap: int = 4,
    margin: int = 12,
    row_labels: Sequence[str] = (),
) -> Image.Image:
    """A grid as a PIL picture, with a margin and, if there are labels, one to the left of each row.

    Args:
        images: uint8 [n, h, w, c] with c 1 (grey), 3 (RGB) or 4 (RGBA).
        columns: images in a row; by default a nearly square grid.
        scale: whole factor of enlargement; by default images grow to about 96 pixels a side.
        gap: pixels between neighbours.
        margin: pixels round the outside.
        row_labels: one text per row, or none.
    """
    from PIL import Image, ImageDraw

    columns = columns or best_columns(len(images))
    scale = scale or best_scale(images.shape[1], images.shape[2])
    picture = to_pil(tile(images, columns=columns, scale=scale, gap=gap))
    rows = -(-len(images) // columns)
    if row_labels and len(row_labels) != rows:
        raise ValueError(f"{len(row_labels)} row labels for {rows} rows")

    pitch = images.shape[1] * scale + gap
    typeface = font(max(12, min(18, pitch // 4)))
    label_width = max((round(typeface.getlength(printable(text))) + 14 for text in row_labels), default=0)
    size = (picture.width + label_width + 2 * margin, picture.height + 2 * margin)
    canvas = Image.new("RGB" if row_labels else picture.mode, size, "white")
    canvas.paste(picture, (margin + label_width, margin))
    draw = ImageDraw.Draw(canvas)
    for row, text in enumerate(row_labels):
        middle = margin + row * pitch + (pitch - gap) / 2
        draw.text((margin + label_width - 14, middle), printable(text), INK, typeface, anchor="rm")
    return canvas


def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own typeface, so that a picture looks the same on every machine."""
    from PIL import ImageFont

    typeface = ImageFont.load_default(size)
    assert isinstance(typeface, ImageFont.FreeTypeFont)
    return typeface


def printable(text: str) -> str:
    """Puts in the place of what Pillow's typeface lacks the nearest sign that it has."""
    for sign, instead in (("×", "x"), ("–", "-"), ("—", "-"), ("→", "to"), ("≤", "<="), ("≥", ">=")):
        text = text.replace(sign, instead)
    return text
