"""What a running job reports: small immutable records that cross from the scheduler thread to the event loop."""

from collections.abc import Mapping
from dataclasses import dataclass

from zoo_server.arrays import Array


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the whole job is: `step` of `steps`, both summed over its items.

    `queue_position` counts the items of others that came before any item of this job, and are still to begin.
    """

    queue_position: int
    step: int
    steps: int
    items_done: int
    items: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The picture so far of item `index` after `step` of `steps`: uint8[h, w, c]."""

    index: int
    step: int
    steps: int
    image: Array


@dataclass(frozen=True, slots=True)
class Result:
    """Item `index` is done; `outputs` has one row (no leading item axis) per output of the capability."""

    index: int
    outputs: Mapping[str, Array]


Event = Progress | Preview | Result
