"""Tensors on the wire of the Open Inference Protocol: their shapes, and their elements, typed or raw."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zoo_server.arrays import Array
from zoo_server.errors import invalid_field
from zoo_server.open_inference.grpc_service_pb2 import InferTensorContents, ModelInferRequest
from zoo_server.services.open_inference.signature import ANY, Tensor

DTYPES = {"UINT8": "<u1", "INT32": "<i4", "INT64": "<i8", "FP32": "<f4"}

_LISTS = {
    "UINT8": "uint_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "BYTES": "bytes_contents",
}

_MOST_TYPED = 2**17
"""Entries of a typed list: they are read one by one on the event loop, while raw contents are not read at all."""

_MOST_AXES = 8
_LENGTH_BYTES = 4


CheckCount = Callable[[int, str], None]
"""(items, tensor): raises TOO_MANY_IMAGES for more items than one request may have."""


def read(
    wire: ModelInferRequest.InferInputTensor, raw: bytes | None, tensor: Tensor, check_count: CheckCount
) -> Sequence[Any]:
    """One entry for each item: a number, an array of the item's shape, or bytes. `raw` is None for typed contents.

    Raises INVALID_FIELD, which names the tensor. Before the items are counted no element is looked at.
    """
    if wire.parameters:
        rule = "takes no parameters: this server shares no memory with its clients, send the elements"
        raise invalid_field(tensor.name, rule)
    shape = _checked_shape(wire, tensor)
    check_count(shape[0], tensor.name)
    elements = _typed(wire, math.prod(shape)) if raw is None else _raw(wire, raw, math.prod(shape))
    if not isinstance(elements, np.ndarray):
        return elements
    if tensor.is_number:
        numbers: list[float] = elements.tolist()
        return numbers
    return list(elements.reshape(shape))


def _checked_shape(wire: ModelInferRequest.InferInputTensor, tensor: Tensor) -> list[int]:
    item = tensor.item_shape(wire.datatype)
    if item is None:
        raise invalid_field(tensor.name, f"must be {tensor}, and is {wire.datatype[:16]!r}")
    if len(wire.shape) > _MOST_AXES:
        raise invalid_field(tensor.name, f"must be {tensor}, and has {len(wire.shape)} axes")
    shape = list(wire.shape)
    # Many clients make a column of what is one number for each item.
    column = not item and shape[1:] == [1]
    fits = len(shape) == 1 + len(item) and all(
        have > 0 and want in (have, ANY) for have, want in zip(shape[1:], item, strict=True)
    )
    if not (column or fits) or shape[0] < 0:
        raise invalid_field(tensor.name, f"must be {tensor}, and has the shape {shape}")
    if not shape[0]:
        raise invalid_field(tensor.name, "must hold at least one item: its first axis has the length 0")
    return shape


def _typed(wire: ModelInferRequest.InferInputTensor, count: int) -> Sequence[Any] | Array:
    name = _LISTS[wire.datatype]
    others = [f"contents.{field.name}" for field, _ in wire.contents.ListFields() if field.name != name]
    if others:
        rule = f"must have its {wire.datatype} elements in contents.{name}, and has {' and '.join(others)}"
        raise invalid_field(wire.name, f"{rule}: move them there, or send another datatype")
    found = getattr(wire.contents, name)
    if len(found) != count:
        rule = f"must have {count} elements in contents.{name} for its shape, and has {len(found)}"
        raise invalid_field(wire.name, rule)
    if count > _MOST_TYPED:
        rule = f"has {count} elements and contents may have at most {_MOST_TYPED}: use raw_input_contents"
        raise invalid_field(wire.name, rule)
    if wire.datatype == "BYTES":
        return list(found)
    if wire.datatype == "UINT8" and max(found) > 255:
        raise invalid_field(wire.name, f"must be levels of 0 to 255, and has {max(found)}")
    return np.array(found, DTYPES[wire.datatype])


def _raw(wire: ModelInferRequest.InferInputTensor, raw: bytes, count: int) -> Sequence[Any] | Array:
    if wire.contents != InferTensorContents():
        raise invalid_field(
            wire.name, "must not have contents beside raw_input_contents: leave one of them out"
        )
    if wire.datatype == "BYTES":
        return _split(wire.name, raw, count)
    dtype = np.dtype(DTYPES[wire.datatype])
    if len(raw) != count * dtype.itemsize:
        rule = f"must be {count * dtype.itemsize} bytes of raw contents for its shape, and is {len(raw)}"
        raise invalid_field(wire.name, rule)
    return np.frombuffer(raw, dtype)


def _split(name: str, raw: bytes, count: int) -> list[bytes]:
    """The entries of a BYTES tensor, each of which stands after its length."""
    entries: list[bytes] = []
    start = 0
    while start < len(raw) and len(entries) <= count:
        end = start + _LENGTH_BYTES
        end += int.from_bytes(raw[start:end], "little")
        if end > len(raw):
            raise invalid_field(
                name, f"entry {len(entries)} ends after the raw contents do: send each after its length"
            )
        entries.append(raw[start + _LENGTH_BYTES : end])
        start = end
    if len(entries) != count:
        found = f"more than {count}" if len(entries) > count else str(len(entries))
        raise invalid_field(name, f"must have {count} entries for its shape, and has {found}")
    return entries
