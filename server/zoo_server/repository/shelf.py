"""The versions of one model: their states, their labels, and which of them are to be kept loaded. It reads no file."""

from collections.abc import Collection, Iterable, Mapping

from zoo_server.repository.model import FailedModel, LoadedModel, LoadingModel, Version
from zoo_server.repository.scan import Fingerprint


class Shelf:
    """What a server knows of one model. `kept` versions are kept loaded, and those with a label in any case."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._versions: dict[int, Version] = {}
        self._files: dict[int, Fingerprint] = {}
        self._wanted_labels: Mapping[str, int] = {}
        self._labels: dict[str, int] = {}

    def put(self, version: Version) -> None:
        """Set the state of one version."""
        self._versions[version.number] = version
        self._move_labels()

    def remove(self, number: int) -> None:
        del self._versions[number]
        self._files.pop(number, None)
        self._move_labels()

    def see(self, number: int, files: Fingerprint) -> bool:
        """Whether the files of a version are others than they were when they were last seen."""
        changed = self._files.get(number) != files
        self._files[number] = files
        return changed

    def set_labels(self, labels: Mapping[str, int]) -> None:
        self._wanted_labels = labels
        self._move_labels()

    def _move_labels(self) -> None:
        """A label moves to another version when that can be called; until then it stays, so that no call fails."""
        before = self._labels
        self._labels = {}
        for label, wanted in self._wanted_labels.items():
            old = before.get(label, wanted)
            stays = not self._is_loaded(wanted) and self._is_loaded(old)
            self._labels[label] = old if stays else wanted

    def __len__(self) -> int:
        return len(self._versions)

    def get(self, number: int) -> Version | None:
        return self._versions.get(number)

    @property
    def versions(self) -> list[Version]:
        """All versions, the highest first."""
        return [version for _, version in sorted(self._versions.copy().items(), reverse=True)]

    @property
    def labels(self) -> Mapping[str, int]:
        """The version that each label stands for at present; it need not be there."""
        return self._labels

    @property
    def default(self) -> Version:
        """The highest version that can be called; else the highest that will be soon; else the highest."""
        for state in (LoadedModel, LoadingModel):
            for version in self.versions:
                if isinstance(version, state):
                    return version
        return self.versions[0]

    def missing(self) -> list[int]:
        """The versions to be loaded that are not, the highest first. They count until they are known to fail."""
        hopeful = [number for number, one in self._versions.items() if not isinstance(one, FailedModel)]
        keep = _keep(hopeful, self._labelled, self._kept)
        return sorted((number for number in keep if not self._is_loaded(number)), reverse=True)

    def surplus(self) -> list[int]:
        """The versions that are loaded and need not be. What is still to be loaded drives out none."""
        loaded = [number for number in self._versions if self._is_loaded(number)]
        return sorted(set(loaded) - _keep(loaded, self._labelled, self._kept))

    @property
    def _labelled(self) -> set[int]:
        return {*self._labels.values(), *self._wanted_labels.values()}

    def _is_loaded(self, number: int) -> bool:
        return isinstance(self._versions.get(number), LoadedModel)


def _keep(numbers: Iterable[int], labelled: Collection[int], count: int) -> set[int]:
    """The highest, all with a label, and then the next highest until they are `count`."""
    ordered = sorted(numbers, reverse=True)
    keep = {*ordered[:1], *(number for number in ordered if number in labelled)}
    for number in ordered:
        if len(keep) >= count:
            break
        keep.add(number)
    return keep
