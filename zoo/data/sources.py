"""The table of sources: from the name that a user writes to opened data."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.data import catalogue, digits, fashion_mnist, folder
from zoo.data.errors import DataError
from zoo.data.image_data import ImageData

# What `pixelzoo data` lists and an unknown name is answered with.
SOURCES = {
    "digits": "1,797 scans of handwritten digits, 8x8, bundled with scikit-learn: no download",
    "fashion_mnist": "70,000 pictures of clothes, 28x28, from Debian's package dataset-fashion-mnist, else a download",
    "folder:PATH": "your own images: one subfolder for each class, or none",
    "NAME": "any image dataset of tensorflow-datasets, such as mnist, cifar10 or celeb_a: a download",
}


def load(source: str, *, size: int = 0, train_split: str = "", test_split: str = "") -> ImageData:
    """Opens a source of images as a train and a test split.

    Args:
        source: "digits", "fashion_mnist", "folder:PATH" or the name of a tensorflow-datasets image set.
        size: for a folder or a tensorflow-datasets set, crop every image to its centre square and resize it to this
            many pixels; 0 leaves the images as they are, and they must then all have one size.
        train_split, test_split: for a tensorflow-datasets set, the splits to use instead of "train" and "test", in
            that package's notation, such as "train[:90%]" and "train[90%:]".

    Raises:
        DataError: the source is unknown, cannot be had, or does not hold images of one size. The message says which
            and what to do.
    """
    if size < 0:
        raise DataError(f"data.size must be at least 0; got {size}")
    splits = {"train_split": train_split, "test_split": test_split}
    if source.startswith("folder:"):
        _refuse(source, splits)
        return folder.load_folder(source.removeprefix("folder:"), size)
    if source == "digits":
        _refuse(source, {"size": size, **splits})
        return digits.load_digits()
    if source == "fashion_mnist" and fashion_mnist.is_installed() and not (size or train_split or test_split):
        return fashion_mnist.load_fashion_mnist()
    return catalogue.load_catalogued(
        source,
        size=size,
        train_split=train_split or "train",
        test_split=test_split or "test",
        known=tuple(SOURCES),
    )


def _refuse(source: str, options: Mapping[str, object]) -> None:
    for name, value in options.items():
        if value:
            raise DataError(f"data.{name} does not apply to {source!r}; leave it out")
