"""How much one caller may ask for: calls at once, and calls a second."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from zoo_server.errors import quota_exceeded

_FIRST_CLEARING = 10_000
"""Callers that are remembered before those of whom nothing needs to be remembered are forgotten."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits of one caller; 0 stands for none.

    `burst` is how many calls may come at once after a rest; 0 for as many as a second allows, and at least one.
    """

    concurrent_calls: int = 0
    requests_per_second: float = 0.0
    burst: int = 0

    @property
    def depth(self) -> float:
        """How many calls a caller has saved up at most."""
        return float(self.burst) or max(1.0, self.requests_per_second)


@dataclass(slots=True)
class _Account:
    """A token bucket: `saved` calls, as it stood at `time`, may still come at once."""

    quota: Quota
    saved: float
    time: float
    calls: int = 0

    def at(self, now: float, quota: Quota) -> None:
        """Save up until now; a quota may have changed since."""
        self.quota = quota
        self.saved = min(quota.depth, self.saved + (now - self.time) * quota.requests_per_second)
        self.time = now

    def is_as_new(self, now: float) -> bool:
        saved = self.saved + (now - self.time) * self.quota.requests_per_second
        return not self.calls and (not self.quota.requests_per_second or saved >= self.quota.depth)


class Meter:
    """Counts the calls of every caller; belongs to one thread. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._clearing = _FIRST_CLEARING

    @contextmanager
    def call(self, caller: str, quota: Quota) -> Iterator[None]:
        """For the length of one call; raises QUOTA_EXCEEDED, which counts nothing, if it would be one too many."""
        account = self._account(caller, quota)
        if quota.concurrent_calls and account.calls >= quota.concurrent_calls:
            limit = f"{quota.concurrent_calls} calls at once"
            raise quota_exceeded(caller, limit, "wait until one of them has ended", 1.0)
        if quota.requests_per_second:
            if account.saved < 1:
                seconds = (1 - account.saved) / quota.requests_per_second
                limit = f"{quota.requests_per_second:g} calls a second"
                raise quota_exceeded(caller, limit, f"try again in {seconds:.3g} s", seconds)
            account.saved -= 1
        account.calls += 1
        try:
            yield
        finally:
            account.calls -= 1

    def _account(self, caller: str, quota: Quota) -> _Account:
        now = self._clock()
        if caller not in self._accounts:
            if len(self._accounts) >= self._clearing:
                self._clear(now)
            self._accounts[caller] = _Account(quota, quota.depth, now)
        account = self._accounts[caller]
        account.at(now, quota)
        return account

    def _clear(self, now: float) -> None:
        """Forget those who would be met as strangers anyhow: callers at ever new addresses must not fill the memory."""
        self._accounts = {
            caller: account for caller, account in self._accounts.items() if not account.is_as_new(now)
        }
        self._clearing = max(_FIRST_CLEARING, 2 * len(self._accounts))
