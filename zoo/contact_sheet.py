"""Contact sheets: many small images on one, in rows that may have names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

_GAP = 2
_SHORTEST_SIDE = 28


def grid(images: np.ndarray, columns: int, row_names: Sequence[str] = ()) -> Image.Image:
    """`images` uint8 [n, h, w, c] (c is 1 or 3) in rows of `columns`, with the rows' names at their left if given.

    Images whose shorter side is under 28 pixels are enlarged by a whole factor, pixel by pixel.
    """
    images = np.asarray(images)
    factor = max(1, -(-_SHORTEST_SIDE // min(images.shape[1:3])))
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = images.shape[1:3]
    rows = -(-len(images) // columns)
    margin = _widest(row_names) + 2 * _GAP if row_names else 0
    colour = images.shape[3] == 3
    size = (margin + columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP)
    sheet = Image.new("RGB" if colour else "L", size, "white")
    write = ImageDraw.Draw(sheet)
    for row, name in enumerate(row_names):
        write.text((_GAP, _GAP + row * (height + _GAP) + height // 2), name, fill="black", anchor="lm")
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        place = (margin + _GAP + column * (width + _GAP), _GAP + row * (height + _GAP))
        sheet.paste(Image.fromarray(image if colour else image[..., 0]), place)
    return sheet


def _widest(texts: Sequence[str]) -> int:
    """Pixels that the longest of `texts` takes when it is drawn."""
    ruler = ImageDraw.Draw(Image.new("L", (1, 1)))
    return max(int(ruler.textlength(text)) for text in texts)
