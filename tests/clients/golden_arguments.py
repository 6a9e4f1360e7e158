"""The golden requests as a user of the Python client writes them: calls of its methods, and what they bring."""

import io
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from google.protobuf import json_format
from google.protobuf.message import Message
from PIL import Image as PilImage

from pixelzoo.v1 import image_pb2
from zoo_client import Image, ImageScores, images
from zoo_client.images import Encoding

Form: TypeAlias = Literal["file", "array", "PIL"]
"""How a user has a picture."""


class Call(NamedTuple):
    """One call of a client's `method`, of a client with this encoding."""

    name: str
    method: str
    encoding: Encoding
    arguments: dict[str, Any]


def call(golden: dict[str, Any], kind: type[Message], form: Form) -> Call:
    """The call that asks for a golden request of this kind, with its pictures in this form."""
    request: Any = json_format.ParseDict(golden["request"], kind())
    asked = getattr(request, "sample", request)
    given = {field.name: value for field, value in asked.ListFields()}
    encodings: dict[Any, Any] = {number: name for name, number in images.ENCODINGS.items()}
    arguments: dict[str, Any] = {"model": golden["model"]}
    match golden["method"]:
        case "Sample" | "StreamSample":
            arguments["n"] = given.get("count")
        case "Translate" | "Score":
            arguments["pictures"] = [_picture(image, form) for image in given.get("images", ())]
        case "Decode":
            arguments["latents"] = np.stack([images.from_tensor(tensor) for tensor in asked.latents])
    arguments |= {name: given[name] for name in ("seed", "reproducible") if name in given}
    if "labels" in given:
        arguments["labels"] = list(given["labels"])
    if golden["method"] == "StreamSample":
        arguments["preview_interval"] = request.preview_interval
    if "options" in given:
        family = getattr(asked.options, asked.options.WhichOneof("family"))
        arguments |= {field.name: _option(field, value, form) for field, value in family.ListFields()}
    method = {"StreamSample": "stream_sample"}.get(golden["method"], golden["method"].lower())
    return Call(golden["name"], method, encodings.get(given.get("encoding"), "png"), arguments)


def payload(found: Any) -> bytes:
    """The bytes that count in what a method gave: of a stream, its events."""
    if isinstance(found, np.ndarray):
        return found.tobytes()
    items = sorted(
        (item for item in found if isinstance(item, Image | ImageScores)), key=lambda item: item.index
    )
    return b"".join(item.pixels.tobytes() if isinstance(item, Image) else _scores(item) for item in items)


def _scores(item: ImageScores) -> bytes:
    values: Iterable[float | list[float]] = (item.values[name] for name in sorted(item.values))
    return np.concatenate([np.atleast_1d(np.array(value, "<f4")) for value in values]).tobytes()


def _option(field: Any, value: Any, form: Form) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name.partition("_")[2].removeprefix("SAMPLER_").lower()
    return _picture(value, form) if isinstance(value, image_pb2.Image) else value


def _picture(message: image_pb2.Image, form: Form) -> Any:
    if message.HasField("raw"):
        pixels = images.from_tensor(message.raw)
        return PilImage.fromarray(pixels.squeeze()) if form == "PIL" else pixels
    data = message.encoded.data
    if form == "file" or not data.startswith(b"\x89PNG"):  # What is no picture is nothing but a file.
        return data
    picture = PilImage.open(io.BytesIO(data))
    return picture if form == "PIL" else np.asarray(picture)
