"""What the scheduler thread tells of its work, for whoever measures it. The engine knows no more of them than this."""

from collections.abc import Sequence
from typing import Protocol

from zoo_server.engine.phase import Phase
from zoo_server.repository.program import Program


class Observer(Protocol):
    """Called by the scheduler thread in the midst of its turns: it must be quick, and must not raise."""

    def begun(self, program: Program, waits: Sequence[float]) -> None:
        """Items have left the queue; `waits` has the seconds that each was in it."""

    def ran(self, program: Program, phase: Phase, items: int, size: int, seconds: float) -> None:
        """One call of the network: `items` in a batch of `size`, so that size - items rows were padding.

        `seconds` begin with the forming of the batch, and end when its outputs are there.
        """


class Unobserved:
    """The observer that does nothing."""

    def begun(self, program: Program, waits: Sequence[float]) -> None: ...

    def ran(self, program: Program, phase: Phase, items: int, size: int, seconds: float) -> None: ...
