"""Who is let in: a bounded queue, in items and in seconds of work, and no call that would come too late."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo_server import errors
from zoo_server.engine.bucket import buckets_up_to
from zoo_server.engine.costs import Costs
from zoo_server.engine.forecast import seconds_of, seconds_shared, seconds_until
from zoo_server.engine.job import Job
from zoo_server.engine.ledger import Ledger
from zoo_server.repository.program import Program

_MARGIN = 1.5
"""A call is refused when it is predicted to take this many times as long as it may."""

_UNKNOWN_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What an engine takes on: `max_seconds` of estimated work, 0 for any; `max_bucket` is by the model's name.

    `max_unsent_bytes` are results of streams that their readers have still to take.
    """

    max_items: int
    max_seconds: float = 0.0
    max_bucket: Mapping[str, int] = field(default_factory=dict)
    max_unsent_bytes: int = 256 * 2**20


class Admission:
    """Judges jobs by what is pending. Everything here is cheap, and runs no network."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.costs = Costs()
        self.ledger = Ledger(self.costs, self.buckets)

    def buckets(self, program: Program) -> tuple[int, ...]:
        """The buckets of the program that may be used; ValueError if the settings leave none."""
        return buckets_up_to(self._limits.max_bucket.get(program.model), program.buckets)

    def check(self, job: Job, pending_items: int, now: float) -> None:
        """Raises QUEUE_FULL or DEADLINE_TOO_SHORT for a job that is not to be let in.

        Args:
            job: not yet begun, and not in the ledger.
            pending_items: items of others that are not done.
            now: a `time.monotonic()` instant.
        """
        limits = self._limits
        beyond = pending_items + len(job.items) - limits.max_items
        if beyond > 0:
            retry = self._seconds_until_gone(beyond)
            raise errors.queue_full(job.program.model, pending_items, limits.max_items, "items", retry)
        if limits.max_seconds:
            self._check_seconds(job)
        if job.deadline is not None:
            needed = self._seconds_of_job(job)
            if needed is not None and needed > _MARGIN * (job.deadline - now):
                raise errors.deadline_too_short(job.program.model, needed)

    def _check_seconds(self, job: Job) -> None:
        loads = self.ledger.loads()
        if not loads:  # More than the limit by itself, it would be too much at any other time too.
            return
        there = sum(map(seconds_of, loads.values()))
        own = sum(map(seconds_of, self.ledger.loads_of(job).values()))
        beyond = there + own - self._limits.max_seconds
        if beyond > 0:
            retry = min(there, beyond)
            raise errors.queue_full(job.program.model, there, self._limits.max_seconds, "seconds", retry)

    def _seconds_of_job(self, job: Job) -> float | None:
        """Until its last item is done, if it is let in beside what is pending; None if nobody can tell."""
        loads, own = self.ledger.loads(), self.ledger.loads_of(job)
        for key, load in own.items():
            loads[key] = loads[key].plus(load) if key in loads else load
        longest = 0.0
        for key, load in own.items():
            alone = seconds_until(loads[key], max(load.left), loads[key].waiting)
            if alone is None:
                return None
            others = [other for other_key, other in loads.items() if other_key != key]
            longest = max(longest, seconds_shared(alone, loads[key], others))
        return longest

    def _seconds_until_gone(self, items: int) -> float:
        """Until about `items` of the items that are pending are done, by the lane that has most of them."""
        loads = self.ledger.loads()
        if not loads:
            return _UNKNOWN_RETRY_SECONDS
        own = loads.pop(max(loads, key=lambda key: loads[key].items))
        left = own.steps_of(min(items, own.items))
        alone = seconds_until(own, left, own.waiting)
        return seconds_shared(alone, own, loads.values()) if alone else _UNKNOWN_RETRY_SECONDS
