"""Which capability of which version a request of the Open Inference Protocol means."""

from collections.abc import Sequence

from pixelzoo.v1 import capability_pb2
from pixelzoo.v1.catalog_service_pb2 import GetModelRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from zoo_server import validation
from zoo_server.errors import invalid_field
from zoo_server.repository.contract import kind_name
from zoo_server.repository.model import Kind, LoadedModel

_MARK = ":"
_KINDS = {kind_name(kind): kind for kind in capability_pb2.CapabilityKind.values() if kind}
_MOST_DIGITS = 19


def capability_of(name: str) -> Kind:
    """That of `MODEL:CAPABILITY`; sampling for a plain `MODEL`. Raises INVALID_FIELD."""
    _, mark, capability = name.partition(_MARK)
    if mark and capability not in _KINDS:
        rule = f"asks for {capability[:64]!r}, and what stands after the colon is one of: {', '.join(_KINDS)}"
        raise invalid_field("model_name", rule)
    return _KINDS[capability] if mark else capability_pb2.CAPABILITY_KIND_SAMPLE


def names_of(model: LoadedModel) -> list[str]:
    """What a request may call a model: a name for each of its capabilities."""
    return [f"{model.name}{_MARK}{kind_name(kind)}" for kind in sorted(model.programs)]


def selector_of(name: str, version: str, known: Sequence[str]) -> ModelSelector:
    """The model and its version, by number or by label; the highest that can be called for an empty one.

    Raises INVALID_FIELD for what can be no model's; `known` are the names of the models that there are.
    """
    model = name.partition(_MARK)[0]
    if not model:
        raise invalid_field("model_name", f"must say which model; this server has: {', '.join(known)}")
    selector = ModelSelector(name=model)
    if version.isascii() and version.isdecimal() and len(version) <= _MOST_DIGITS:
        selector.version = int(version)
    elif version:
        selector.version_label = version
    validation.check(GetModelRequest(model=selector))
    return selector
