"""What the scheduler thread runs at this moment, for whoever watches that it ends."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo_server.engine.job import Job
    from zoo_server.repository.program import Program


@dataclass(frozen=True, slots=True)
class NetworkCall:
    """One call of the function `signature` at `bucket` for `jobs`, which began at a `time.monotonic()` instant."""

    program: Program
    signature: str
    bucket: int
    jobs: frozenset[Job]
    began: float


class Turn:
    """Written by one thread, read by any."""

    def __init__(self) -> None:
        self.call: NetworkCall | None = None

    @contextmanager
    def calls(
        self, program: Program, signature: str, bucket: int, jobs: Iterable[Job] = ()
    ) -> Iterator[None]:
        self.call = NetworkCall(program, signature, bucket, frozenset(jobs), time.monotonic())
        try:
            yield
        finally:
            self.call = None
