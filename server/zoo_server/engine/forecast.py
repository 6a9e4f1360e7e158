"""How long the work takes: pure functions over what is left to do, by measured costs and the batches to be formed.

They err on the low side. What has not been measured counts as nothing, and so do previews.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import ceil

from zoo_server.engine.bucket import fastest_bucket
from zoo_server.engine.costs import LaneCosts
from zoo_server.engine.phase import Phase


@dataclass(slots=True)
class Load:
    """What one lane has left to do.

    `left` counts its items by the steps that they are still to make, 0 for one-shot items; `waiting` of them are still
    to begin.
    """

    model: str
    costs: LaneCosts
    buckets: Sequence[int]
    left: Counter[int] = field(default_factory=Counter)
    waiting: int = 0

    @property
    def room(self) -> int:
        return self.buckets[-1]

    @property
    def items(self) -> int:
        return self.left.total()

    def steps_of(self, place: int) -> int:
        """The steps left of the item that comes at this place, 1 for the first, among those with the fewest left."""
        for steps, items in sorted(self.left.items()):
            place -= items
            if place <= 0:
                return steps
        raise ValueError("the lane has fewer items")

    def plus(self, other: Load) -> Load:
        """What the lane has to do with the items of `other`, a load of the same lane, as well."""
        # One that may use the largest bucket alone takes the other along to it.
        buckets = min(self.buckets, other.buckets, key=len)
        left = self.left.copy()
        left.update(other.left)
        return Load(self.model, self.costs, buckets, left, self.waiting + other.waiting)


def seconds_of(load: Load) -> float:
    """Until all of its items are done, with the device to itself."""
    ends = _calls(load, Phase.FINISH, load.items)
    return _calls(load, Phase.BEGIN, load.waiting) + _steps(load, load.left) + ends


def seconds_until(load: Load, left: int, waiting: int) -> float | None:
    """Until an item of the lane that has `left` steps to go is done, with the device to itself.

    `waiting` items begin with it or before it. None if the cost of its steps is not known.
    """
    phase = Phase.ADVANCE if left else Phase.FINISH
    bucket = _bucket(load, phase, min(load.items, load.room))
    full = load.costs.seconds(phase, bucket)
    if full is None:
        return None
    if not left:
        return _calls(load, Phase.FINISH, waiting)
    begin = _calls(load, Phase.BEGIN, waiting)
    # By either half of the policy it would be done by then: in the half of those that take turns ...
    by_turns = _steps(load, _capped(load.left, left))
    # ... and in the half of those with the fewest steps left.
    ahead = sum(other * items for other, items in load.left.items() if other <= left)
    by_shortness = max(left, ceil(ahead / ceil(bucket / 2))) * full
    return begin + min(by_turns, by_shortness) + _calls(load, Phase.FINISH, 1)


def seconds_shared(alone: float, own: Load, others: Iterable[Load]) -> float:
    """Until what takes `alone` seconds of its lane is done, when `others` have their shares of the device.

    Models have equal shares, and so have the lanes of one model: each takes as much as this one, or all it needs.
    """
    models: dict[str, float] = {}
    total = alone
    for other in others:
        if other.model == own.model:
            total += min(alone, seconds_of(other))
        else:
            models[other.model] = models.get(other.model, 0.0) + seconds_of(other)
    return total + sum(min(total, needed) for needed in models.values())


def _steps(load: Load, left: Mapping[int, int]) -> float:
    """All steps: the batch shrinks as items are done, and more items than there is room for take turns."""
    seconds, alive = 0.0, 0
    most = sorted(left, reverse=True)
    for steps, fewer in pairwise([*most, 0]):
        alive += left[steps]
        step = _each(load, Phase.ADVANCE, min(alive, load.room))
        if alive >= load.room:
            # From here down every batch is full: the steps of all items, however many counts of them there are.
            made = steps * alive + sum(other * items for other, items in left.items() if other < steps)
            return seconds + made / load.room * step
        seconds += (steps - fewer) * step
    return seconds


def _capped(left: Mapping[int, int], most: int) -> Mapping[int, int]:
    """The same items with `most` steps left at most."""
    capped = {steps: items for steps, items in left.items() if steps < most}
    capped[most] = sum(left.values()) - sum(capped.values())
    return capped


def _calls(load: Load, phase: Phase, items: int) -> float:
    """As many calls of `phase` as `items` need."""
    if not items:
        return 0.0
    return ceil(items / load.room) * _each(load, phase, min(items, load.room))


def _each(load: Load, phase: Phase, items: int) -> float:
    """Until each of `items`, for which one batch has room, has been through one call; several small ones may do it."""
    bucket = _bucket(load, phase, items)
    return (load.costs.seconds(phase, bucket) or 0.0) * max(1.0, items / bucket)


def _bucket(load: Load, phase: Phase, items: int) -> int:
    return fastest_bucket(items, load.buckets, partial(load.costs.seconds, phase))
