"""Who is next: the rule by which a lane chooses the items that begin, and those that advance. A pure function."""

from collections.abc import Sequence
from heapq import nsmallest
from typing import Protocol, TypeVar


class _Alive(Protocol):
    last_turn: int

    @property
    def left(self) -> int: ...


_T = TypeVar("_T", bound=_Alive)


def next_items(items: Sequence[_T], room: int, turn: int) -> Sequence[_T]:
    """The `room` items that are taken in the lane's turn of this number, in their order of arrival.

    Half of the room is for those with the fewest steps left, so one of 10 steps never waits for those of 1000, however
    many there are; the other half for those that advanced longest ago, so each of 1000 gets on as well. An odd place
    goes to either half in turn.
    """
    if len(items) <= room:
        return items
    short = (room + turn % 2) // 2
    chosen = {id(item) for item in nsmallest(short, items, key=lambda item: item.left)}
    others = [item for item in items if id(item) not in chosen]
    chosen |= {id(item) for item in nsmallest(room - short, others, key=lambda item: item.last_turn)}
    return [item for item in items if id(item) in chosen]
