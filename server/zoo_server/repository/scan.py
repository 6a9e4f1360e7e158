"""Looks through the folder of models, again and again: which versions there are, what files they have, their labels."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo_server.repository import contract
from zoo_server.repository.labels import LABELS_FILE, read_labels

_log = logging.getLogger(__name__)
_VERSION = re.compile(r"[1-9][0-9]{0,18}")
_HIGHEST = 2**63 - 1

Fingerprint = tuple[tuple[str, int, int, int], ...]
"""Of every file of a version: path, size in bytes, and when its content and its inode changed, in ns.

Equal as long as nobody writes there.
"""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """What is there of one model. `labels` is None while its labels.json is wrong: the last good one counts."""

    path: Path
    versions: Mapping[int, Fingerprint]
    labels: Mapping[str, int] | None


class Scanner:
    """Scans one folder of models. What it has to complain about is logged once, not at each scan."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._complaints: set[str] = set()

    def scan(self) -> dict[str, ModelFolder]:
        """Every model with at least one version, by name. Raises OSError if a folder cannot be read."""
        complaints: set[str] = set()
        found = {}
        for path in sorted(
            path for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith(".")
        ):
            if not contract.MODEL_NAME.fullmatch(path.name):
                complaints.add(f"folder {path} is passed over: names of models are [a-z][a-z0-9_]*")
                continue
            versions = [one for one in path.iterdir() if one.is_dir() and _is_version(one.name)]
            if versions:
                labels = _labels(path, complaints)
                found[path.name] = ModelFolder(
                    path, {int(one.name): _fingerprint(one) for one in versions}, labels
                )
            else:
                complaints.add(
                    f"folder {path} is passed over: it has no version, a folder named by a positive integer"
                )
        for complaint in sorted(complaints - self._complaints):
            _log.warning("%s", complaint)
        self._complaints = complaints
        return found


def _labels(folder: Path, complaints: set[str]) -> Mapping[str, int] | None:
    try:
        return read_labels(folder)
    except ValueError as error:
        complaints.add(
            f"{LABELS_FILE} of model {folder.name} is wrong, and the labels stay as they were: {error}"
        )
        return None


def _fingerprint(folder: Path) -> Fingerprint:
    files = []
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except FileNotFoundError:  # It went while we looked, so the next scan finds a change.
            continue
        if not path.is_dir():
            files.append(
                (
                    path.relative_to(folder).as_posix(),
                    status.st_size,
                    status.st_mtime_ns,
                    status.st_ctime_ns,
                )
            )
    return tuple(sorted(files))


def _is_version(name: str) -> bool:
    return bool(_VERSION.fullmatch(name)) and int(name) <= _HIGHEST
