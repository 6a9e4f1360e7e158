"""The two domains of unpaired translation: two sources, or two classes of one source, as one `ImageData`."""

from __future__ import annotations

import difflib
from dataclasses import replace

import numpy as np
import tensorflow as tf

from zoo.data.errors import DataError
from zoo.data.image_data import ImageData, Licence
from zoo.data.splits import ArraySplit, Split, StreamSplit
from zoo.data.unpaired import DOMAIN_A, DOMAIN_B, UnpairedSplit


def two_domains(a: ImageData, b: ImageData, class_a: str = "", class_b: str = "") -> ImageData:
    """Domain A is the class `class_a` of `a`, domain B the class `class_b` of `b`; without a name, the whole source.

    The result's classes are the two domains in their order. Raises DataError.
    """
    if a.image_shape != b.image_shape:
        (height_a, width_a, channels_a), (height_b, width_b, channels_b) = a.image_shape, b.image_shape
        remedy = (
            "bring both to grey or both to RGB"
            if channels_a != channels_b
            else "set data.size=64, say, to crop and resize both"
        )
        raise DataError(
            f"the domains differ: {a.name} has images {height_a}x{width_a}x{channels_a}, and "
            f"{b.name} {height_b}x{width_b}x{channels_b}; {remedy}"
        )
    train_a, test_a = _domain(a, class_a, "domain_a", DOMAIN_A)
    train_b, test_b = _domain(b, class_b, "domain_b", DOMAIN_B)
    names = (class_a or a.name.removeprefix("folder:"), class_b or b.name.removeprefix("folder:"))
    origins = dict.fromkeys((a.splits, b.splits))
    return replace(
        a,
        name=" + ".join(dict.fromkeys((a.name, b.name))),
        class_names=names,
        licence=a.licence if a.licence == b.licence else _both(a.licence, b.licence),
        uri=" ".join(dict.fromkeys(uri for uri in (a.uri, b.uri) if uri)),
        splits=f"A: {names[0]}, {train_a.size} to train on and {test_a.size} to test on; "
        f"B: {names[1]}, {train_b.size} and {test_b.size}; of {' and '.join(origins)}",
        train_split=UnpairedSplit(train_a, train_b),
        test_split=UnpairedSplit(test_a, test_b),
    )


def _domain(images: ImageData, name: str, option: str, domain: int) -> tuple[Split, Split]:
    """The train and test splits of one domain; `name` is a class of `images`, or empty for all of it."""
    if name and name not in images.class_names:
        near = difflib.get_close_matches(name, images.class_names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(
            f"data.{option}: {images.name} has no class {name!r}.{hint} "
            f"It has {', '.join(images.class_names) or 'none at all'}"
        )
    label = images.class_names.index(name) if name else None
    train, test = (_relabelled(split, label, domain) for split in (images.train_split, images.test_split))
    for part, split in (("train", train), ("test", test)):
        if not split.size:
            raise DataError(f"data.{option}: the class {name!r} of {images.name} has no images to {part} on")
    return train, test


def _relabelled(split: Split, label: int | None, domain: int) -> Split:
    """The items of `split` with the class `label` (None for all items), with `domain` as their label."""
    if isinstance(split, StreamSplit):
        return _relabelled_stream(split, label, domain)
    images, labels = split.arrays()
    images = images if label is None else images[labels == label]
    return ArraySplit(images, np.full(len(images), domain, np.int32))


def _relabelled_stream(split: StreamSplit, label: int | None, domain: int) -> StreamSplit:
    def stream() -> tf.data.Dataset:
        items = split.stream()
        if label is not None:
            items = items.filter(lambda item: item["label"] == label)
        return items.map(lambda item: {**item, "label": tf.constant(domain, tf.int32)})

    # A stream does not know how many items of a class it has: they are counted in one pass.
    count = split.count if label is None else int(stream().reduce(0, lambda count, item: count + 1))
    return StreamSplit(stream, count, split.window)


def _both(a: Licence, b: Licence) -> Licence:
    def join(one: str, other: str) -> str:
        return f"A: {one or 'none stated'}; B: {other or 'none stated'}"

    return Licence(join(a.name, b.name), "", join(a.holder, b.holder))
