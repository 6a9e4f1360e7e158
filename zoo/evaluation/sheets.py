"""Pictures beside the figures: a sheet of samples, and samples beside the training images that are nearest to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from zoo.contact_sheet import grid
from zoo.evaluation.bench import Bench
from zoo.metrics import neighbours

_COLUMNS = 12
_NEIGHBOURS = 4
# Samples whose neighbours are shown: one of each of ten classes.
_SHOWN = 10


def write_sheets(bench: Bench, folder: Path) -> Iterator[Path]:
    """Writes samples.png and neighbours.png into `folder`, of the first samples; yields their paths.

    A row of neighbours.png has a sample, then the training images nearest to it pixel by pixel, then those nearest in
    the feature space. A model that remembers would show its sample over again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = bench.drawn(0)
    samples = folder / "samples.png"
    if bench.subject.by_class:
        classes = bench.data.class_names
        columns = max(1, min(_COLUMNS, len(drawn.label) // len(classes)))
        # Classes take turns, so that the first of them have at least as many samples as the last.
        rows = [np.flatnonzero(drawn.label == label)[:columns] for label in range(len(classes))]
        shown = np.concatenate([row for row in rows if len(row) == columns])
        grid(drawn.image[shown], columns, classes[: len(shown) // columns]).save(samples)
    else:
        grid(drawn.image[: _COLUMNS**2], _COLUMNS).save(samples)
    yield samples

    shown = drawn.image[:_SHOWN]
    train = bench.data.arrays("train")[0]
    in_pixels = neighbours.nearest(_flat(shown), _flat(train), _NEIGHBOURS)[0]
    in_features = neighbours.nearest(
        drawn.view.features[:_SHOWN], bench.extractor(train).features, _NEIGHBOURS
    )[0]
    blank = np.full_like(shown[:1], 255)
    rows = [
        np.concatenate([sample[np.newaxis], blank, train[pixels], blank, train[features]])
        for sample, pixels, features in zip(shown, in_pixels, in_features, strict=True)
    ]
    path = folder / "neighbours.png"
    grid(np.concatenate(rows), len(rows[0])).save(path)
    yield path


def _flat(image: np.ndarray) -> np.ndarray:
    return image.reshape(len(image), -1)
