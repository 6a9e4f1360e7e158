"""The hand-over from the scheduler thread to the event loop.

The scheduler never waits for a reader. Of progress (after the first, which greets the caller), and of each item's
previews, only the newest is kept, so a slow reader gets news instead of a backlog; results are never dropped.
Whoever posts them asks for `room` first.
"""

import asyncio
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import replace

from zoo_server.engine.backlog import Backlog
from zoo_server.engine.bell import Bell
from zoo_server.engine.events import Event, Preview, Progress, Result


class Mailbox:
    """Written by the scheduler thread, read by one coroutine of `loop`.

    With `eager` the reader wakes at every event; otherwise only once, when the job is over, so that a call that
    waits for its last image alone costs the event loop nothing on the way. What a `backlog` is given for counts there
    until the reader has asked for what comes after it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        eager: bool,
        backlog: Backlog | None = None,
        bell: Bell | None = None,
    ) -> None:
        self._loop = loop
        self._bell = bell or Bell()
        self._eager = eager
        self._backlog = backlog
        self._held = 0  # Bytes of it in the backlog.
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

    @property
    def bounded(self) -> bool:
        """Whether `room` has an end."""
        return self._backlog is not None

    def room(self, size: int) -> int:
        """How many results of `size` bytes may be posted now."""
        if self._backlog is None:
            return sys.maxsize
        # A reader that takes something in between would be forgotten: nothing would wake the engine.
        with self._lock:
            return self._backlog.room(self._held, size)

    def post(self, event: Event) -> None:
        """Leave an event for the reader; events after `close` are dropped."""
        with self._lock:
            if self._over:
                return
            if self._backlog is not None:
                if isinstance(event, Preview) and not self._makes_room_for(event):
                    return
                event = _alone(event)
                self._held += _bytes(event)
                self._backlog.add(_bytes(event))
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
        self._bell.ring(self._loop, self._arrived)

    def _makes_room_for(self, preview: Preview) -> bool:
        """Whether it may be kept: in the place of an older one, or where there is room for another."""
        assert self._backlog is not None
        older = self._previews.pop(preview.index, None)
        if older is not None:
            self._held -= _bytes(older)
            self._backlog.remove(_bytes(older))
        return older is not None or self._backlog.room(self._held, _bytes(preview)) > 0

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
            while events:
                size = _bytes(events[0])
                yield events.popleft()
                self._taken(size)
            if over:
                if self._error is not None:
                    raise self._error
                return

    def abandon(self) -> None:
        """The reader has gone: what is here, and what is still posted, is dropped."""
        with self._lock:
            self._over = True
            self._progress, self._previews, self._results = [], {}, []
        self._taken(self._held)

    def _taken(self, size: int) -> None:
        if self._backlog is not None and size:
            with self._lock:
                self._held -= size
            self._backlog.remove(size)

    def _take(self) -> tuple[deque[Event], bool]:
        with self._lock:
            self._arrived.clear()
            self._wake_sent = False
            events: deque[Event] = deque([*self._progress, *self._previews.values(), *self._results])
            self._begun = self._begun or bool(self._progress)
            self._progress, self._previews, self._results = [], {}, []
            return events, self._over


def _bytes(event: Event) -> int:
    match event:
        case Result():
            return sum(row.nbytes for row in event.outputs.values())
        case Preview():
            return event.image.nbytes
    return 0


def _alone(event: Event) -> Event:
    """With pixels of its own: rows of a batch keep all of it in memory, for as long as a slow reader takes."""
    match event:
        case Preview():
            return replace(event, image=event.image.copy())
        case Result():
            return replace(event, outputs={name: row.copy() for name, row in event.outputs.items()})
    return event
