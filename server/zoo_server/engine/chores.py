"""Chores: work for the scheduler thread that is nobody's call, such as warming up a new version.

It is done between the turns of lanes, one call of the network at a time, so that running jobs go on.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future


class Chores:
    """A line of iterators, each advanced to its end, the first one first.

    Any thread may `add`, the scheduler's lock held; the rest is the scheduler thread's own.
    """

    def __init__(self) -> None:
        self._line: deque[tuple[Iterator[None], Future[None]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._line)

    def add(self, chore: Iterator[None]) -> Future[None]:
        """The future is done when `chore` has ended, and has the exception that it raised, if any."""
        future: Future[None] = Future()
        self._line.append((chore, future))
        return future

    def do_one(self) -> None:
        """One turn of the first chore; one that nobody waits for any more is dropped."""
        chore, future = self._line[0]
        try:
            if not future.cancelled():
                next(chore)
                return
        except StopIteration:
            _settle(future, None)
        except Exception as error:  # noqa: BLE001 (whatever a stranger's graph raises: it is for who waits)
            _settle(future, error)
        self._line.popleft()

    def abandon(self, error: Exception) -> None:
        """Who waits for a chore that is left gets `error`."""
        for _, future in self._line:
            _settle(future, error)
        self._line.clear()


def _settle(future: Future[None], error: Exception | None) -> None:
    if future.set_running_or_notify_cancel():
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
