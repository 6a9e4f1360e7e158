"""The hand-over from the scheduler thread to the event loop.

The scheduler never waits for a reader. Of progress (after the first, which greets the caller), and of each item's
previews, only the newest is kept, so a slow reader gets news instead of a backlog; results are never dropped.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import suppress

from zoo_server.engine.events import Event, Preview, Progress, Result


class Mailbox:
    """Written by the scheduler thread, read by one coroutine of `loop`.

    With `eager` the reader wakes at every event; otherwise only once, when the job is over, so that a call that
    waits for its last image alone costs the event loop nothing on the way.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, eager: bool) -> None:
        self._loop = loop
        self._eager = eager
        self._lock = threading.Lock()
        self._arrived = asyncio.Event()
        self._wake_sent = False
        self._progress: list[Progress] = []
        self._begun = False
        self._previews: dict[int, Preview] = {}
        self._results: list[Result] = []
        self._over = False
        self._error: Exception | None = None

    # The scheduler's side.

    def post(self, event: Event) -> None:
        """Leave an event for the reader; events after `close` are dropped."""
        with self._lock:
            if self._over:
                return
            match event:
                case Progress():
                    self._progress[0 if self._begun else 1 :] = [event]
                case Preview():
                    self._previews[event.index] = event
                case Result():
                    self._results.append(event)
            if self._eager:
                self._wake()

    def close(self, error: Exception | None = None) -> None:
        """No more events follow; with `error` the reader gets it as an exception. Closing again does nothing."""
        with self._lock:
            if not self._over:
                self._over, self._error = True, error
                self._wake()

    def _wake(self) -> None:
        if self._wake_sent:
            return
        self._wake_sent = True
        with suppress(RuntimeError):  # The loop has closed: nobody reads any more.
            self._loop.call_soon_threadsafe(self._arrived.set)

    # The reader's side.

    async def results(self) -> list[Result]:
        """All of them once the mailbox is closed, for one that is not eager; raises the error it was closed with."""
        await self._arrived.wait()
        if self._error is not None:
            raise self._error
        return self._results

    async def events(self) -> AsyncGenerator[Event]:
        """Every event until the mailbox is closed; raises the error that it was closed with."""
        while True:
            await self._arrived.wait()
            events, over = self._take()
            for event in events:
                yield event
            if over:
                if self._error is not None:
                    raise self._error
                return

    def _take(self) -> tuple[list[Event], bool]:
        with self._lock:
            self._arrived.clear()
            self._wake_sent = False
            events: list[Event] = [*self._progress, *self._previews.values(), *self._results]
            self._begun = self._begun or bool(self._progress)
            self._progress, self._previews, self._results = [], {}, []
            return events, self._over
