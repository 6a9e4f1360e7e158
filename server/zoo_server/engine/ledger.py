"""What every lane has left to do, counted as it changes, so that whoever asks need not look at the items."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from zoo_server.engine.costs import Costs, LaneCosts, Shapes
from zoo_server.engine.forecast import Load
from zoo_server.engine.job import Item, Job
from zoo_server.repository.program import Program

LaneKey = tuple[Program, Shapes]


@dataclass(slots=True, eq=False)
class Account:
    """One lane's: `left` has how many of its items are still to make a number of steps."""

    key: LaneKey
    costs: LaneCosts
    buckets: Sequence[int]
    left: Counter[int] = field(default_factory=Counter)
    waiting: int = 0
    reproducible: int = 0

    def add(self, item: Item) -> None:
        item.counted_left, item.counted_waiting = self._left(item), item.batch is None
        self.left[item.counted_left] += 1
        self.waiting += item.counted_waiting
        self.reproducible += item.job.reproducible

    def remove(self, item: Item) -> None:
        self.left[item.counted_left] -= 1
        if not self.left[item.counted_left]:
            del self.left[item.counted_left]
        self.waiting -= item.counted_waiting
        self.reproducible -= item.job.reproducible

    def load(self) -> Load:
        """It as it stands; a reproducible item takes those that it meets along to the largest bucket."""
        buckets = self.buckets[-1:] if self.reproducible else self.buckets
        return Load(self.key[0].model, self.costs, buckets, self.left.copy(), self.waiting)

    def _left(self, item: Item) -> int:
        if item.job.program.advance is None:
            return 0
        return item.left if item.steps_known else self.costs.fewest_steps


class Ledger:
    """The accounts of all lanes that have any items. Any thread may write and read it."""

    def __init__(self, costs: Costs, buckets: Callable[[Program], Sequence[int]]) -> None:
        """`buckets` gives those that a program is run at."""
        self._costs = costs
        self._buckets = buckets
        self._lock = threading.Lock()
        # A lane without items has no entry: it would keep the program of an unloaded model alive.
        self._accounts: dict[LaneKey, Account] = {}

    def add(self, job: Job) -> None:
        """The items of `job` are let in."""
        with self._lock:
            for item in job.items:
                key = (job.program, item.shapes)
                item.account = self._accounts.get(key) or self._open(key)
                item.account.add(item)

    def update(self, items: Iterable[Item]) -> None:
        """Items have begun, or are some steps further."""
        with self._lock:
            for item in items:
                if item.account is not None:
                    item.account.remove(item)
                    item.account.add(item)

    def remove(self, items: Iterable[Item]) -> None:
        """Items are done, or nobody wants them any more. Those that have been removed already are left out."""
        with self._lock:
            for item in items:
                if item.account is not None:
                    item.account.remove(item)
                    if not item.account.left:
                        del self._accounts[item.account.key]
                    item.account = None

    def loads(self) -> dict[LaneKey, Load]:
        """What each lane has to do."""
        with self._lock:
            return {key: account.load() for key, account in self._accounts.items()}

    def loads_of(self, job: Job) -> dict[LaneKey, Load]:
        """What each lane would have to do for a job that is not let in, if it had nothing else."""
        accounts: dict[LaneKey, Account] = {}
        for item in job.items:
            key = (job.program, item.shapes)
            if key not in accounts:
                accounts[key] = self._account(key)
            accounts[key].add(item)
        return {key: account.load() for key, account in accounts.items()}

    def _open(self, key: LaneKey) -> Account:
        self._accounts[key] = self._account(key)
        return self._accounts[key]

    def _account(self, key: LaneKey) -> Account:
        buckets = self._buckets(key[0])
        return Account(key, self._costs.of(*key, buckets), buckets)
