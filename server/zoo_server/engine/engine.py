"""The engine as the services see it: coroutines over the scheduler thread."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from operator import attrgetter

from zoo_server import calls
from zoo_server.arrays import Array
from zoo_server.engine.admission import Admission, Limits
from zoo_server.engine.backlog import Backlog
from zoo_server.engine.bell import Bell
from zoo_server.engine.events import Event
from zoo_server.engine.job import Job
from zoo_server.engine.mailbox import Mailbox
from zoo_server.engine.observer import Observer, Unobserved
from zoo_server.engine.scheduler import Scheduler
from zoo_server.engine.turn import NetworkCall
from zoo_server.engine.warm_up import warm_up
from zoo_server.repository.model import LoadedModel
from zoo_server.repository.program import Program

Inputs = Sequence[Mapping[str, Array]]
"""For each item a row for each input of the program."""

_index = attrgetter("index")


class Engine:
    """Runs items of any program, together with those of every other call."""

    def __init__(self, limits: Limits, observer: Observer | None = None) -> None:
        self._admission = Admission(limits)
        self._bell = Bell()
        self._scheduler = Scheduler(self._admission, observer or Unobserved(), self._bell)
        self._backlog = Backlog(limits.max_unsent_bytes, self._scheduler.wake)
        self._nudged = False

    def buckets(self, program: Program) -> tuple[int, ...]:
        """The buckets that the program is run at; ValueError, which says why, if the limits leave none."""
        return self._admission.buckets(program)

    def start(self) -> None:
        self._scheduler.start()

    async def stop(self) -> None:
        """Fail what is left with SHUTTING_DOWN, and end the scheduler thread after its turn."""
        await asyncio.to_thread(self._scheduler.stop)

    @property
    def pending_items(self) -> int:
        """Items that wait or are in the making."""
        return self._scheduler.pending_items

    @property
    def pending_by_model(self) -> Mapping[str, int]:
        """The same by the model's name; models without any are left out."""
        return self._scheduler.pending_by_model

    @property
    def unsent_bytes(self) -> int:
        """Results of streams that their readers have still to take."""
        return self._backlog.bytes

    @property
    def turns(self) -> int:
        """How often a model was run since the start."""
        return self._scheduler.turns

    @property
    def network_call(self) -> NetworkCall | None:
        """What is being computed at this moment."""
        return self._scheduler.turn.call

    def suspend(self) -> None:
        """What is being computed does not end: every call, now and until `resume`, is answered UNAVAILABLE."""
        self._scheduler.suspend()

    def resume(self) -> None:
        self._scheduler.resume()

    async def warm_up(self, model: LoadedModel) -> None:
        """Run every function of `model` at each of its `buckets`, between the turns of the calls in progress.

        Raises whatever the model's graph does, and SHUTTING_DOWN. The engine must have been started.
        """
        await asyncio.wrap_future(
            self._scheduler.add_chore(warm_up(model, self.buckets, self._scheduler.turn))
        )

    def check(
        self, program: Program, inputs: Inputs, deadline: float | None = None, *, reproducible: bool = False
    ) -> None:
        """Raises what `run` would now, before anything is spent on `inputs`: only shapes and `steps` are read."""
        mailbox = Mailbox(asyncio.get_running_loop(), eager=False)
        self._scheduler.check(Job(program, inputs, mailbox, deadline=deadline, reproducible=reproducible))

    async def run(
        self, program: Program, inputs: Inputs, deadline: float | None = None, *, reproducible: bool = False
    ) -> list[Mapping[str, Array]]:
        """The outputs of every item, in order, once all are done.

        `deadline` is a `time.monotonic()` instant. A `reproducible` item gives the same bytes whatever shares its
        batches, at the cost of always being run at the largest bucket. Raises QUEUE_FULL, SHUTTING_DOWN,
        DEADLINE_TOO_SHORT or INTERNAL_ERROR. Cancelling the coroutine frees the items within one step.
        """
        mailbox = Mailbox(asyncio.get_running_loop(), eager=False, bell=self._bell)
        job = Job(program, inputs, mailbox, deadline=deadline, reproducible=reproducible)
        with self._running(job):
            results = await mailbox.results()
        return [result.outputs for result in sorted(results, key=_index)]

    @asynccontextmanager
    async def stream(
        self,
        program: Program,
        inputs: Inputs,
        deadline: float | None = None,
        preview_interval: int = 0,
        *,
        reproducible: bool = False,
    ) -> AsyncIterator[AsyncGenerator[Event]]:
        """As `run`, but gives progress, previews and each result as they come. Leaving the context frees the items.

        A reader that takes no results is given no more: further items are made up to their last step, and stay pending.
        """
        loop = asyncio.get_running_loop()
        mailbox = Mailbox(loop, eager=True, backlog=self._backlog, bell=self._bell)
        job = Job(
            program,
            inputs,
            mailbox,
            deadline=deadline,
            preview_interval=preview_interval,
            report_progress=True,
            reproducible=reproducible,
        )
        with self._running(job):
            yield mailbox.events()

    @contextmanager
    def _running(self, job: Job) -> Iterator[None]:
        self._scheduler.submit(job)
        self._nudge()
        try:
            yield
        finally:
            self._scheduler.withdraw(job)
            _tell_phases(job)

    def _nudge(self) -> None:
        """Wake the scheduler once for all the jobs that this round of the event loop brings: they share a batch."""
        if not self._nudged:
            self._nudged = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._nudged = False
        self._scheduler.wake()


def _tell_phases(job: Job) -> None:
    ended = job.ended or time.monotonic()
    calls.phase("queue", job.submitted, job.begun or ended)
    if job.begun is not None:
        calls.phase("compute", job.begun, ended)
