"""What a request gives: an entry of each tensor for each item, or one for all of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo_server.errors import invalid_field
from zoo_server.open_inference.grpc_service_pb2 import ModelInferRequest
from zoo_server.repository.program import Program
from zoo_server.services.open_inference import parameters, signature, tensors

SUBJECTS = ("image", "latent")
"""What the capabilities that take one work on: there is one for each item, and no default."""


@dataclass(frozen=True, slots=True)
class Given:
    """`entries` has, by the tensor's name, one entry or `count` of them; `longest` names a tensor that has `count`.

    `parameters` are the names of those that came as parameters.
    """

    entries: Mapping[str, Sequence[Any]]
    parameters: Collection[str]
    count: int
    longest: str
    reproducible: bool
    timeout: float | None

    def of(self, name: str, index: int) -> Any:
        """What item `index` has of a tensor that was given."""
        return self.entries[name][self.entry(name, index)]

    def entry(self, name: str, index: int) -> int:
        """Which entry of a tensor that is."""
        return index if len(self.entries[name]) > 1 else 0

    def path(self, name: str, index: int | None = None) -> str:
        """Where that stands, or with no index the whole tensor, as the caller writes it."""
        if name in self.parameters:
            return parameters.path(name)
        return name if index is None or len(self.entries[name]) == 1 else f"{name}[{index}]"


def read(request: ModelInferRequest, program: Program, check_count: tensors.CheckCount) -> Given:
    """Everything that `request` gives to `program`, each in itself sound. Raises INVALID_FIELD or TOO_MANY_IMAGES."""
    known = signature.inputs(program)
    said = parameters.read(request, known)
    entries: dict[str, Sequence[Any]] = {name: [value] for name, value in said.values.items()}
    raws = _raws(request)
    for index, (wire, raw) in enumerate(zip(request.inputs, raws, strict=True)):
        if wire.name not in known:
            rule = f"there is no input {wire.name[:64]!r}; there are: {', '.join(map(str, known))}"
            raise invalid_field(f"inputs[{index}].name", rule)
        if wire.name in entries:
            raise invalid_field(wire.name, "is given twice: send each tensor once, or as a parameter")
        entries[wire.name] = tensors.read(wire, raw, known[wire.name], check_count)
    options = {option.name for option in program.capability.options}
    for name in SUBJECTS:
        if name in known and name not in options and name not in entries:
            raise invalid_field(name, f"must be given: {known[name]}")
    return _matched(entries, [name for name in SUBJECTS if name in known and name not in options], said)


def _raws(request: ModelInferRequest) -> Sequence[bytes | None]:
    if not request.raw_input_contents:
        return [None] * len(request.inputs)
    if len(request.raw_input_contents) != len(request.inputs):
        found = len(request.raw_input_contents)
        rule = f"must have one entry for each of {len(request.inputs)} inputs, and has {found}"
        raise invalid_field("raw_input_contents", rule)
    return request.raw_input_contents


def _matched(
    entries: Mapping[str, Sequence[Any]], subjects: Sequence[str], said: parameters.Parameters
) -> Given:
    """The same with the number of items, which is that of the subject if there is one, else of the longest tensor."""
    [longest] = subjects or [max(entries, key=lambda name: len(entries[name]), default="inputs")]
    count = len(entries.get(longest, [None]))
    for name, found in entries.items():
        if len(found) not in (1, count):
            rule = f"has {len(found)} entries, and {longest} has {count}: give one for all items, or one for each"
            raise invalid_field(name, rule)
    return Given(entries, said.values.keys(), count, longest, said.reproducible, said.timeout)
