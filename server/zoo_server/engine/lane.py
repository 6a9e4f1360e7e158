"""A lane: the alive items of one program. They share its network calls, and join and leave between steps."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from zoo_server import incidents
from zoo_server.engine import policy
from zoo_server.engine.batch import Batch, gather, stack
from zoo_server.engine.bucket import bucket_for, fastest_bucket
from zoo_server.engine.costs import LaneCosts
from zoo_server.engine.job import Item, Job
from zoo_server.engine.observer import Observer
from zoo_server.engine.phase import Phase
from zoo_server.repository.function import Function
from zoo_server.repository.program import Program

Groups = list[tuple[Sequence[Item], Batch]]
"""Items with the batch of which they are the first rows: one group of all, unless some of them failed."""


class Lane:
    """Items whose inputs have equal shapes, so that they fit in one batch. Owned by the scheduler thread."""

    def __init__(
        self,
        program: Program,
        buckets: Sequence[int],
        costs: LaneCosts,
        on_leave: Callable[[int], None],
        observer: Observer,
    ) -> None:
        """`buckets` are those of the program that may be used; `on_leave` is told how many items have left."""
        self._program = program
        self._buckets = buckets
        self._room = buckets[-1]
        self._costs = costs
        self._turns = 0
        self._waiting: list[Item] = []
        self._running: list[Item] = []
        self._on_leave = on_leave
        self._observer = observer

    @property
    def empty(self) -> bool:
        return not self._waiting and not self._running

    def add(self, job: Job, items: Sequence[Item]) -> None:
        self._waiting.extend(items)
        self._report([job])

    @property
    def jobs(self) -> set[Job]:
        return {item.job for item in (*self._waiting, *self._running)}

    def drop(self, job: Job) -> None:
        """The items of `job` leave, whether they wait or are in the middle of their steps."""
        self._leave([item for item in (*self._waiting, *self._running) if item.job is job])

    def turn(self) -> None:
        """At most one call each of begin, advance, preview and finish, each for one bucket of items at most."""
        self._turns += 1
        begun = self._begin()
        advanced = self._advance()
        finished = self._finish()
        # Who still waits has moved up the line, if anyone has begun.
        moved = {item.job for item in (*begun, *advanced, *finished, *(self._waiting if begun else ()))}
        self._report(moved)
        for job in {item.job for item in finished}:
            job.close_if_done()

    def _begin(self) -> Sequence[Item]:
        if not self._waiting:
            return ()
        items = policy.next_items(self._waiting, self._room, self._turns)
        begun = set(items)
        self._waiting = [item for item in self._waiting if item not in begun]
        self._running += items
        guessed = [item for item in items if self._program.advance and not item.steps_known]
        now = time.monotonic()
        self._observer.begun(self._program, [now - item.job.submitted for item in items])
        for item in items:
            item.job.begin(now)
        for group, batch in self._isolating(items, self._first_state):
            self._place(group, batch)
        for item in guessed:
            if item.batch is not None:
                self._costs.record_steps(item.steps)
        return items

    def _first_state(self, items: Sequence[Item]) -> Batch:
        begin = self._program.begin
        return self._run(Phase.BEGIN, begin, items, self._inputs) if begin else self._inputs(items)

    def _advance(self) -> Sequence[Item]:
        advance = self._program.advance
        unfinished = [item for item in self._running if not item.done]
        if advance is None or not unfinished:
            return ()
        items = policy.next_items(unfinished, self._best_room(Phase.ADVANCE, unfinished), self._turns)
        before = {item: item.step for item in items}
        for group, batch in self._through(Phase.ADVANCE, items, advance):
            self._place(group, batch)
            for item in group:
                item.last_turn = self._turns
                if item.step <= before[item]:
                    self._fail(item, RuntimeError(f"an advance left it at step {item.step} of {item.steps}"))
        self._preview([item for item in items if item.wants_preview])
        return items

    def _preview(self, items: Sequence[Item]) -> None:
        if items and self._program.preview is not None:
            for group, batch in self._through(Phase.PREVIEW, items, self._program.preview):
                images = batch.columns()
                for row, item in enumerate(group):
                    item.job.post_preview(item, images["image"][row])

    def _finish(self) -> Sequence[Item]:
        done = [item for item in self._running if item.done]
        items = done[: self._best_room(Phase.FINISH, done)]
        for group, batch in self._through(Phase.FINISH, items, self._program.finish) if items else ():
            columns = batch.columns()
            for row, item in enumerate(group):
                item.job.post_result(item, {name: column[row] for name, column in columns.items()})
            self._leave(group)
        return items

    def _through(self, phase: Phase, items: Sequence[Item], function: Function) -> Groups:
        return self._isolating(items, lambda items: self._run(phase, function, items, self._state))

    def _run(
        self, phase: Phase, function: Function, items: Sequence[Item], form: Callable[[Sequence[Item]], Batch]
    ) -> Batch:
        """One call of the network, timed from the forming of its batch; one that fails is not counted."""
        began = time.perf_counter()
        result = form(items).through(function)
        result.wait()
        seconds = time.perf_counter() - began
        self._costs.record(phase, result.size, seconds)
        self._observer.ran(self._program, phase, len(items), result.size, seconds)
        return result

    def _inputs(self, items: Sequence[Item]) -> Batch:
        return stack([item.inputs for item in items], self._program.inputs, self._size(items))

    def _state(self, items: Sequence[Item]) -> Batch:
        return gather(items, self._size(items))

    def _best_room(self, phase: Phase, items: Sequence[Item]) -> int:
        """How many of `items` to take into the next call: those that wait for the one after it cost no padding."""
        if not items or any(item.job.reproducible for item in items):
            return self._room
        return fastest_bucket(len(items), self._buckets, partial(self._costs.seconds, phase))

    def _size(self, items: Sequence[Item]) -> int:
        """The bucket for `items`: a reproducible one takes those that it meets along to the largest."""
        if any(item.job.reproducible for item in items):
            return self._room
        return bucket_for(len(items), self._buckets)

    def _place(self, items: Sequence[Item], batch: Batch) -> None:
        """The first rows of `batch` are the state of `items` from now on."""
        step = batch.column("step").tolist() if self._program.advance else [0] * len(items)
        steps = batch.column("steps").tolist() if self._program.advance else step
        for row, item in enumerate(items):
            item.batch, item.row, item.step, item.steps = batch, row, step[row], steps[row]

    def _isolating(self, items: Sequence[Item], call: Callable[[Sequence[Item]], Batch]) -> Groups:
        """`call` on all items at once; if that fails, on each alone, so that an item harms none but its own job."""
        try:
            return [(items, call(items))]
        except Exception as error:  # noqa: BLE001 (whatever TensorFlow, or the model in it, may raise)
            if len(items) > 1:
                return [group for item in items for group in self._isolating([item], call)]
            self._fail(items[0], error)
            return []

    def _fail(self, item: Item, error: Exception) -> None:
        item.job.fail(incidents.report(f"{self._program.name} of model {self._program.model} failed", error))
        self._leave([item])

    def _leave(self, items: Sequence[Item]) -> None:
        if not items:
            return
        for item in items:
            item.gone, item.batch = True, None
        self._running = [item for item in self._running if not item.gone]
        if any(item.gone for item in self._waiting):
            self._waiting = [item for item in self._waiting if not item.gone]
        self._on_leave(len(items))

    def _report(self, jobs: Iterable[Job]) -> None:
        watching = [job for job in jobs if job.report_progress]
        if not watching:
            return
        ahead: dict[Job, int] = {}
        for place, item in enumerate(self._waiting):
            ahead.setdefault(item.job, place)
        for item in self._running:
            ahead[item.job] = 0
        for job in watching:
            job.post_progress(ahead.get(job, 0))
