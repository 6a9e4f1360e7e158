"""One split of a data source, in memory or streamed, as batches of {"image", "label", "seed"}.

`image` uint8 [n, h, w, c]; `label` int32 [n], -1 where the source has no classes; `seed` int64 [n].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import tensorflow as tf

from zoo.data.errors import DataError
from zoo.data.order import keyed_order, seed_base, shuffled_index

# Larger splits are streamed from disk instead of held in memory, and this much of them is shuffled at a time.
IN_MEMORY_BYTES = 1 << 30
WINDOW_BYTES = 1 << 27


class Split(Protocol):
    """What the pipelines need from a split."""

    @property
    def size(self) -> int:
        """How many items the split has."""

    def ordered(self, batch_size: int) -> tf.data.Dataset:
        """Every item once, in the source's order, with its position as its seed. The last batch may be smaller."""

    def shuffled(self, batch_size: int, seed: int, first: int, last: int) -> tf.data.Dataset:
        """The items at positions `first` .. `last` - 1 of the shuffled training stream, in full batches."""

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """All images, uint8 [size, h, w, c], and labels, int32 [size], in the source's order."""

    def divide(self, count: int) -> tuple[Split, Split]:
        """The split without its last `count` items, and those items."""


@dataclass(frozen=True, eq=False)
class ArraySplit:
    """A split held in memory: `images` uint8 [size, h, w, c] and `labels` int32 [size]."""

    images: np.ndarray
    labels: np.ndarray

    @property
    def size(self) -> int:
        return len(self.images)

    def ordered(self, batch_size: int) -> tf.data.Dataset:
        return self._gather(tf.data.Dataset.range(self.size).batch(batch_size), lambda position: position, 0)

    def shuffled(self, batch_size: int, seed: int, first: int, last: int) -> tf.data.Dataset:
        positions = tf.data.Dataset.range(first, last).batch(batch_size, drop_remainder=True)
        return self._gather(
            positions, lambda position: shuffled_index(position, self.size, seed), seed_base(seed)
        )

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        return self.images, self.labels

    def divide(self, count: int) -> tuple[ArraySplit, ArraySplit]:
        cut = self.size - count
        return (
            ArraySplit(self.images[:cut], self.labels[:cut]),
            ArraySplit(self.images[cut:], self.labels[cut:]),
        )

    def _gather(
        self, positions: tf.data.Dataset, index: Callable[[tf.Tensor], tf.Tensor], base: int
    ) -> tf.data.Dataset:
        with tf.device("CPU:0"):
            images, labels = tf.constant(self.images), tf.constant(self.labels)

        def batch(position: tf.Tensor) -> dict[str, tf.Tensor]:
            row = index(position)
            return {"image": tf.gather(images, row), "label": tf.gather(labels, row), "seed": position + base}

        return positions.map(batch).prefetch(2)


@dataclass(frozen=True, eq=False)
class StreamSplit:
    """A split too large for memory, read in windows of `window` items that are shuffled one by one.

    `stream()` gives single items {"image", "label"}, in an order that is the same each time and mixes the classes.
    Resuming inside an epoch reads again, and throws away, what that epoch had read: the items are the same ones, they
    only take longer to reach.
    """

    stream: Callable[[], tf.data.Dataset]
    count: int
    window: int

    @property
    def size(self) -> int:
        return self.count

    def ordered(self, batch_size: int) -> tf.data.Dataset:
        return self._numbered(self.stream(), 0).batch(batch_size).prefetch(2)

    def shuffled(self, batch_size: int, seed: int, first: int, last: int) -> tf.data.Dataset:
        epoch, base = first // self.size, seed_base(seed)

        def one_epoch(number: tf.Tensor) -> tf.data.Dataset:
            def mix(window: tf.Tensor, items: dict[str, tf.Tensor]) -> tf.data.Dataset:
                order = keyed_order(tf.size(items["label"]), [base, number, window])
                return tf.data.Dataset.from_tensor_slices(
                    {key: tf.gather(items[key], order) for key in items}
                )

            return self.stream().batch(self.window).prefetch(1).enumerate().flat_map(mix)

        epochs = tf.data.Dataset.range(epoch, -(-last // self.size)).flat_map(one_epoch)
        items = epochs.skip(first - epoch * self.size).take(last - first)
        return self._numbered(items, base + first).batch(batch_size, drop_remainder=True).prefetch(2)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        batches = list(self.ordered(256).as_numpy_iterator())
        return (
            np.concatenate([batch["image"] for batch in batches]),
            np.concatenate([batch["label"] for batch in batches]),
        )

    def divide(self, count: int) -> tuple[StreamSplit, StreamSplit]:
        cut = self.count - count
        return (
            StreamSplit(lambda: self.stream().take(cut), cut, self.window),
            StreamSplit(lambda: self.stream().skip(cut), count, self.window),
        )

    @staticmethod
    def _numbered(items: tf.data.Dataset, base: int) -> tf.data.Dataset:
        return items.enumerate(start=base).map(lambda position, item: {**item, "seed": position})


def fits_in_memory(count: int, shape: Sequence[int]) -> bool:
    """Whether `count` uint8 images of `shape` are few enough to be held in memory."""
    return count * int(np.prod(shape)) <= IN_MEMORY_BYTES


def window_of(shape: Sequence[int]) -> int:
    """How many uint8 images of `shape` a window of a stream holds."""
    return max(1, WINDOW_BYTES // int(np.prod(shape)))


def check_labels(labels: np.ndarray, classes: int, source: str) -> None:
    """Raise DataError unless every label is a class number 0 .. classes - 1, or every one is -1 (no classes)."""
    low, high = (int(labels.min()), int(labels.max())) if len(labels) else (-1, -1)
    if (classes == 0 and (low, high) == (-1, -1)) or (low >= 0 and high < classes):
        return
    raise DataError(f"{source}: labels run from {low} to {high}, but the source has {classes} classes")
