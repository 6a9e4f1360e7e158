"""A batch: the state of several items as tensors of one bucket's length.

Items come and go between steps, but most of the time they do not, and then the tensors that one step gave are handed
to the next as they are. Only when the members change are rows copied, once, into a new batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo_server.arrays import Array
from zoo_server.repository.function import Function, Tensor, TensorSpec
from zoo_server.tensorflow_runtime import tf

if TYPE_CHECKING:
    from zoo_server.engine.job import Item


class Batch:
    """Named tensors with one leading axis of `size` rows; the rows that pad it to its bucket repeat the last item."""

    __slots__ = ("size", "tensors")

    def __init__(self, tensors: Mapping[str, Tensor], size: int) -> None:
        self.tensors = tensors
        self.size = size

    def through(self, function: Function) -> Batch:
        """What `function` makes of it: one call of the network."""
        return Batch(function(self.tensors), self.size)

    def wait(self) -> None:
        """Returns once it is computed: a GPU hands out tensors that it has still to fill."""
        self.column("step" if "step" in self.tensors else next(iter(self.tensors)))

    def column(self, name: str) -> Array:
        """One tensor as an array that shares its memory: read it only."""
        return np.asarray(self.tensors[name])

    def columns(self) -> dict[str, Array]:
        return {name: np.asarray(tensor) for name, tensor in self.tensors.items()}


def stack(rows: Sequence[Mapping[str, Array]], specs: Mapping[str, TensorSpec], size: int) -> Batch:
    """A batch of `size` from one mapping of rows per item, padded by repeating the last."""
    padded = [*rows, *[rows[-1]] * (size - len(rows))]
    return Batch(
        {
            name: tf.convert_to_tensor(np.stack([row[name] for row in padded]).astype(spec.dtype, copy=False))
            for name, spec in specs.items()
        },
        size,
    )


def gather(items: Sequence[Item], size: int) -> Batch:
    """The state of `items` as a batch of `size`; the batch they are already in, if they are exactly its rows."""
    first = items[0].batch
    assert first is not None
    if first.size == size and all(item.batch is first and item.row == row for row, item in enumerate(items)):
        return first
    sources: dict[int, tuple[Batch, int]] = {}
    rows = []
    total = 0
    for item in items:
        assert item.batch is not None
        if id(item.batch) not in sources:
            sources[id(item.batch)] = (item.batch, total)
            total += item.batch.size
        rows.append(sources[id(item.batch)][1] + item.row)
    rows += rows[-1:] * (size - len(rows))
    batches = [batch for batch, _ in sources.values()]
    return Batch({name: tf.convert_to_tensor(_rows(name, batches, rows)) for name in first.tensors}, size)


def _rows(name: str, batches: Sequence[Batch], rows: Sequence[int]) -> Array:
    columns = [batch.column(name) for batch in batches]
    joined = columns[0] if len(columns) == 1 else np.concatenate(columns)
    return joined[list(rows)]
