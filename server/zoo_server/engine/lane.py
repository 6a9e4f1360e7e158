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
from zoo_server.engine.ledger import Ledger
from zoo_server.engine.observer import Observer
from zoo_server.engine.phase import Phase
from zoo_server.engine.turn import Turn
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
        ledger: Ledger,
        on_leave: Callable[[int], None],
        observer: Observer,
        turn: Turn,
    ) -> None:
        """`buckets` are those of the program that may be used; `on_leave` is told how many items have left."""
        self._program = program
        self._buckets = buckets
        self._room = buckets[-1]
        self._costs = costs
        self._ledger = ledger
        self._turns = 0
        self._waiting: list[Item] = []
        self._running: list[Item] = []
        # Of pictures of any size 0, until the first is done.
        self._result_bytes = _bytes_of_an_item(program.finish)
        self._on_leave = on_leave
        self._observer = observer
        self._turn = turn

    @property
    def empty(self) -> bool:
        return not self._waiting and not self._running

    @property
    def held_back(self) -> bool:
        """Whether a turn would do nothing, since all of its items are done and wait for their readers."""
        return bool(self._running) and not self._waiting and all(map(self._is_held_back, self._running))

    def _is_held_back(self, item: Item) -> bool:
        return item.done and not item.job.over and self._room_of(item.job) <= 0

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
        """One call of begin, of advance and of preview at most, each for a bucket of items; then what is done ends."""
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
            item.last_turn = self._turns  # It has had its turn: those that wait for theirs come first.
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
        """All that is done, in several calls if they cost less than one; where that is all, in one call a turn."""
        items = self._finishable()
        finished: list[Item] = []
        while left := items[len(finished) :]:
            finished += self._end(left[: self._best_room(Phase.FINISH, left)])
            if self._program.advance is None:
                break
        return finished

    def _end(self, items: Sequence[Item]) -> Sequence[Item]:
        for group, batch in self._through(Phase.FINISH, items, self._program.finish):
            columns = batch.columns()
            for row, item in enumerate(group):
                item.job.post_result(item, {name: column[row] for name, column in columns.items()})
            self._result_bytes = sum(column[0].nbytes for column in columns.values())
            self._leave(group)
        return items

    def _finishable(self) -> Sequence[Item]:
        """A batch of items that have made their steps, without those that are held back."""
        rooms: dict[Job, int] = {}
        items: list[Item] = []
        for item in self._running:
            if item.done and len(items) < self._room:
                room = rooms[item.job] if item.job in rooms else self._room_of(item.job)
                rooms[item.job] = room - 1
                if room > 0:
                    items.append(item)
        return items

    def _room_of(self, job: Job) -> int:
        if not job.mailbox.bounded:
            return self._room
        # One at a time until it is known how large they are.
        return min(job.mailbox.room(self._result_bytes), self._room if self._result_bytes else 1)

    def _through(self, phase: Phase, items: Sequence[Item], function: Function) -> Groups:
        return self._isolating(items, lambda items: self._run(phase, function, items, self._state))

    def _run(
        self, phase: Phase, function: Function, items: Sequence[Item], form: Callable[[Sequence[Item]], Batch]
    ) -> Batch:
        """One call of the network, timed from the forming of its batch; one that fails is not counted."""
        began = time.perf_counter()
        batch = form(items)
        with self._turn.calls(self._program, function.name, batch.size, {item.job for item in items}):
            result = batch.through(function)
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
        self._ledger.update(items)

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
        self._ledger.remove(items)
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


def _bytes_of_an_item(function: Function) -> int:
    """What `function` gives for one item; 0 if its shapes leave it open."""
    sizes = [spec.item_bytes for spec in function.outputs.values()]
    return 0 if None in sizes else sum(size or 0 for size in sizes)
