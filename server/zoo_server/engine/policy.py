"""Who is next: the rules by which the scheduler chooses a lane, and a lane its items. Pure functions."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar


class _Taking(Protocol):
    last_turn: int


_T = TypeVar("_T", bound=_Taking)


def next_lane(lanes: Iterable[_T]) -> _T:
    """The lane whose last turn is longest ago, so that a busy model never keeps another one waiting."""
    return min(lanes, key=lambda lane: lane.last_turn)


def next_items(items: Sequence[_T], room: int) -> Sequence[_T]:
    """The `room` items that advanced longest ago, in their order of arrival among equals.

    Every item gets its share of steps, so one of 10 steps is done long before one of 1000 that came earlier. When
    more items are alive than there is room for, the same ones stay together turn by turn, and so do their tensors.
    """
    if len(items) <= room:
        return items
    return sorted(items, key=lambda item: item.last_turn)[:room]
