"""A data source that has been opened: a train and a test split of images of one size, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from zoo.data.errors import DataError
from zoo.data.splits import Split
from zoo.data.unpaired import UnpairedSplit


@dataclass(frozen=True)
class Licence:
    """The terms under which a source may be used; `spdx` is the SPDX identifier, empty if there is none."""

    name: str
    spdx: str = ""
    holder: str = ""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images of one size with an optional class each, divided into a train and a test split.

    Attributes:
        name: the source as it was asked for, such as "fashion_mnist".
        image_shape: (height, width, channels) of every image.
        class_names: the name of each class, by label; empty if the source has no classes.
        licence: the terms of use of the images.
        uri: where the images come from.
        splits: one line that says how train and test were divided.
    """

    name: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    licence: Licence
    uri: str
    splits: str
    train_split: Split
    test_split: Split
    validation_split: Split | None = None

    @property
    def num_classes(self) -> int:
        """How many classes the source has; 0 if its images carry no label."""
        return len(self.class_names)

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the two domains of unpaired data, A and B; empty for other data."""
        return self.class_names if isinstance(self.train_split, UnpairedSplit) else ()

    @property
    def train_size(self) -> int:
        """How many items one pass over the training images has; with two domains, the images of the larger one."""
        return self.train_split.size

    @property
    def train_images(self) -> int:
        """How many images there are to train on, of all domains."""
        return _images(self.train_split)

    @property
    def test_images(self) -> int:
        """How many images are held out for testing, of all domains."""
        return _images(self.test_split)

    @property
    def test_size(self) -> int:
        """How many items one pass over the test images has."""
        return self.test_split.size

    def steps_per_epoch(self, batch_size: int) -> int:
        """How many full batches one pass over the training images has. Raises DataError if not even one."""
        if batch_size < 1:
            raise DataError(f"batch_size is {batch_size}; it must be at least 1")
        steps = self.train_size // batch_size
        if steps == 0:
            raise DataError(
                f"batch_size {batch_size} is larger than the {self.train_size} training images of {self.name}; "
                f"choose at most {self.train_size}"
            )
        return steps

    def train(self, batch_size: int, seed: int = 0, epochs: int = 1, start_step: int = 0) -> tf.data.Dataset:
        """The training stream as full batches of {"image", "label", "seed"}, from step `start_step` on.

        There are `epochs * steps_per_epoch(batch_size)` steps in all. The stream is a pure function of the arguments:
        starting at step s gives exactly the batches that a stream from step 0 gives from its step s on. The images
        are shuffled anew in every pass; item k of the stream has the seed `zoo.data.order.seed_base(seed) + k`.

        To train for several epochs, name them here and in `fit`, so that every epoch has its own order and noise:

            model.fit(data.train(128, epochs=20), epochs=20, steps_per_epoch=data.steps_per_epoch(128))
        """
        last = epochs * self.steps_per_epoch(batch_size)
        if not 0 <= start_step <= last:
            raise DataError(f"start_step {start_step} lies outside the {last} steps of {epochs} epochs")
        return self.train_split.shuffled(batch_size, seed, start_step * batch_size, last * batch_size)

    def test(self, batch_size: int) -> tf.data.Dataset:
        """Every test image once, in order, with its index as its seed. The last batch may be smaller."""
        return self.test_split.ordered(batch_size)

    def validation(self, batch_size: int) -> tf.data.Dataset | None:
        """The training images that `hold_out` set aside, in order, with their index as seed; None if there are none."""
        return self.validation_split and self.validation_split.ordered(batch_size)

    def arrays(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """All images, uint8 [n, h, w, c], and labels, int32 [n], of the split "train" or "test"."""
        if split not in ("train", "test"):
            raise DataError(f"no split {split!r}; a source has 'train' and 'test'")
        return (self.train_split if split == "train" else self.test_split).arrays()

    def hold_out(self, count: int) -> ImageData:
        """The same data with the last `count` training images set aside, to watch a training by.

        They come from the training split, so that the test split stays unseen while choices are made.
        """
        if count == 0:
            return self
        if not 0 < count < self.train_size:
            raise DataError(
                f"cannot hold out {count} of the {self.train_size} training images of {self.name}"
            )
        train, validation = self.train_split.divide(count)
        return replace(self, train_split=train, validation_split=validation)


def _images(split: Split) -> int:
    return split.a.size + split.b.size if isinstance(split, UnpairedSplit) else split.size
