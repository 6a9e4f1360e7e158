"""Who is let in: a bounded queue, in items and in seconds of work, and no call that would come too late."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from zoo_server import errors
from zoo_server.engine.bucket import buckets_up_to
from zoo_server.engine.costs import Costs, Shapes
from zoo_server.engine.forecast import Load, seconds_of, seconds_shared, seconds_until
from zoo_server.engine.job import Item, Job
from zoo_server.repository.program import Program

LaneKey = tuple[Program, Shapes]

_MARGIN = 1.5
"""A call is refused when it is predicted to take this many times as long as it may."""

_UNKNOWN_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What an engine takes on: `max_seconds` of estimated work, 0 for any; `max_bucket` is by the model's name."""

    max_items: int
    max_seconds: float = 0.0
    max_bucket: Mapping[str, int] = field(default_factory=dict)


class Admission:
    """Judges jobs by what is pending. Everything here is cheap, and runs no network."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.costs = Costs()

    def buckets(self, program: Program) -> tuple[int, ...]:
        """The buckets of the program that may be used; ValueError if the settings leave none."""
        return buckets_up_to(self._limits.max_bucket.get(program.model), program.buckets)

    def check(self, job: Job, pending: Collection[Job], pending_items: int, now: float) -> None:
        """Raises QUEUE_FULL or DEADLINE_TOO_SHORT for a job that is not to be let in.

        Args:
            job: not yet begun, and not among `pending`.
            pending: the jobs that are not over, in the order in which they came; `pending_items` items of theirs are
                not done.
            now: a `time.monotonic()` instant.
        """
        limits = self._limits
        beyond = pending_items + len(job.items) - limits.max_items
        if beyond > 0:
            retry = self._seconds_until_gone(pending, beyond)
            raise errors.queue_full(job.program.model, pending_items, limits.max_items, "items", retry)
        if limits.max_seconds and pending:
            self._check_seconds(job, pending)
        if job.deadline is not None:
            needed = self._seconds_of_job(job, pending)
            if needed is not None and needed > _MARGIN * (job.deadline - now):
                raise errors.deadline_too_short(job.program.model, needed)

    def _check_seconds(self, job: Job, pending: Collection[Job]) -> None:
        there = sum(map(seconds_of, self._loads(pending).values()))
        own = sum(map(seconds_of, self._loads([job]).values()))
        beyond = there + own - self._limits.max_seconds
        if beyond > 0:
            retry = min(there, beyond)
            raise errors.queue_full(job.program.model, there, self._limits.max_seconds, "seconds", retry)

    def _seconds_of_job(self, job: Job, pending: Collection[Job]) -> float | None:
        """Until its last item is done, if it is let in beside `pending`; None if nobody can tell."""
        loads = self._loads([*pending, job])
        longest = 0.0
        for key, own in self._loads([job]).items():
            alone = seconds_until(loads[key], max(own.left), loads[key].waiting)
            if alone is None:
                return None
            others = [load for other, load in loads.items() if other != key]
            longest = max(longest, seconds_shared(alone, loads[key], others))
        return longest

    def _seconds_until_gone(self, pending: Collection[Job], items: int) -> float:
        """Until about `items` of the items that are pending are done, by the lane that has most of them."""
        loads = self._loads(pending)
        if not loads:
            return _UNKNOWN_RETRY_SECONDS
        most = max(loads, key=lambda key: len(loads[key].left))
        own = loads.pop(most)
        left = sorted(own.left)[min(items, len(own.left)) - 1]
        alone = seconds_until(own, left, own.waiting)
        return seconds_shared(alone, own, loads.values()) if alone else _UNKNOWN_RETRY_SECONDS

    def _loads(self, jobs: Collection[Job]) -> dict[LaneKey, Load]:
        """What each lane has to do for `jobs`. The scheduler may be at a step meanwhile: it is an estimate."""
        loads: dict[LaneKey, Load] = {}
        for job in jobs:
            if job.over:
                continue
            for item in job.items:
                if item.gone:
                    continue
                key = (job.program, item.shapes)
                if key not in loads:
                    buckets = self.buckets(job.program)
                    costs = self.costs.of(job.program, item.shapes, buckets)
                    loads[key] = Load(job.program.model, costs, buckets)
                load = loads[key]
                load.left.append(_steps_left(item, load))
                load.waiting += item.batch is None
                if job.reproducible:
                    load.buckets = load.buckets[-1:]
        return loads


def _steps_left(item: Item, load: Load) -> int:
    if item.job.program.advance is None:
        return 0
    return item.left if item.steps_known else load.costs.fewest_steps
