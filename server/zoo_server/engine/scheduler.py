"""The scheduler: one thread that owns a compute device and everything alive on it.

It waits only when there is nothing to do. A batch is formed from whatever is there when the device becomes free,
never by waiting for more.
"""

import threading
import time
from collections import Counter, deque
from functools import partial

from zoo_server import errors, incidents
from zoo_server.engine import policy
from zoo_server.engine.job import Item, Job
from zoo_server.engine.lane import Lane
from zoo_server.engine.observer import Observer
from zoo_server.errors import CallError
from zoo_server.repository.program import Program

LaneKey = tuple[Program, tuple[tuple[int, ...], ...]]


class Scheduler:
    """Runs jobs until it is stopped. `submit`, `stop` and `pending_items` may be used from any thread."""

    def __init__(self, max_pending_items: int, observer: Observer) -> None:
        self._max_pending_items = max_pending_items
        self._observer = observer
        self._changed = threading.Condition()
        self._inbox: deque[Job] = deque()
        self._pending: Counter[str] = Counter()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        # From here on the thread's own.
        self._lanes: dict[LaneKey, Lane] = {}
        self._jobs: set[Job] = set()
        self._turn = 0

    def start(self) -> None:
        self._thread.start()

    @property
    def pending_items(self) -> int:
        """Items that wait or are in the making."""
        return sum(self.pending_by_model.values())

    @property
    def pending_by_model(self) -> Counter[str]:
        """The same by the model's name."""
        with self._changed:
            return self._pending.copy()

    @property
    def turns(self) -> int:
        """How often a lane has had its turn."""
        return self._turn

    def submit(self, job: Job) -> None:
        """Take a job in; raises QUEUE_FULL or SHUTTING_DOWN."""
        with self._changed:
            if self._stopping:
                raise errors.shutting_down()
            pending = self._pending.total()
            if pending + len(job.items) > self._max_pending_items:
                raise errors.queue_full(job.program.model, pending, self._max_pending_items, 1.0)
            self._pending[job.program.model] += len(job.items)
            self._inbox.append(job)
            self._changed.notify()

    def stop(self) -> None:
        """End after the turn in progress; what is still there fails with SHUTTING_DOWN. Returns when it has ended."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._take_in()
                self._drop_unwanted()
                if self._lanes:
                    self._turn += 1
                    self._advance(policy.next_lane(self._lanes.values()))
            except Exception as error:  # noqa: BLE001 (no mistake may end the thread that everyone needs)
                self._start_over(incidents.report("the scheduler failed", error))
        for job in (*self._jobs, *self._inbox):
            job.fail(errors.shutting_down())

    def _take_in(self) -> None:
        """Move new jobs to their lanes, waiting for one, or for the end, if there is nothing else to do."""
        with self._changed:
            self._changed.wait_for(lambda: self._inbox or self._lanes or self._stopping)
            jobs = list(self._inbox)
            self._inbox.clear()
            self._jobs.update(jobs)
        for job in jobs:
            groups: dict[LaneKey, list[Item]] = {}
            for item in job.items:
                groups.setdefault((job.program, item.shapes), []).append(item)
            for key, items in groups.items():
                if key not in self._lanes:
                    release = partial(self._release, job.program.model)
                    self._lanes[key] = Lane(job.program, release, self._observer)
                self._lanes[key].add(job, items)

    def _drop_unwanted(self) -> None:
        now = time.monotonic()
        for job in [job for job in self._jobs if job.over or job.expired(now)]:
            if not job.over:
                job.fail(errors.deadline_too_short(job.program.model, now - job.submitted))
            self._jobs.discard(job)
            for lane in self._lanes.values():
                lane.drop(job)
        self._lanes = {key: lane for key, lane in self._lanes.items() if not lane.empty}

    def _advance(self, lane: Lane) -> None:
        try:
            lane.turn(self._turn)
        except Exception as error:  # noqa: BLE001 (no mistake with one program may harm the others)
            failure = incidents.report("a turn of the scheduler failed", error)
            for job in lane.jobs:
                job.fail(failure)

    def _start_over(self, failure: CallError) -> None:
        """Fail everything there is, and be ready for what comes."""
        for job in self._jobs:
            job.fail(failure)
        self._jobs, self._lanes = set(), {}
        with self._changed:
            self._pending = Counter()
            for job in self._inbox:
                self._pending[job.program.model] += len(job.items)

    def _release(self, model: str, items: int) -> None:
        with self._changed:
            self._pending[model] -= items
            if not self._pending[model]:
                del self._pending[model]  # Models come and go: their names are not kept.
