"""A job is what one call asks of the engine: some items for one program, and a mailbox for what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zoo_server.arrays import Array
from zoo_server.engine.batch import Batch
from zoo_server.engine.costs import Shapes
from zoo_server.engine.events import Preview, Progress, Result
from zoo_server.engine.mailbox import Mailbox
from zoo_server.repository.program import Program

if TYPE_CHECKING:
    from zoo_server.engine.ledger import Account


class Item:
    """One image (or score, or latent) being made. Owned by the scheduler thread once its job is submitted."""

    __slots__ = (
        "account",
        "batch",
        "counted_left",
        "counted_waiting",
        "gone",
        "index",
        "inputs",
        "job",
        "last_turn",
        "row",
        "shapes",
        "step",
        "steps",
    )

    def __init__(self, job: Job, index: int, inputs: Mapping[str, Array]) -> None:
        self.job = job
        self.index = index
        self.inputs = inputs
        # From its beginning on, its state is row `row` of `batch`.
        self.batch: Batch | None = None
        self.row = 0
        self.step = 0
        # Until its state says so, an option of this name is the best guess at how many steps it takes.
        self.steps = int(inputs.get("steps", 1))
        self.last_turn = 0
        self.gone = False
        # Items share a batch only if these are equal.
        self.shapes: Shapes = tuple(row.shape for _, row in sorted(inputs.items()))
        # The ledger's own: the account it is counted in, if any, and as what.
        self.account: Account | None = None
        self.counted_left = 0
        self.counted_waiting = False

    @property
    def steps_known(self) -> bool:
        """Whether `steps` is more than a guess."""
        return self.batch is not None or "steps" in self.inputs

    @property
    def left(self) -> int:
        """How many steps it is still to make."""
        return max(0, self.steps - self.step)

    @property
    def done(self) -> bool:
        """Whether it has made its last step, so that only `finish` remains."""
        return self.step >= self.steps

    @property
    def wants_preview(self) -> bool:
        interval = self.job.preview_interval
        return bool(interval) and self.step % interval == 0 and not self.done and not self.gone


class Job:
    """The items of one call.

    `inputs` has a mapping per item, with one row (no leading item axis) for each input of the program. `deadline` is
    a `time.monotonic()` instant. A preview is made every `preview_interval` steps; 0 makes none. Progress is reported
    if `report_progress`. Items that are to be `reproducible` are run at the largest bucket only, from start to end.
    """

    def __init__(
        self,
        program: Program,
        inputs: Sequence[Mapping[str, Array]],
        mailbox: Mailbox,
        *,
        deadline: float | None = None,
        preview_interval: int = 0,
        report_progress: bool = False,
        reproducible: bool = False,
    ) -> None:
        self.program = program
        self.items = [Item(self, index, row) for index, row in enumerate(inputs)]
        self.mailbox = mailbox
        self.deadline = deadline
        self.preview_interval = preview_interval
        self.report_progress = report_progress
        self.reproducible = reproducible
        self.items_done = 0
        self.submitted = time.monotonic()
        self.begun: float | None = None
        self.ended: float | None = None
        self._over = False

    def cancel(self) -> None:
        """Ask the engine to drop the items that are not yet done. Safe from any thread and at any time."""
        self._over = True

    def expired(self, now: float) -> bool:
        return self.deadline is not None and now >= self.deadline

    @property
    def over(self) -> bool:
        """Whether nobody wants its remaining items any more: it was cancelled, has failed, or is done."""
        return self._over

    # What the scheduler thread reports.

    def begin(self, now: float) -> None:
        """An item of it has left the queue; the first one counts."""
        self.begun = self.begun or now

    def post_progress(self, queue_position: int) -> None:
        """A one-shot item counts as one step, made when it is done."""
        steps = [max(1, item.steps) for item in self.items]
        made = sum(all_ if item.gone else item.step for item, all_ in zip(self.items, steps, strict=True))
        self.mailbox.post(Progress(queue_position, made, sum(steps), self.items_done, len(self.items)))

    def post_preview(self, item: Item, image: Array) -> None:
        self.mailbox.post(Preview(item.index, item.step, item.steps, image))

    def post_result(self, item: Item, outputs: Mapping[str, Array]) -> None:
        self.items_done += 1
        self.mailbox.post(Result(item.index, outputs))

    def close_if_done(self) -> None:
        """Ends the mailbox once every item is done; after the last progress, so that it shows all steps made."""
        if self.items_done == len(self.items):
            self._over, self.ended = True, time.monotonic()
            self.mailbox.close()

    def fail(self, error: Exception) -> None:
        """The job ends with `error`; its other items leave at the scheduler's next turn."""
        self._over, self.ended = True, time.monotonic()
        self.mailbox.close(error)
