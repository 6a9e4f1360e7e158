"""The models of one folder, looked up by what a request says.

Names come from clients and never touch the file system: they are looked up in what the scan found.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from pixelzoo.v1 import model_pb2
from zoo_server import errors
from zoo_server.repository.model import (
    FailedModel,
    Kind,
    LoadedModel,
    LoadingModel,
    UnloadedModel,
    Version,
    load,
)
from zoo_server.repository.scan import ModelFolder, Scanner
from zoo_server.repository.shelf import Shelf

_log = logging.getLogger(__name__)

DEFAULT_LOADED_VERSIONS = 2


class Repository:
    """Every version of every model, whatever its state. Once it serves, it belongs to the event loop."""

    def __init__(
        self, versions: Sequence[Version] = (), loaded_versions: int = DEFAULT_LOADED_VERSIONS
    ) -> None:
        """Of each model `loaded_versions` are kept loaded: the highest and all with a label first."""
        self._loaded_versions = loaded_versions
        self._shelves: dict[str, Shelf] = {}
        self.scanner: Scanner | None = None
        for version in versions:
            self.put(version)

    @classmethod
    def scan(cls, folder: Path, loaded_versions: int = DEFAULT_LOADED_VERSIONS) -> "Repository":
        """What there is in `folder`/<model>/<version>/, and nothing of it loaded; OSError if it cannot be read."""
        repository = cls(loaded_versions=loaded_versions)
        repository.scanner = Scanner(folder)
        for name, found in repository.scanner.scan().items():
            repository.note(name, found)
        return repository

    @classmethod
    def load(cls, folder: Path, loaded_versions: int = DEFAULT_LOADED_VERSIONS) -> "Repository":
        """As `scan`, with what is to be kept loaded. What cannot be is logged, and is failed."""
        repository = cls.scan(folder, loaded_versions)
        for name in repository.names:
            shelf = repository.shelf(name)
            while missing := shelf.missing():
                repository.put(load(folder / name / str(missing[0])))
        return repository

    def note(self, name: str, found: ModelFolder) -> None:
        """Take in what a scan found of one model: new versions, those whose files have changed, and labels.

        What failed is to be tried again if its files have changed; what was still coming has failed if they have not.
        """
        shelf = self._shelves.setdefault(name, Shelf(self._loaded_versions))
        if found.labels is not None:
            shelf.set_labels(found.labels)
        for number, files in found.versions.items():
            version, changed = shelf.get(number), shelf.see(number, files)
            if version is None or (changed and isinstance(version, FailedModel)):
                shelf.put(UnloadedModel(name, number))
            elif not changed and isinstance(version, LoadingModel) and version.lacks:
                self.put(FailedModel(name, number, version.lacks))
        missing = shelf.missing()
        for version in shelf.versions:
            if version.number in missing and isinstance(version, UnloadedModel):
                shelf.put(LoadingModel(name, version.number))
            elif version.number not in missing and isinstance(version, LoadingModel):
                shelf.put(UnloadedModel(name, version.number))

    def put(self, version: Version) -> None:
        """Set the state of one version: from now on calls get it, or are told why not."""
        self._shelves.setdefault(version.name, Shelf(self._loaded_versions)).put(version)
        if isinstance(version, FailedModel):
            _log.error("model %s version %d is left out: %s", version.name, version.number, version.why)

    def remove(self, name: str, number: int) -> None:
        """Forget a version, and the model with its last one."""
        self._shelves[name].remove(number)
        if not self._shelves[name]:
            del self._shelves[name]

    def shelf(self, name: str) -> Shelf:
        """The versions of a model that exists."""
        return self._shelves[name]

    @property
    def names(self) -> list[str]:
        """The names of all models, sorted, those without an available version included."""
        return sorted(self._shelves)

    def versions(self, name: str) -> list[Version]:
        """All versions of a model that exists, the highest first."""
        return self._shelves[name].versions

    def snapshot(self) -> dict[str, list[Version]]:
        """The versions of every model by its name, as `names` and `versions` give them. Safe from any thread."""
        # Copies of a dict are made at once; what is looked up by name might be gone by then.
        return {name: shelf.versions for name, shelf in sorted(self._shelves.copy().items())}

    def loaded(self) -> Iterator[LoadedModel]:
        for name in self.names:
            yield from (version for version in self.versions(name) if isinstance(version, LoadedModel))

    def find(self, selector: model_pb2.ModelSelector) -> Version:
        """The version that a request selects: without a choice the highest available one, else the highest.

        Raises MODEL_NOT_FOUND and VERSION_NOT_FOUND.
        """
        name = selector.name
        if name not in self._shelves:
            raise errors.model_not_found(name, self.names)
        shelf = self._shelves[name]
        match selector.WhichOneof("version_choice"):
            case "version":
                number = selector.version
            case "version_label" if selector.version_label not in shelf.labels:
                raise errors.label_not_found(name, selector.version_label, sorted(shelf.labels))
            case "version_label":
                number = shelf.labels[selector.version_label]
            case _:
                return shelf.default
        version = shelf.get(number)
        if version is None:
            raise errors.version_not_found(name, number, [one.number for one in shelf.versions])
        return version

    def get(self, selector: model_pb2.ModelSelector) -> LoadedModel:
        """As `find`, but only a version that can be called; raises MODEL_LOADING and MODEL_FAILED too."""
        match self.find(selector):
            case LoadedModel() as model:
                return model
            case LoadingModel(name, number):
                raise errors.model_loading(name, number)
            case FailedModel(name, number, why):
                raise errors.model_failed(name, number, why)
            case UnloadedModel(name, number):
                loaded = [one.number for one in self.versions(name) if isinstance(one, LoadedModel)]
                raise errors.version_not_loaded(name, number, loaded)

    def capable(self, kind: Kind) -> list[str]:
        """The names of the models of which some version has this capability."""
        return sorted({model.name for model in self.loaded() if kind in model.programs})
