"""What streams have made and their readers have still to take: bounded in bytes, so that nobody fills the memory.

Images are never dropped. A stream that has too many of them is held back instead: its items make their steps, but are
not finished before its reader has taken some. They are pending for so long, and count as such.
"""

import threading
from collections.abc import Callable

_STREAMS = 16
"""One stream may have this part of all: it takes so many readers that stand still to hold up any other."""


class Backlog:
    """The bytes of all streams together. Any thread may use it."""

    def __init__(self, most: int, on_room: Callable[[], None]) -> None:
        """`on_room` is called when there is room again after somebody was refused it."""
        self._most = most
        self._on_room = on_room
        self._lock = threading.Lock()
        self._total = 0
        self._refused = False

    @property
    def bytes(self) -> int:
        return self._total

    def room(self, held: int, size: int) -> int:
        """How many results of `size` bytes a stream that holds `held` bytes may add; 1 at least if it holds none."""
        with self._lock:
            share = min(self._most - self._total, self._most // _STREAMS - held)
            most = max(share // max(1, size), 0 if held else 1)
            self._refused = self._refused or most <= 0
            return most

    def add(self, size: int) -> None:
        with self._lock:
            self._total += size

    def remove(self, size: int) -> None:
        """A reader has taken `size` bytes, or has gone away."""
        with self._lock:
            self._total -= size
            refused, self._refused = self._refused, False
        if refused:
            self._on_room()
