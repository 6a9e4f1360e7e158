"""The scheduler: one thread that owns a compute device and everything alive on it.

It waits only when there is nothing to do. A batch is formed from whatever is there when the device becomes free,
never by waiting for more.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from functools import partial

from zoo_server import errors, incidents
from zoo_server.call_error import CallError
from zoo_server.engine.admission import Admission
from zoo_server.engine.bell import Bell
from zoo_server.engine.chores import Chores
from zoo_server.engine.costs import Shapes
from zoo_server.engine.job import Item, Job
from zoo_server.engine.lane import Lane
from zoo_server.engine.ledger import LaneKey
from zoo_server.engine.observer import Observer
from zoo_server.engine.shares import Shares
from zoo_server.engine.turn import Turn

_LONGEST_LAST_TURN = 60.0
"""Seconds that a scheduler which is to stop waits for the turn in progress."""


class Scheduler:
    """Runs jobs until it is stopped. `submit`, `add_chore`, `stop` and `pending_items` may be used from any thread."""

    def __init__(self, admission: Admission, observer: Observer, bell: Bell) -> None:
        """`bell` is that of the jobs' mailboxes."""
        self._admission = admission
        self._observer = observer
        self._bell = bell
        self._changed = threading.Condition()
        self.turn = Turn()
        # Guarded by `_changed`, all six.
        self._inbox: deque[Job] = deque()
        self._jobs: dict[Job, None] = {}  # An ordered set: those in the inbox are among them.
        self._chores = Chores()
        self._pending: Counter[str] = Counter()
        self._stopping = False
        self._suspended = False
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        # From here on the thread's own.
        self._lanes: dict[LaneKey, Lane] = {}
        self._models: Shares[str] = Shares()
        self._lanes_of: dict[str, Shares[tuple[int, Shapes]]] = {}
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

    def check(self, job: Job) -> None:
        """Raises what `submit` would for `job` at this moment, and takes nothing in."""
        with self._changed:
            if self._stopping:
                raise errors.shutting_down()
            if self._suspended:
                raise errors.hanging()
            self._admission.check(job, self._pending.total(), time.monotonic())

    def submit(self, job: Job) -> None:
        """Take a job in; raises QUEUE_FULL, DEADLINE_TOO_SHORT or SHUTTING_DOWN. It is begun after the next `wake`."""
        with self._changed:
            self.check(job)
            self._admission.ledger.add(job)
            self._jobs[job] = None
            self._pending[job.program.model] += len(job.items)
            self._inbox.append(job)

    def withdraw(self, job: Job) -> None:
        """Nobody waits for `job` any more: its items leave within a step, and no forecast counts them from now on."""
        job.cancel()
        job.mailbox.abandon()
        self._admission.ledger.remove(job.items)

    def add_chore(self, chore: Iterator[None]) -> Future[None]:
        """Run `chore` on the scheduler thread, one step of it after each turn of a lane; raises SHUTTING_DOWN."""
        with self._changed:
            if self._stopping:
                raise errors.shutting_down()
            future = self._chores.add(chore)
            self._changed.notify()
        return future

    def wake(self) -> None:
        """There may be something to do: a job has come, a reader has taken results, or has gone."""
        with self._changed:
            self._changed.notify()

    def suspend(self) -> None:
        """The turn in progress does not end: fail all jobs, and take in none until `resume`.

        Those that it runs fail for good: asked again, elsewhere, they would make the next server hang.
        """
        call = self.turn.call
        culprits = call.jobs if call else frozenset[Job]()
        with self._changed:
            self._suspended = True
            jobs = list(self._jobs)
        for job in jobs:
            if job not in culprits:
                job.fail(errors.hanging())
        for job in culprits:
            job.fail(incidents.report("its call of the network does not end", TimeoutError()))

    def resume(self) -> None:
        with self._changed:
            self._suspended = False

    def stop(self) -> None:
        """End after the turn in progress; what is still there fails with SHUTTING_DOWN. Returns when it has ended.

        A turn that does not end, whether `suspend` has been called for it or not, is not waited for any further.
        """
        with self._changed:
            self._stopping = True
            jobs = list(self._jobs)
            self._changed.notify()
        for job in jobs:
            job.fail(errors.shutting_down())
        deadline = time.monotonic() + _LONGEST_LAST_TURN
        while self._thread.is_alive() and not self._suspended and time.monotonic() < deadline:
            self._thread.join(0.1)

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._take_in()
                self._drop_unwanted()
                if ready := self._ready():
                    self._turn += 1
                    with self._bell.gathering():
                        self._advance(self._next_lane(ready))
                if self._chores:
                    self._chores.do_one()
            except Exception as error:  # noqa: BLE001 (no mistake may end the thread that everyone needs)
                self._start_over(incidents.report("the scheduler failed", error))
        for job in self._jobs:
            job.fail(errors.shutting_down())
        self._chores.abandon(errors.shutting_down())

    def _take_in(self) -> None:
        """Move new jobs to their lanes, waiting for one, or for the end, if there is nothing else to do."""
        with self._changed:
            self._changed.wait_for(lambda: self._inbox or self._ready() or self._chores or self._stopping)
            jobs = list(self._inbox)
            self._inbox.clear()
        for job in jobs:
            groups: dict[LaneKey, list[Item]] = {}
            for item in job.items:
                groups.setdefault((job.program, item.shapes), []).append(item)
            for key, items in groups.items():
                if key not in self._lanes:
                    buckets = self._admission.buckets(job.program)
                    costs = self._admission.costs.of(*key, buckets)
                    release = partial(self._release, job.program.model)
                    self._lanes[key] = Lane(
                        job.program,
                        buckets,
                        costs,
                        self._admission.ledger,
                        release,
                        self._observer,
                        self.turn,
                    )
                self._lanes[key].add(job, items)

    def _drop_unwanted(self) -> None:
        now = time.monotonic()
        with self._changed:
            new = set(self._inbox)  # Those have no lane yet to leave.
            unwanted = [job for job in self._jobs if (job.over or job.expired(now)) and job not in new]
            for job in unwanted:
                del self._jobs[job]
        for job in unwanted:
            if not job.over:
                job.fail(errors.deadline_too_short(job.program.model, now - job.submitted))
            for lane in self._lanes.values():
                lane.drop(job)
        self._lanes = {key: lane for key, lane in self._lanes.items() if not lane.empty}
        # Lanes compete while their model has any; models come and go, and their books with them.
        for model in self._lanes_of.keys() - {program.model for program, _ in self._lanes}:
            del self._lanes_of[model]

    def _ready(self) -> list[LaneKey]:
        return [key for key, lane in self._lanes.items() if not lane.held_back]

    def _next_lane(self, ready: Collection[LaneKey]) -> LaneKey:
        """Of the model that has had least of the device, the lane that has had least of it."""
        model = self._models.next(program.model for program, _ in ready)
        keys = {_name(key): key for key in ready if key[0].model == model}
        return keys[self._lanes_of.setdefault(model, Shares()).next(keys)]

    def _advance(self, key: LaneKey) -> None:
        model, lane = key[0].model, self._lanes[key]
        began = time.perf_counter()
        try:
            lane.turn()
        except Exception as error:  # noqa: BLE001 (no mistake with one program may harm the others)
            failure = incidents.report("a turn of the scheduler failed", error)
            for job in lane.jobs:
                job.fail(failure)
        seconds = time.perf_counter() - began
        self._models.charge(model, seconds)
        self._lanes_of[model].charge(_name(key), seconds)

    def _start_over(self, failure: CallError) -> None:
        """Fail everything there is, and be ready for what comes."""
        with self._changed:
            failed = self._jobs.keys() - set(self._inbox)
            self._jobs = dict.fromkeys(self._inbox)
            self._pending = Counter()
            for job in self._inbox:
                self._pending[job.program.model] += len(job.items)
        for job in failed:
            job.fail(failure)
            self._admission.ledger.remove(job.items)
        self._lanes = {}

    def _release(self, model: str, items: int) -> None:
        with self._changed:
            self._pending[model] -= items
            if not self._pending[model]:
                del self._pending[model]  # Models come and go: their names are not kept.


def _name(key: LaneKey) -> tuple[int, Shapes]:
    """The lane in the books, which must not keep the program of an unloaded model alive."""
    program, shapes = key
    return id(program), shapes
