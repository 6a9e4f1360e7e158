"""Notices when files that an operator keeps beside the server are replaced or written anew."""

from collections.abc import Sequence
from pathlib import Path

_Look = tuple[tuple[int, int, int] | None, ...]


class WatchedFiles:
    """`changed()` says whether any of the files is another one than when it was last asked; links are followed."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._seen: _Look | None = self._look()

    def changed(self) -> bool:
        now = self._look()
        changed, self._seen = now != self._seen, now
        return changed

    def forget(self) -> None:
        """The next `changed()` is true: what was to be done about the last change has not been done."""
        self._seen = None

    def _look(self) -> _Look:
        return tuple(map(_identity, self._paths))


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
