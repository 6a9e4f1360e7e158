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
    column_labels: Sequence[str] = (),
) -> Image.Image:
    """A grid as a PIL picture, with a margin, and labels to the left of its rows and above its columns.

    Args:
        images: uint8 [n, h, w, c] with c 1 (grey), 3 (RGB) or 4 (RGBA).
        columns: images in a row; by default a nearly square grid.
        scale: whole factor of enlargement; by default images grow to about 96 pixels a side.
        gap: pixels between neighbours.
        margin: pixels round the outside.
        row_labels: one text per row, or none.
        column_labels: one text per column, or none.
    """
    from PIL import Image, ImageDraw

    columns = columns or best_columns(len(images))
    scale = scale or best_scale(images.shape[1], images.shape[2])
    picture = to_pil(tile(images, columns=columns, scale=scale, gap=gap))
    rows = -(-len(images) // columns)
    for labels, places, what in ((row_labels, rows, "row"), (column_labels, columns, "column")):
        if labels and len(labels) != places:
            raise ValueError(f"{len(labels)} {what} labels for {places} {what}s")

    height, width = (images.shape[axis] * scale + gap for axis in (1, 2))
    typeface = font(max(12, min(18, height // 4)))
    left = max((round(typeface.getlength(printable(text))) + 14 for text in row_labels), default=0)
    heading = fitting_font(column_labels, width)
    top = round(1.6 * heading.size) if column_labels else 0
    size = (picture.width + left + 2 * margin, picture.height + top + 2 * margin)
    canvas = Image.new("RGB" if row_labels or column_labels else picture.mode, size, "white")
    canvas.paste(picture, (margin + left, margin + top))
    draw = ImageDraw.Draw(canvas)
    for row, text in enumerate(row_labels):
        middle = margin + top + row * height + (height - gap) / 2
        draw.text((margin + left - 14, middle), printable(text), INK, typeface, anchor="rm")
    for column, text in enumerate(column_labels):
        middle = margin + left + column * width + (width - gap) / 2
        draw.text((middle, margin + top - 0.5 * heading.size), printable(text), INK, heading, anchor="ms")
    return canvas


def fitting_font(texts: Sequence[str], width: int) -> ImageFont.FreeTypeFont:
    """The largest type, of those fit for labels, in which each text leaves room in this width; or the smallest."""
    sizes = (16, 15, 14, 13, 12, 11)
    room = width - 8
    fits = (size for size in sizes if all(font(size).getlength(printable(text)) <= room for text in texts))
    return font(next(fits, sizes[-1]))


def blank_below(image: Pixels, rows: int, level: int = 200) -> Pixels:
    """A copy of uint8 [h, w, c] with the `rows` at its top, and one light grey below them."""
    kept = image.copy()
    kept[rows:] = level
    return kept


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
