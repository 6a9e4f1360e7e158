"""Any image dataset of tensorflow-datasets, by its name."""

from __future__ import annotations

import difflib
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import numpy as np
import tensorflow as tf

from zoo.data.errors import DataError
from zoo.data.image_data import ImageData, Licence
from zoo.data.resizing import centre_square
from zoo.data.splits import ArraySplit, Split, StreamSplit, check_labels, fits_in_memory, window_of


def load_catalogued(
    source: str,
    *,
    size: int = 0,
    train_split: str = "train",
    test_split: str = "test",
    known: Sequence[str] = (),
) -> ImageData:
    """The dataset `source` of tensorflow-datasets, downloaded on first use to where that package keeps its data.

    It must have a feature "image" of uint8 images; a feature "label" gives the classes. Raises DataError.
    """
    import tensorflow_datasets as tfds

    builder = _builder(tfds, source, known)
    features = builder.info.features
    if not isinstance(features, tfds.features.FeaturesDict) or "image" not in features:
        raise DataError(
            f"{source} has no feature 'image'; it has {', '.join(features or ['none'])}. "
            "Choose an image dataset, or save its pictures and use folder:PATH"
        )
    if features["image"].np_dtype != np.uint8:
        raise DataError(f"{source} has images of {features['image'].np_dtype}; the zoo takes 8-bit images")
    shape = (size, size, features["image"].shape[-1]) if size else tuple(features["image"].shape)
    if None in shape:
        raise DataError(
            f"the images of {source} have different sizes; set data.size=64, say, to crop and resize them"
        )
    _prepare(builder, source)
    for option, split in (("train_split", train_split), ("test_split", test_split)):
        _check_split(builder, source, option, split)
    _check_apart(builder, source, train_split, test_split)
    names = _class_names(tfds, features)
    return ImageData(
        name=source,
        image_shape=shape,
        class_names=names,
        licence=Licence(getattr(builder.info, "license", None) or "see its home page"),
        uri=builder.info.homepage or "",
        splits=f"train: {train_split}; test: {test_split}",
        train_split=_split(tfds, builder, source, train_split, shape, size, len(names)),
        test_split=_split(tfds, builder, source, test_split, shape, size, len(names)),
    )


def _class_names(tfds: Any, features: Any) -> tuple[str, ...]:
    if "label" not in features or not isinstance(features["label"], tfds.features.ClassLabel):
        return ()
    return tuple(features["label"].names)


def _builder(tfds: Any, source: str, known: Sequence[str]) -> Any:
    try:
        return tfds.builder(source)
    except (tfds.core.registered.DatasetNotFoundError, ValueError) as error:
        names = {*known, *tfds.list_builders(with_community_datasets=False)}
        near = difflib.get_close_matches(source, sorted(names), n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise DataError(
            f"unknown data source {source!r}.{hint} There are: {', '.join(known)} "
            "(NAME is a dataset of tensorflow-datasets)"
        ) from error


def _prepare(builder: Any, source: str) -> None:
    try:
        _check_network(builder)
        builder.download_and_prepare()
    except Exception as error:  # whatever a download can die of: each dataset has its own code for it
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        remedy = (
            "Install Debian's package instead (make data, or: apt-get install dataset-fashion-mnist)"
            if source == "fashion_mnist"
            else "Check the network, or prepare it elsewhere and set TFDS_DATA_DIR to a copy of that data folder; "
            "digits needs no download"
        )
        raise DataError(f"{source} could not be downloaded and prepared: {reason}. {remedy}") from error


def _check_network(builder: Any) -> None:
    """Raises OSError when a download is needed and none of its hosts can be found.

    Without this, tensorflow-datasets retries for minutes where there is no network.
    """
    if builder.is_prepared() or getproxies():
        return
    hosts = {host for url in builder.url_infos or () if (host := urlsplit(url).hostname)}
    if hosts and not any(_resolves(host) for host in hosts):
        raise OSError(f"no network: {', '.join(sorted(hosts))} cannot be found")


def _resolves(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, 443))
    except OSError:
        return False


def _check_split(builder: Any, source: str, option: str, split: str) -> None:
    try:
        count = builder.info.splits[split].num_examples
    except (KeyError, ValueError) as error:
        have = ", ".join(builder.info.splits)
        raise DataError(
            f"{source} has no split {split!r}; it has {have}. Name one with data.{option}, or a part of one, "
            "such as 'train[:90%]' to train on and 'train[90%:]' to test on"
        ) from error
    if not count:
        raise DataError(f"the split {split!r} of {source} is empty; name another with data.{option}")


def _check_apart(builder: Any, source: str, train_split: str, test_split: str) -> None:
    """A test image is never trained on: the two splits may not share a record of any file."""

    def records(split: str) -> list[tuple[str, int, int]]:
        parts = builder.info.splits[split].file_instructions
        return [(part.filename, part.skip, part.skip + part.take) for part in parts]

    test = records(test_split)
    for name, first, last in records(train_split):
        if any(name == other and first < end and start < last for other, start, end in test):
            raise DataError(
                f"data.train_split {train_split!r} and data.test_split {test_split!r} of {source} share images; "
                "choose parts that do not overlap, such as 'train[:90%]' and 'train[90%:]'"
            )


def _split(
    tfds: Any, builder: Any, source: str, split: str, shape: tuple[int, ...], size: int, classes: int
) -> Split:
    def item(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        image = centre_square(features["image"], size) if size else features["image"]
        label = tf.cast(features["label"], tf.int32) if classes else tf.constant(-1, tf.int32)
        return {"image": tf.ensure_shape(image, shape), "label": label}

    def stream() -> tf.data.Dataset:
        # Without shuffled files the order is the same each time, which a resume relies on.
        return builder.as_dataset(split=split, shuffle_files=False).map(
            item, num_parallel_calls=tf.data.AUTOTUNE
        )

    count = builder.info.splits[split].num_examples
    streamed = StreamSplit(stream, count, window_of(shape))
    if not fits_in_memory(count, shape):
        return streamed
    images, labels = streamed.arrays()
    check_labels(labels, classes, source)
    return ArraySplit(images, labels)
