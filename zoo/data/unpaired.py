"""Two splits side by side, for unpaired translation: batches of {"image", "target", "label", "seed"}.

`image` uint8 [n, h, w, c] is of domain A and `target` of domain B; which two meet is chance, and means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.data.errors import DataError
from zoo.data.order import seed_base
from zoo.data.splits import Split

DOMAIN_A, DOMAIN_B = 0, 1


@dataclass(frozen=True, eq=False)
class UnpairedSplit:
    """One split of domain A and one of domain B, whose labels are DOMAIN_A and DOMAIN_B.

    An epoch is one pass over the larger domain; the smaller one begins again as often as it must. `label` and `seed`
    of a batch are those of its images of A.
    """

    a: Split
    b: Split

    @property
    def size(self) -> int:
        return max(self.a.size, self.b.size)

    def ordered(self, batch_size: int) -> tf.data.Dataset:
        domains = tuple(split.ordered(batch_size).unbatch().repeat() for split in (self.a, self.b))
        pairs = tf.data.Dataset.zip(domains).map(_pair).take(self.size)
        numbered = pairs.enumerate().map(lambda position, pair: {**pair, "seed": position})
        return numbered.batch(batch_size).prefetch(2)

    def shuffled(self, batch_size: int, seed: int, first: int, last: int) -> tf.data.Dataset:
        a = self.a.shuffled(batch_size, seed, first, last)
        # With the order of A, domains of one size would meet in the same pairs in every epoch.
        b = self.b.shuffled(batch_size, seed_base(seed), first, last)
        return tf.data.Dataset.zip((a, b)).map(_pair)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """All images of A, then all of B, and the domain of each."""
        images, labels = zip(self.a.arrays(), self.b.arrays(), strict=True)
        return np.concatenate(images), np.concatenate(labels)

    def divide(self, count: int) -> tuple[UnpairedSplit, UnpairedSplit]:
        """The split without the last `count` items of each domain, and those items."""
        for name, split in (("A", self.a), ("B", self.b)):
            if count >= split.size:
                raise DataError(
                    f"cannot hold out {count} of the {split.size} training images of domain {name}"
                )
        (a, held_out_a), (b, held_out_b) = self.a.divide(count), self.b.divide(count)
        return UnpairedSplit(a, b), UnpairedSplit(held_out_a, held_out_b)


def _pair(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    return {**a, "target": b["image"]}
