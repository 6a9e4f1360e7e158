"""What the work costs: seconds of each phase at each bucket, as they were measured.

The middle of the last few measurements counts, so that one disturbance, or the first call at a bucket, for which
TensorFlow prepares its kernels, changes nothing. A measurement that nothing has renewed for a while is forgotten:
an estimate that was too high must not keep away the very calls that would set it right.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from zoo_server.engine.phase import Phase

if TYPE_CHECKING:
    from zoo_server.repository.program import Program

Shapes = tuple[tuple[int, ...], ...]
"""The shapes of an item's inputs, in the order of their names."""

_REMEMBERED = 15
_ENOUGH = 5
_FRESH_SECONDS = 60.0
_MOST_SHAPES = 64


class LaneCosts:
    """The costs of one program at one set of input shapes. Written by one thread, read by any."""

    def __init__(self, buckets: Sequence[int], clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets = buckets
        self._clock = clock
        self._measured: dict[tuple[Phase, int], deque[float]] = {}
        self._middle: dict[tuple[Phase, int], tuple[float, float]] = {}
        self._steps: deque[int] = deque(maxlen=_REMEMBERED)
        self._fewest_steps = 1

    def record(self, phase: Phase, bucket: int, seconds: float) -> None:
        """One call of `phase` at `bucket` took `seconds`."""
        measured = self._measured.setdefault((phase, bucket), deque(maxlen=_REMEMBERED))
        measured.append(seconds)
        if len(measured) >= _ENOUGH:
            self._middle[phase, bucket] = statistics.median(measured), self._clock()

    def seconds(self, phase: Phase, bucket: int) -> float | None:
        """Of one call of `phase` at `bucket`; None before enough has been measured, or long after.

        A bucket without measurements of its own costs at least what a smaller one does, and at least its share of a
        larger one.
        """
        index = self._buckets.index(bucket)
        for smaller in reversed(self._buckets[: index + 1]):
            if (found := self._fresh(phase, smaller)) is not None:
                return found
        for larger in self._buckets[index + 1 :]:
            if (found := self._fresh(phase, larger)) is not None:
                return found * bucket / larger
        return None

    def record_steps(self, steps: int) -> None:
        """An item that did not say so itself turned out to have `steps`."""
        self._steps.append(steps)
        self._fewest_steps = max(1, min(self._steps))

    @property
    def fewest_steps(self) -> int:
        """The least that such an item had of late: at least 1."""
        return self._fewest_steps

    def _fresh(self, phase: Phase, bucket: int) -> float | None:
        seconds, when = self._middle.get((phase, bucket), (0.0, None))
        return seconds if when is not None and self._clock() - when <= _FRESH_SECONDS else None


class Costs:
    """The costs of everything that runs, for any thread. A program that is unloaded takes its own along."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._programs: WeakKeyDictionary[Program, OrderedDict[Shapes, LaneCosts]] = WeakKeyDictionary()

    def of(self, program: Program, shapes: Shapes, buckets: Sequence[int]) -> LaneCosts:
        """Those of one lane. Clients choose shapes, so only the latest of them are kept."""
        with self._lock:
            lanes = self._programs.setdefault(program, OrderedDict())
            if shapes not in lanes:
                lanes[shapes] = LaneCosts(buckets)
            lanes.move_to_end(shapes)
            if len(lanes) > _MOST_SHAPES:
                lanes.popitem(last=False)
            return lanes[shapes]
