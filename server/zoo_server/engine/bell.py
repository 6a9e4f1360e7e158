"""Wakes readers on their event loops, those of one turn together: each interruption costs a loop more than its news."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress


class Bell:
    """Any thread may ring it; one of them may gather."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._gatherer: int | None = None

    def ring(self, loop: asyncio.AbstractEventLoop, arrived: asyncio.Event) -> None:
        """Set `arrived` on its loop: at once, or, from the thread that is gathering, when it has gathered."""
        with self._lock:
            self._waiting.append((loop, arrived))
        if self._gatherer != threading.get_ident():
            self._send()

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """What this thread rings meanwhile is heard at the end, all at once."""
        self._gatherer = threading.get_ident()
        try:
            yield
        finally:
            self._gatherer = None
            self._send()

    def _send(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for loop in {loop for loop, _ in waiting}:
            with suppress(RuntimeError):  # The loop has closed: nobody reads any more.
                loop.call_soon_threadsafe(_set, [arrived for its, arrived in waiting if its is loop])


def _set(events: Sequence[asyncio.Event]) -> None:
    for event in events:
        event.set()
