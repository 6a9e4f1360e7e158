"""What a program takes and gives in the Open Inference Protocol: the tensors of its SavedModel, by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pixelzoo.v1 import capability_pb2
from zoo_server.open_inference.grpc_service_pb2 import ModelMetadataResponse
from zoo_server.repository.function import TensorSpec
from zoo_server.repository.program import Program

_DATATYPES = {"uint8": "UINT8", "int32": "INT32", "int64": "INT64", "float32": "FP32"}

_FIRST = ("image", "latent", "seed", "label")
"""The contract's own inputs; the options of the card come after them. (A SavedModel keeps no order.)"""

ANY = -1
"""An axis of any length, from 1."""

_FILES = "PNG or JPEG files"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor. `shape` is that of one item, -1 where any length goes; `choices` has a choice's numbers by name."""

    name: str
    datatype: str
    shape: tuple[int, ...] = ()
    choices: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_picture(self) -> bool:
        return self.datatype == "UINT8"

    @property
    def is_number(self) -> bool:
        """Whether an item has one number, or one name, so that a parameter can hold it."""
        return not self.shape

    def item_shape(self, datatype: str) -> tuple[int, ...] | None:
        """The shape of one item when it comes as `datatype`; None if it cannot. A picture may come as a file too."""
        if self.is_picture and datatype == "BYTES":
            return ()
        return self.shape if datatype == self.datatype else None

    def __str__(self) -> str:
        axes = ", ".join(["n", *("any" if axis == ANY else str(axis) for axis in self.shape)])
        return f"{self.datatype} [{axes}]" + (f", or BYTES [n] of {_FILES}" if self.is_picture else "")

    def metadata(self) -> ModelMetadataResponse.TensorMetadata:
        return ModelMetadataResponse.TensorMetadata(
            name=self.name, datatype=self.datatype, shape=[ANY, *self.shape]
        )


def inputs(program: Program) -> dict[str, Tensor]:
    """What `program` takes, by name. A choice, which the SavedModel takes by its number, goes by its name."""
    options = {option.name: option for option in program.capability.options}
    names = [name for name in _FIRST if name in program.inputs and name not in options]
    tensors = {name: _tensor(name, program.inputs[name]) for name in [*names, *options]}
    for name, option in options.items():
        if option.HasField("choice"):
            choices = {choice.name: choice.number for choice in option.choice.choices}
            tensors[name] = Tensor(name, "BYTES", choices=choices)
    return tensors


def outputs(program: Program) -> dict[str, Tensor]:
    """What `program` gives, by name, and `seed` if it takes one: with it the same comes out again."""
    names: Iterable[str] = program.finish.outputs
    if program.capability.kind == capability_pb2.CAPABILITY_KIND_SCORE:
        names = [score.name for score in program.capability.scores]
    tensors = {name: _tensor(name, program.finish.outputs[name]) for name in names}
    if "seed" in program.inputs:
        tensors.setdefault("seed", _tensor("seed", program.inputs["seed"]))
    return tensors


def _tensor(name: str, spec: TensorSpec) -> Tensor:
    return Tensor(
        name, _DATATYPES[spec.dtype], tuple(ANY if axis is None else axis for axis in spec.shape[1:])
    )
