"""The table of sources: from the name that a user writes to opened data."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.data import catalogue, digits, fashion_mnist, folder, photos
from zoo.data.domains import two_domains
from zoo.data.errors import DataError
from zoo.data.image_data import ImageData

# What `pixelzoo data` lists and an unknown name is answered with.
SOURCES = {
    "digits": "1,797 scans of handwritten digits, 8x8, bundled with scikit-learn: no download",
    "fashion_mnist": "70,000 pictures of clothes, 28x28, from Debian's package dataset-fashion-mnist, else a download",
    "photos": "crops of ten real photographs, RGB, bundled with scikit-image and scikit-learn: no download",
    "folder:PATH": "your own images: one subfolder for each class, or none",
    "NAME": "any image dataset of tensorflow-datasets, such as mnist, cifar10 or celeb_a: a download",
}


def load(
    source: str,
    *,
    size: int = 0,
    train_split: str = "",
    test_split: str = "",
    domain_a: str = "",
    domain_b: str = "",
    source_b: str = "",
) -> ImageData:
    """Opens a source of images as a train and a test split, or two domains of images side by side.

    Args:
        source: "digits", "fashion_mnist", "photos", "folder:PATH" or the name of a tensorflow-datasets image set.
        size: for a folder or a tensorflow-datasets set, crop every image to its centre square and resize it to this
            many pixels; 0 leaves the images as they are, and they must then all have one size. For photos, the size
            of a crop.
        train_split, test_split: for a tensorflow-datasets set, the splits to use instead of "train" and "test", in
            that package's notation, such as "train[:90%]" and "train[90%:]".
        domain_a, domain_b: for unpaired translation, the classes that are its two domains.
        source_b: a second source, opened with the same options, for domain B. Without `domain_a`, all of `source` is
            domain A, and without `domain_b`, all of `source_b` is domain B.

    Raises:
        DataError: the source is unknown, cannot be had, or does not hold images of one size. The message says which
            and what to do.
    """
    if size < 0:
        raise DataError(f"data.size must be at least 0; got {size}")
    images = _open(source, size, train_split, test_split)
    if not (domain_a or domain_b or source_b):
        return images
    if not source_b and not (domain_a and domain_b):
        raise DataError(
            "two domains take two names: set data.domain_a and data.domain_b to two classes of "
            f"{source!r}, or data.source_b to a second source"
        )
    if source_b in ("", source) and domain_a == domain_b:
        raise DataError(
            f"both domains are {f'the class {domain_a!r}' if domain_a else 'all'} of {source!r}; "
            "name another class with data.domain_b, or another source with data.source_b"
        )
    other = _open(source_b, size, train_split, test_split) if source_b else images
    return two_domains(images, other, domain_a, domain_b)


def _open(source: str, size: int, train_split: str, test_split: str) -> ImageData:
    splits = {"train_split": train_split, "test_split": test_split}
    if source.startswith("folder:"):
        _refuse(source, splits)
        return folder.load_folder(source.removeprefix("folder:"), size)
    if source == "digits":
        _refuse(source, {"size": size, **splits})
        return digits.load_digits()
    if source == "photos":
        _refuse(source, splits)
        return photos.load_photos(size)
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
