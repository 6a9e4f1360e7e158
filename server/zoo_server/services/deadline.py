"""The deadline of a call on the clock that the engine reads."""

import time
from typing import Any

import grpc


def deadline_of(context: grpc.aio.ServicerContext[Any, Any]) -> float | None:
    """The `time.monotonic()` instant by which the caller wants its answer; None if it has set no deadline."""
    # Its declared type has no None, which it gives for a call without a deadline.
    remaining: float | None = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining
