"""`digits`: scikit-learn's 1,797 real 8x8 scans of handwritten digits, bundled with that package."""

from __future__ import annotations

import numpy as np

from zoo.data.image_data import ImageData, Licence
from zoo.data.splits import ArraySplit

TRAIN_ROWS = 1350


def load_digits() -> ImageData:
    """Rows 0 .. 1349 train, rows 1350 .. 1796 test (other writers), as 8x8x1 images with ten classes.

    The scans have 17 grey levels. Level v of 0 .. 16 becomes round(255 v / 16), so that black and white are 0 and 255
    and the levels stay apart; bits/dim on these images is over 256 values, of which 239 never occur.
    """
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    labels = bunch.target.astype(np.int32)
    return ImageData(
        name="digits",
        image_shape=(8, 8, 1),
        class_names=tuple(str(digit) for digit in range(10)),
        licence=Licence(
            "Creative Commons Attribution 4.0", "CC-BY-4.0", "E. Alpaydin, C. Kaynak (UCI repository)"
        ),
        uri="https://archive.ics.uci.edu/dataset/80",
        splits=f"train: rows 0-{TRAIN_ROWS - 1}; test: rows {TRAIN_ROWS}-{len(images) - 1}",
        train_split=ArraySplit(images[:TRAIN_ROWS], labels[:TRAIN_ROWS]),
        test_split=ArraySplit(images[TRAIN_ROWS:], labels[TRAIN_ROWS:]),
    )
