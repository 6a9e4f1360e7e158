"""Looks through a SavedModel for operations that no model needs, before TensorFlow has read any of it.

A SavedModel is a program: TensorFlow would run whatever stands in it, some of it already while loading. So each node
of the main graph and of every function in its library must be on the list of `allowed_operations`. Which function runs
which does not matter, however deep it hides: TensorFlow can run only what is in the library, and all of that is read.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from zoo_server.repository.allowed_operations import EVERYWHERE, SAVER
from zoo_server.repository.contract import ContractError
from zoo_server.tensorflow_runtime import DT_RESOURCE, DT_VARIANT, saved_model_pb2

_FILE = "saved_model.pb"
_OTHER_FORMATS = ("saved_model.pbtxt", "saved_model.cpb")
_FUNCTION_ATTRIBUTES = frozenset({"_XlaMustCompile", "_construction_context", "_input_shapes", "_noinline"})
"""What a function may say of itself. With `api_implements`, TensorFlow would run other functions in its place."""
_HANDLES = (DT_RESOURCE, DT_VARIANT)
_OUTSIDE = ("/", "\\", "..", "\0")

Proto = Any  # A message of TensorFlow: it has no types that a checker can read.


@dataclass(frozen=True, slots=True)
class _Node:
    """A node of a graph: its own words, where it stands, and the functions that it runs."""

    proto: Proto
    where: str
    runs: tuple[str, ...]

    def __str__(self) -> str:
        return f"operation {self.proto.op!r} (node {self.proto.name!r} of {self.where})"


def check_operations(folder: Path) -> None:
    """Refuse the SavedModel in `folder` unless it does nothing but compute; raises ContractError."""
    graph = _read(folder)
    library = graph.graph_def.library.function
    main = _nodes(graph.graph_def.node, "the main graph")
    functions = {
        function.signature.name: _nodes(function.node_def, f"function {function.signature.name!r}")
        for function in library
    }
    if len(functions) != len(library):
        raise ContractError("two functions of the SavedModel have the same name: export the model again")
    _check_library(graph.graph_def.library)
    saver_nodes = {graph.saver_def.save_tensor_name.partition(":")[0], graph.saver_def.restore_op_name}
    savers = {called for node in main if node.proto.name in saver_nodes for called in node.runs}
    for node in main:
        _check(node, functions.keys(), EVERYWHERE)
    for name, nodes in functions.items():
        for node in nodes:
            _check(node, functions.keys(), EVERYWHERE | SAVER if name in savers else EVERYWHERE)
    others = [node for node in main if node.proto.name not in saver_nodes]
    _check_apart(savers, [others, *functions.values()], graph.object_graph_def.concrete_functions.keys())
    _check_assets(graph)


def _read(folder: Path) -> Proto:
    """The one graph of the SavedModel, with its functions."""
    for other in _OTHER_FORMATS:
        if (folder / other).exists():
            raise ContractError(f"there is a file {other!r}, and this server reads {_FILE!r} only: remove it")
    try:
        saved_model = saved_model_pb2.SavedModel.FromString((folder / _FILE).read_bytes())
    except FileNotFoundError:
        raise ContractError(f"file {_FILE!r} is missing: export the model again") from None
    except DecodeError as error:
        raise ContractError(f"file {_FILE!r} is not a SavedModel: export the model again") from error
    graphs = saved_model.meta_graphs
    if len(graphs) != 1 or not graphs[0].HasField("object_graph_def"):
        raise ContractError(
            f"file {_FILE!r} must hold one graph with its objects, as TensorFlow 2 writes it: export the model again"
        )
    return graphs[0]


def _nodes(protos: Iterable[Proto], where: str) -> list[_Node]:
    return [_Node(proto, where, tuple(_functions_of(proto.attr))) for proto in protos]


def _functions_of(attributes: Mapping[str, Proto]) -> Iterator[str]:
    """Names of the functions in the attributes of a node."""
    for value in attributes.values():
        match value.WhichOneof("value"):
            case "func":
                functions = [value.func]
            case "list":
                functions = value.list.func
            case _:
                continue
        for function in functions:
            if function.name:
                yield function.name
            yield from _functions_of(function.attr)


def _check(node: _Node, functions: Set[str], allowed: Set[str]) -> None:
    operation = node.proto.op
    if operation not in allowed and operation not in functions:
        raise ContractError(f"{node} is none that a model may use: export it without")
    # A handle in a constant would be a way to what others keep.
    if operation == "Const" and _is_handle(node.proto.attr):
        raise ContractError(f"{node} is a handle, and not numbers: export it without")
    for called in node.runs:
        # TensorFlow might know a function, or an operation, of that name all the same.
        if called not in functions:
            raise ContractError(f"{node} runs {called!r}, which the model does not have: export it without")


def _is_handle(attributes: Mapping[str, Proto]) -> bool:
    return attributes["dtype"].type in _HANDLES or attributes["value"].tensor.dtype in _HANDLES


def _check_library(library: Proto) -> None:
    """TensorFlow must run the functions that are called, and no others that it thinks do the same."""
    for function in library.function:
        for name in sorted(function.attr.keys() - _FUNCTION_ATTRIBUTES):
            raise ContractError(
                f"function {function.signature.name!r} has the attribute {name!r}, which none may have: export it "
                "without"
            )
    if library.gradient:
        raise ContractError("the SavedModel names gradients of its functions: export it without")


def _check_apart(savers: Set[str], others: Iterable[Iterable[_Node]], callable_names: Set[str]) -> None:
    """The savers may touch files because TensorFlow alone runs them: no function, signature or object may."""
    for node in (node for nodes in others for node in nodes):
        for called in (node.proto.op, *node.runs):
            if called in savers:
                raise ContractError(
                    f"{node} runs {called!r}, which is there to save or restore variables: export it without"
                )
    for name in sorted(savers & callable_names):
        raise ContractError(
            f"function {name!r} is there to save or restore variables, and may not be called: export it without"
        )


def _check_assets(graph: Proto) -> None:
    for asset in graph.asset_file_def:
        if any(part in asset.filename for part in _OUTSIDE):
            raise ContractError("the SavedModel names an asset outside its folder: export it without")
