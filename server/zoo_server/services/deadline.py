"""The deadline of a call on the clock that the engine reads."""

import time
from typing import Any

import grpc


def deadline_of(context: grpc.aio.ServicerContext[Any, Any]) -> float | None:
    """The `time.monotonic()` instant by which the caller wants its answer; None if it has set no deadline."""
    # Its declared type has no None, which it gives for a call without a deadline.
    remaining: float | None = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining


def sooner(deadline: float | None, timeout: float | None) -> float | None:
    """The earlier of a deadline and `timeout` seconds from now, of those that there are."""
    given = [] if timeout is None else [time.monotonic() + timeout]
    return min([*given, *([] if deadline is None else [deadline])], default=None)
