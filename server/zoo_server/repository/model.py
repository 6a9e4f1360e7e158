"""One version of a model, in each of its states: loading, loaded, failed or unloaded."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from pixelzoo.v1 import capability_pb2, card_pb2, model_pb2
from zoo_server.options import OptionRules
from zoo_server.repository.card import read_card
from zoo_server.repository.contract import ContractError, kind_name
from zoo_server.repository.digests import verify_files
from zoo_server.repository.operations import check_operations
from zoo_server.repository.program import Program, bind
from zoo_server.tensorflow_runtime import tf

_log = logging.getLogger(__name__)

Kind: TypeAlias = capability_pb2.CapabilityKind.ValueType


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A version that can be called."""

    version: model_pb2.ModelVersion
    card: card_pb2.ModelCard
    programs: Mapping[Kind, Program]
    options: Mapping[Kind, OptionRules]
    saved_model: Any = field(repr=False)  # Holds the weights: they live as long as this object.

    @property
    def name(self) -> str:
        return self.version.name

    @property
    def number(self) -> int:
        return self.version.version


@dataclass(frozen=True, slots=True)
class LoadingModel:
    """A version that will be callable soon. `lacks` says what is not yet right with its files, if they still come."""

    name: str
    number: int
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class FailedModel:
    """A version that is left out; `incomplete` if its files are not those of its card, so that some may yet come."""

    name: str
    number: int
    why: str
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class UnloadedModel:
    """A version that is in the folder, but not kept loaded."""

    name: str
    number: int


Version = LoadedModel | LoadingModel | FailedModel | UnloadedModel


def load(folder: Path) -> LoadedModel | FailedModel:
    """Check and load the version in `folder`, <model>/<version>/. Whatever is wrong with it becomes a FailedModel."""
    name, number = folder.parent.name, int(folder.name)
    started = time.monotonic()
    incomplete = True
    try:
        card = read_card(folder)
        digest = verify_files(folder, card)
        incomplete = False
        model = _load(folder, card, model_pb2.ModelVersion(name=name, version=number, digest=digest))
    except ContractError as error:
        why = str(error)
    except FileNotFoundError as error:
        why = f"file {error.filename} went away"
    except Exception as error:  # noqa: BLE001 (TensorFlow raises many kinds for a SavedModel that it cannot read)
        _log.exception("model %s version %d: TensorFlow cannot load it", name, number)
        why = f"TensorFlow cannot load it: {type(error).__name__}: {error}"
    else:
        _log.info("model %s version %d loaded in %.1f s", name, number, time.monotonic() - started)
        return model
    # The message goes to clients: no path of this machine, no page of text.
    return FailedModel(name, number, why.replace(str(folder), ".")[:1000], incomplete)


def _load(folder: Path, card: card_pb2.ModelCard, version: model_pb2.ModelVersion) -> LoadedModel:
    options = {}
    for capability in card.capabilities:
        try:
            options[capability.kind] = OptionRules(capability, card.family)
        except ValueError as error:
            raise ContractError(f"capability {kind_name(capability.kind)!r}: {error}") from error
    check_operations(folder)
    saved_model = tf.saved_model.load(str(folder))
    programs = {
        capability.kind: bind(card, capability, saved_model.signatures) for capability in card.capabilities
    }
    return LoadedModel(version, card, programs, options, saved_model)
