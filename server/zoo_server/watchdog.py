"""Notices a call of the network that does not end.

Nothing can end it from outside: a thread within TensorFlow cannot be killed, and everything else waits for it. What is
left is to say so, to everyone: health is NOT_SERVING, so that balancers turn away and a supervisor starts the process
anew; calls are answered UNAVAILABLE; and the log names the culprit. If it ends after all, the server serves again.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from zoo_server.engine.engine import Engine
from zoo_server.engine.turn import NetworkCall
from zoo_server.repository.repository import Repository

_log = logging.getLogger(__name__)

_LONGEST_LOOK = 1.0


class Watchdog:
    """Looks from the event loop at what the engine runs."""

    def __init__(
        self,
        engine: Engine,
        repository: Repository,
        max_seconds: float,
        on_change: Callable[[bool], None],
    ) -> None:
        """`on_change` hears whether the engine hangs; a call may take `max_seconds`, 0 for any time."""
        self._engine = engine
        self._repository = repository
        self._max_seconds = max_seconds
        self._on_change = on_change
        self._task: asyncio.Task[None] | None = None
        self._hanging: NetworkCall | None = None

    def start(self) -> None:
        if self._max_seconds:
            self._task = asyncio.create_task(self._watch())

    def stop(self) -> None:
        if self._task:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(min(_LONGEST_LOOK, self._max_seconds / 4))
            self._look(self._engine.network_call)

    def _look(self, call: NetworkCall | None) -> None:
        if self._hanging is not None and call is not self._hanging:
            _log.warning("the call of the network has ended after all: the server serves again")
            self._hanging = None
            self._engine.resume()
            self._on_change(False)
        if self._hanging is None and call and time.monotonic() - call.began > self._max_seconds:
            _log.critical(
                "model %s version %s: a call of %s at bucket %d has not ended within %g s, and cannot be ended: the "
                "server is NOT_SERVING and waits to be restarted",
                call.program.model,
                self._version(call),
                call.signature,
                call.bucket,
                self._max_seconds,
            )
            self._hanging = call
            self._engine.suspend()
            self._on_change(True)

    def _version(self, call: NetworkCall) -> str:
        for model in self._repository.loaded():
            if call.program in model.programs.values():
                return str(model.number)
        return "that is not serving"  # It is being warmed up, or has gone.
