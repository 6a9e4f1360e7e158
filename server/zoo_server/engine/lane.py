"""A lane: the alive items of one program. They share its network calls, and join and leave between steps."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from zoo_server import incidents
from zoo_server.arrays import Array
from zoo_server.engine import policy
from zoo_server.engine.batch import Batch, gather, stack
from zoo_server.engine.bucket import bucket_for
from zoo_server.engine.job import Item, Job
from zoo_server.engine.observer import Observer, Phase
from zoo_server.repository.function import Function
from zoo_server.repository.program import Program


class Lane:
    """Items whose inputs have equal shapes, so that they fit in one batch. Owned by the scheduler thread."""

    def __init__(self, program: Program, on_leave: Callable[[int], None], observer: Observer) -> None:
        """`on_leave` is told how many items have left, done or not."""
        self.last_turn = 0
        self._program = program
        self._room = program.buckets[-1]
        self._waiting: deque[Item] = deque()
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

    def turn(self, number: int) -> None:
        """At most one call each of begin, advance, preview and finish, each for one bucket of items at most."""
        self.last_turn = number
        begun = self._begin()
        advanced = self._advance(number)
        finished = self._finish()
        # Who still waits has moved up the line, if anyone has begun.
        moved = {item.job for item in (*begun, *advanced, *finished, *(self._waiting if begun else ()))}
        self._report(moved)
        for job in {item.job for item in finished}:
            job.close_if_done()

    def _begin(self) -> Sequence[Item]:
        items = [self._waiting.popleft() for _ in range(min(self._room, len(self._waiting)))]
        self._running += items
        if items:
            now = time.monotonic()
            self._observer.begun(self._program, [now - item.job.submitted for item in items])
            for item in items:
                item.job.begin(now)
            for group, batch in self._isolating(items, self._first_state):
                self._place(group, batch)
        return items

    def _first_state(self, items: Sequence[Item]) -> Batch:
        size = bucket_for(len(items), self._program.buckets)
        inputs = stack([item.inputs for item in items], self._program.inputs, size)
        begin = self._program.begin
        return self._run("begin", begin, inputs, len(items)) if begin else inputs

    def _advance(self, number: int) -> Sequence[Item]:
        advance = self._program.advance
        unfinished = [item for item in self._running if not item.done]
        if advance is None or not unfinished:
            return ()
        items = policy.next_items(unfinished, self._room)
        for group, batch in self._isolating(
            items, lambda items: self._run("advance", advance, self._state(items), len(items))
        ):
            before = [item.step for item in group]
            self._place(group, batch)
            for item, step in zip(group, before, strict=True):
                item.last_turn = number
                if item.step <= step:
                    self._fail(item, RuntimeError(f"an advance left it at step {item.step} of {item.steps}"))
        self._preview([item for item in items if item.wants_preview])
        return items

    def _preview(self, items: Sequence[Item]) -> None:
        if items and self._program.preview is not None:
            for group, images in self._outputs("preview", items, self._program.preview):
                for row, item in enumerate(group):
                    item.job.post_preview(item, images["image"][row])

    def _finish(self) -> Sequence[Item]:
        items = [item for item in self._running if item.done][: self._room]
        if items:
            for group, outputs in self._outputs("finish", items, self._program.finish):
                for row, item in enumerate(group):
                    item.job.post_result(item, {name: column[row] for name, column in outputs.items()})
                self._leave(group)
        return items

    def _outputs(
        self, phase: Phase, items: Sequence[Item], function: Function
    ) -> list[tuple[Sequence[Item], dict[str, Array]]]:
        groups = self._isolating(
            items, lambda items: self._run(phase, function, self._state(items), len(items))
        )
        return [(group, batch.columns()) for group, batch in groups]

    def _run(self, phase: Phase, function: Function, batch: Batch, items: int) -> Batch:
        began = time.monotonic()
        result = batch.through(function)
        result.wait()
        self._observer.ran(self._program, phase, items, batch.size, time.monotonic() - began)
        return result

    def _state(self, items: Sequence[Item]) -> Batch:
        return gather(items, bucket_for(len(items), self._program.buckets))

    def _place(self, items: Sequence[Item], batch: Batch) -> None:
        """The first rows of `batch` are the state of `items` from now on."""
        step = batch.column("step").tolist() if self._program.advance else [0] * len(items)
        steps = batch.column("steps").tolist() if self._program.advance else step
        for row, item in enumerate(items):
            item.batch, item.row, item.step, item.steps = batch, row, step[row], steps[row]

    def _isolating(
        self, items: Sequence[Item], call: Callable[[Sequence[Item]], Batch]
    ) -> list[tuple[Sequence[Item], Batch]]:
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
            item.left, item.batch = True, None
        self._running = [item for item in self._running if not item.left]
        if any(item.left for item in self._waiting):
            self._waiting = deque(item for item in self._waiting if not item.left)
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
