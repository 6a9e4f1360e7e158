"""The call being answered: what its line in the log, its metrics and its span are made from. Never a payload.

Any floor may say something of the current call; outside a call (in a test of the engine, say) that does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

UNKNOWN_METHOD = "unknown"
"""Stands for every method that there is not: its name is the client's to choose, and would make labels without end."""


@dataclass(slots=True, eq=False)
class Call:
    """One call. Times are `time.monotonic()` instants.

    `method` is `package.Service/Method`, or UNKNOWN_METHOD. `model` is empty until a model that there is was found;
    `items` is what was asked of it. `code` and `reason` are set when the call ends; `reason` is empty for a call that
    no CallError ended.
    """

    method: str
    peer: str = ""
    metadata: Sequence[tuple[str, Any]] = ()
    listeners: Sequence[Listener] = ()
    request_id: str = ""
    model: str = ""
    items: int = 0
    code: str = "OK"
    reason: str = ""
    trace_id: str = ""
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def begin(self) -> None:
        """Make it the current call of this task."""
        _current.set(self)
        for listener in self.listeners:
            listener.began(self)

    def end(self) -> None:
        self.seconds = time.monotonic() - self.began
        for listener in self.listeners:
            listener.ended(self)


class Listener(Protocol):
    """Hears of every call, on the event loop: it must not block."""

    def began(self, call: Call) -> None: ...

    def phase(self, call: Call, name: str, start: float, end: float) -> None:
        """A part of the call is over: `decode`, `queue`, `compute` or `encode`, from `start` to `end`."""

    def ended(self, call: Call) -> None:
        """It is over; what it is now, it stays."""


_current: ContextVar[Call | None] = ContextVar("call", default=None)


def note(**known: Any) -> None:
    """Set fields of the current call."""
    if call := _current.get():
        for name, value in known.items():
            setattr(call, name, value)


def phase(name: str, start: float, end: float) -> None:
    """Tell of a part of the current call that is over; see Listener.phase."""
    if call := _current.get():
        for listener in call.listeners:
            listener.phase(call, name, start, end)
