"""Calls that a server puts off are sent again when it says, and not by all clients at once.

gRPC itself repeats a call that no server took on; of one that a server answered, it knows not how long to wait. The
server does: it measures how long its queue will take, and says so in RetryInfo.
"""

from __future__ import annotations

import random

from zoo_client.errors import ZooError

DEFAULT_RETRIES = 4

LONGEST_WAIT = 30.0
"""Seconds. A server that asks for more, as for a quota that is used up, has its refusal told to the caller."""

_FIRST_WAIT, _JITTER = 0.2, 0.5


class Patience:
    """One call over its refusals: at most `retries` are taken."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._refusals = 0

    def wait_after(self, refusal: ZooError) -> float | None:
        """How many seconds to wait before the next attempt; None if the refusal is for the caller.

        It is what the server says or more: longer after each refusal, and longer for some than for others.
        """
        asked = refusal.retry_after
        if asked is None or asked > LONGEST_WAIT or self._refusals >= self._retries:
            return None
        wait: float = max(asked, _FIRST_WAIT * 2**self._refusals)
        self._refusals += 1
        wait *= random.uniform(1, 1 + _JITTER)
        return wait
