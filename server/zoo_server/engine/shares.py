"""Who has had how much of the device: start-time fair queueing (Goyal, Vin and Cheng 1996) by measured seconds.

Turns are of very different lengths: a turn for a turn would give nearly the whole device to the heaviest model.
"""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Shares(Generic[K]):
    """Gives each of those that ask at the same time an equal share of the seconds.

    Whoever was away gets nothing back for it, and whoever comes back has not shaken off what it took last.
    """

    def __init__(self) -> None:
        self._used: dict[K, float] = {}
        self._now = 0.0

    def next(self, asking: Iterable[K]) -> K:
        """The one that has had least; the first of them among equals."""
        chosen = min(asking, key=self._start)
        self._now = self._start(chosen)
        # What lies behind says nothing any more: everyone starts from now at the earliest.
        self._used = {key: used for key, used in self._used.items() if used > self._now}
        return chosen

    def charge(self, key: K, seconds: float) -> None:
        """`key` has had `seconds` more."""
        self._used[key] = self._start(key) + seconds

    def _start(self, key: K) -> float:
        return max(self._used.get(key, 0.0), self._now)
