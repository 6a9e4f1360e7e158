"""How images came about: their previews in a row, and at its end the image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from zoo_client.grid import WHITE
from zoo_client.images import Pixels
from zoo_client.results import Image, Preview


@dataclass(frozen=True, eq=False)
class Film:
    """Frames for a grid.

    Attributes:
        frames: uint8 [rows * columns, h, w, c]: for each image its previews, then itself.
        columns: frames in a row.
        steps: the steps after which the previews were made, one for each column but the last.
    """

    frames: Pixels
    columns: int
    steps: tuple[int, ...]


def film(events: Iterable[Preview | Image], indices: Iterable[int] | None = None) -> Film:
    """Sorts the events of a stream into rows, of all images or of those of `indices`.

    A server passes over previews for a reader who is slow; in their places the film is white.
    """
    previews: dict[tuple[int, int], Pixels] = {}
    images: dict[int, Pixels] = {}
    for event in events:
        if isinstance(event, Preview):
            previews[event.index, event.step] = event.pixels
        else:
            images[event.index] = event.pixels
    chosen = sorted(images) if indices is None else list(indices)
    steps = tuple(sorted({step for index, step in previews if index in chosen}))
    blank = np.full_like(images[chosen[0]], WHITE)
    rows = [[*(previews.get((index, step), blank) for step in steps), images[index]] for index in chosen]
    return Film(np.stack([frame for row in rows for frame in row]), len(steps) + 1, steps)
