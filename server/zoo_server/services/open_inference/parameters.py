"""The parameters of a request: inputs that are the same for every item, and what is said of the request itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo_server.errors import invalid_field
from zoo_server.open_inference.grpc_service_pb2 import InferParameter, ModelInferRequest
from zoo_server.services.open_inference.signature import Tensor

_INTEGERS = ("int64_param", "uint64_param")
_TAKEN = {
    "BYTES": ("string_param",),
    "FP32": ("double_param", *_INTEGERS),
    "INT32": _INTEGERS,
    "INT64": _INTEGERS,
}
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Parameters:
    """`values` are those of inputs, by name; `timeout` is in seconds, None if there is none."""

    values: Mapping[str, Any]
    reproducible: bool
    timeout: float | None


def read(request: ModelInferRequest, tensors: Mapping[str, Tensor]) -> Parameters:
    """Those of a request for a program that takes `tensors`. Raises INVALID_FIELD."""
    values = {}
    reproducible, timeout = False, None
    for name, parameter in request.parameters.items():
        place = path(name)
        if name == "reproducible":
            reproducible = _value(parameter, ("bool_param",), place)
        elif name == "timeout":
            timeout = _timeout(_value(parameter, _INTEGERS, place), place)
        elif name in tensors and tensors[name].is_number:
            values[name] = _value(parameter, _TAKEN[tensors[name].datatype], place)
            if tensors[name].datatype == "FP32":
                # As a tensor would hold it: 0.1 must not be less than a card's 0.1. What is too large becomes infinite.
                with np.errstate(over="ignore"):
                    values[name] = float(np.float32(values[name]))
            elif tensors[name].datatype == "BYTES":
                values[name] = values[name].encode()
        else:
            known = sorted(
                {"reproducible", "timeout", *(one.name for one in tensors.values() if one.is_number)}
            )
            raise invalid_field(place, f"is no parameter of this model; there are: {', '.join(known)}")
    return Parameters(values, reproducible, timeout)


def path(name: str) -> str:
    """Where the parameter `name` stands in a request."""
    return f"parameters[{name[:_LONGEST_NAME]}]"


def _value(parameter: InferParameter, kinds: tuple[str, ...], path: str) -> Any:
    kind = parameter.WhichOneof("parameter_choice")
    if kind not in kinds:
        raise invalid_field(path, f"must be {' or '.join(kinds)}, and is {kind or 'empty'}")
    return getattr(parameter, kind)


def _timeout(microseconds: int, path: str) -> float:
    if microseconds < 1:
        raise invalid_field(path, f"must be at least 1 microsecond, and is {microseconds}")
    return microseconds / 1e6
