"""The models of one folder, looked up by what a request says.

Names come from clients and never touch the file system: they are looked up in what the scan found.
"""

import logging
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pixelzoo.v1 import model_pb2
from zoo_server import errors
from zoo_server.repository import contract
from zoo_server.repository.model import FailedModel, Kind, LoadedModel, Version, load

_log = logging.getLogger(__name__)
_VERSION = re.compile(r"[1-9][0-9]{0,18}")
_HIGHEST = 2**63 - 1


class Repository:
    """Every version of every model, loaded or failed."""

    def __init__(self, versions: Sequence[Version] = ()) -> None:
        self._models: dict[str, dict[int, Version]] = {}
        for version in versions:
            self._models.setdefault(version.name, {})[version.number] = version

    @classmethod
    def load(cls, folder: Path) -> "Repository":
        """Load all of `folder`/<model>/<version>/. A version that cannot be served is logged, and kept as failed."""
        return cls([_load_timed(path) for path in _scan(folder)])

    @property
    def names(self) -> list[str]:
        """The names of all models, sorted, those without an available version included."""
        return sorted(self._models)

    def loaded(self) -> Iterator[LoadedModel]:
        for name in self.names:
            yield from (version for version in self.versions(name) if isinstance(version, LoadedModel))

    def fail(self, model: LoadedModel, why: str) -> None:
        """Leave out a version that loaded, but failed when it was run; log why."""
        _log.error("model %s version %d is left out: %s", model.name, model.number, why)
        self._models[model.name][model.number] = FailedModel(model.name, model.number, why)

    def versions(self, name: str) -> list[Version]:
        """All versions of a model that exists, the highest first."""
        return [version for _, version in sorted(self._models[name].items(), reverse=True)]

    def find(self, selector: model_pb2.ModelSelector) -> Version:
        """The version that a request selects: without a choice the highest available one, else the highest.

        Raises MODEL_NOT_FOUND and VERSION_NOT_FOUND.
        """
        if selector.name not in self._models:
            raise errors.model_not_found(selector.name, self.names)
        versions = self._models[selector.name]
        match selector.WhichOneof("version_choice"):
            case "version" if selector.version in versions:
                return versions[selector.version]
            case "version":
                raise errors.version_not_found(selector.name, str(selector.version), sorted(versions))
            case "version_label":
                raise errors.version_not_found(selector.name, selector.version_label, sorted(versions))
        everyone = self.versions(selector.name)
        return next((version for version in everyone if isinstance(version, LoadedModel)), everyone[0])

    def get(self, selector: model_pb2.ModelSelector) -> LoadedModel:
        """As `find`, but only a version that can be called; raises MODEL_FAILED too."""
        version = self.find(selector)
        if isinstance(version, FailedModel):
            raise errors.model_failed(version.name, version.number, version.why)
        return version

    def capable(self, kind: Kind) -> list[str]:
        """The names of the models of which some version has this capability."""
        return sorted({model.name for model in self.loaded() if kind in model.programs})


def _scan(folder: Path) -> list[Path]:
    """The version folders in `folder`, sorted; what has no model's or version's name is passed over, and logged."""
    found = []
    for model in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if not contract.MODEL_NAME.fullmatch(model.name):
            _log.warning("folder %s is passed over: names of models are [a-z][a-z0-9_]*", model)
            continue
        versions = [path for path in model.iterdir() if path.is_dir() and _is_version(path.name)]
        if not versions:
            _log.warning(
                "folder %s is passed over: it has no version, a folder named by a positive integer", model
            )
        found += sorted(versions, key=lambda path: int(path.name))
    return found


def _is_version(name: str) -> bool:
    return bool(_VERSION.fullmatch(name)) and int(name) <= _HIGHEST


def _load_timed(folder: Path) -> Version:
    start = time.monotonic()
    version = load(folder)
    if isinstance(version, LoadedModel):
        _log.info(
            "model %s version %d loaded in %.1f s", version.name, version.number, time.monotonic() - start
        )
    return version
