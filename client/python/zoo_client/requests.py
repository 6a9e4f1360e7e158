"""Arguments become requests: labels by name, options by keyword, and long calls in parts.

A server takes a limited number of items in one request, and messages of a limited size. A longer call is sent
as several requests; since item i takes seed + i, the results are those of one long request.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import numpy as np

from pixelzoo.v1 import (
    image_pb2,
    latent_service_pb2,
    model_pb2,
    options_pb2,
    sampling_service_pb2,
    scoring_service_pb2,
    translation_service_pb2,
)
from zoo_client import images, options
from zoo_client.errors import InvalidField
from zoo_client.images import ENCODINGS, Encoding, Images, LatentsLike
from zoo_client.model import Model

Labels: TypeAlias = int | str | Iterable[int | str] | None
Method: TypeAlias = Literal["linear", "spherical"]

SEEDS = 2**63  # Seeds are 0 .. 2^63 - 1, and wrap.
MAX_PART_BYTES = 3 << 20  # Under the 4 MiB that servers commonly take; ours takes 16 MiB.
MAX_REPLY_BYTES = 32 << 20  # Of pixels that one part should bring: enlarged pictures are large.

METHODS: dict[str, latent_service_pb2.InterpolationMethod.ValueType] = {
    "linear": latent_service_pb2.INTERPOLATION_METHOD_LINEAR,
    "spherical": latent_service_pb2.INTERPOLATION_METHOD_SPHERICAL,
}

Request = TypeVar("Request")


@dataclass(frozen=True)
class Part(Generic[Request]):
    """One request of a call: its items are those from `first` on, of `items` in the whole call."""

    first: int
    items: int
    request: Request


def selector(model: str) -> model_pb2.ModelSelector:
    """A model by "name", "name@3" (a version) or "name@stable" (a version's label)."""
    name, at, version = model.partition("@")
    if version.isascii() and version.isdigit() and int(version) < 2**64:
        return model_pb2.ModelSelector(name=name, version=int(version))
    # What cannot be right goes too: the server says what is wrong, as it does to clients of other languages.
    return model_pb2.ModelSelector(name=name, version_label=version if at else None)


def sample(
    model: Model,
    chosen: model_pb2.ModelSelector,
    n: int | None,
    seed: int | None,
    labels: Labels,
    wanted: Mapping[str, Any],
    encoding: Encoding,
    reproducible: bool = False,
) -> list[Part[sampling_service_pb2.SampleRequest]]:
    """The requests for `n` new images; without `n`, as many as there are labels, or else one."""
    items = n if n is not None else max(len(model.labels(labels)), 1)
    if items < 1:
        raise InvalidField.of("count", f"{items} images are none: ask for at least 1")
    numbers = _labels(labels, model, items)
    message = options.pack(options_pb2.SampleOptions, model, "sample", wanted)
    parts = list(_spans(items, model))
    if seed is None and len(parts) > 1:  # The parts must not all begin with a seed of the server's.
        seed = secrets.randbelow(2**53)
    return [
        Part(
            first,
            items,
            sampling_service_pb2.SampleRequest(
                model=chosen,
                count=count,
                seed=_seed(seed, first),
                labels=numbers[first : first + count],
                options=message,
                encoding=ENCODINGS[encoding],
                reproducible=reproducible,
            ),
        )
        for first, count in parts
    ]


def translate(
    model: Model,
    chosen: model_pb2.ModelSelector,
    pictures: Images,
    seed: int | None,
    labels: Labels,
    wanted: Mapping[str, Any],
    encoding: Encoding,
    reproducible: bool = False,
) -> list[Part[translation_service_pb2.TranslateRequest]]:
    """The requests that translate `pictures`."""
    described = model.capability("translate")
    shape = described.translation.input_shape if described is not None else model.card.image_shape
    messages = _messages(pictures, shape.channels, encoding)
    numbers = _labels(labels, model, len(messages))
    message = options.pack(options_pb2.TranslateOptions, model, "translate", wanted)
    largest = max(message.height * message.width * message.channels for message in messages)
    parts = list(_spans(len(messages), model, messages, reply_bytes=largest * max(model.scale, 1) ** 2))
    if seed is None and len(parts) > 1:
        seed = secrets.randbelow(2**53)
    return [
        Part(
            first,
            len(messages),
            translation_service_pb2.TranslateRequest(
                model=chosen,
                images=messages[first : first + count],
                seed=_seed(seed, first),
                labels=numbers[first : first + count],
                options=message,
                encoding=ENCODINGS[encoding],
                reproducible=reproducible,
            ),
        )
        for first, count in parts
    ]


def completion(
    model: Model, picture: Images, given_rows: int | None, temperature: float | None
) -> options.SampleOptions:
    """The options that complete `picture` below its `given_rows`, by default the upper half."""
    if model.available and not model.takes("sample", "image", "given_rows"):
        raise InvalidField.of(
            "model.name", f"{model.name} does not complete pictures: it has no option given_rows"
        )
    rows = model.image_shape[0] // 2 if given_rows is None else given_rows
    return {"image": picture, "given_rows": rows, "temperature": temperature}


def check_enlarges(model: Model) -> None:
    """Raises InvalidField for a model that gives pictures back in their own size."""
    if model.available and model.scale <= 1:
        raise InvalidField.of(
            "model.name", f"{model.name} does not enlarge pictures: its translation.scale is not above 1"
        )


def score(
    model: Model,
    chosen: model_pb2.ModelSelector,
    pictures: Images,
    seed: int,
    labels: Labels,
    wanted: Mapping[str, Any],
    encoding: Encoding,
    reproducible: bool = False,
) -> list[Part[scoring_service_pb2.ScoreRequest]]:
    """The requests that score `pictures`."""
    messages = _messages(pictures, model.card.image_shape.channels, encoding)
    numbers = _labels(labels, model, len(messages))
    message = options.pack(options_pb2.ScoreOptions, model, "score", wanted)
    return [
        Part(
            first,
            len(messages),
            scoring_service_pb2.ScoreRequest(
                model=chosen,
                images=messages[first : first + count],
                seed=_seed(seed, first),
                labels=numbers[first : first + count],
                options=message,
                reproducible=reproducible,
            ),
        )
        for first, count in _spans(len(messages), model, messages)
    ]


def encode(
    model: Model, chosen: model_pb2.ModelSelector, pictures: Images, encoding: Encoding
) -> list[latent_service_pb2.EncodeRequest]:
    """The requests that encode `pictures`."""
    messages = _messages(pictures, model.card.image_shape.channels, encoding)
    return [
        latent_service_pb2.EncodeRequest(model=chosen, images=messages[first : first + count])
        for first, count in _spans(len(messages), model, messages)
    ]


def decode(
    model: Model, chosen: model_pb2.ModelSelector, latents: LatentsLike, encoding: Encoding
) -> list[latent_service_pb2.DecodeRequest]:
    """The requests that decode `latents`, an array with a leading axis of items."""
    tensors = [images.to_tensor(_typed(latent, model)) for latent in np.asarray(latents)]
    if not tensors:
        raise InvalidField.of("latents", "there are none: send at least 1")
    return [
        latent_service_pb2.DecodeRequest(
            model=chosen, latents=tensors[first : first + count], encoding=ENCODINGS[encoding]
        )
        for first, count in _spans(len(tensors), model, tensors)
    ]


def interpolate(
    model: Model,
    chosen: model_pb2.ModelSelector,
    start: Images | LatentsLike,
    end: Images | LatentsLike,
    n: int,
    method: Method,
    encoding: Encoding,
) -> latent_service_pb2.InterpolateRequest:
    """The request for `n` images on the way from `start` to `end`, each an image or a latent."""
    return latent_service_pb2.InterpolateRequest(
        model=chosen,
        start=_point(start, "start", model, encoding),
        end=_point(end, "end", model, encoding),
        count=n,
        method=METHODS[method],
        encoding=ENCODINGS[encoding],
    )


def _messages(pictures: Images, channels: int, encoding: Encoding) -> list[image_pb2.Image]:
    messages = [images.to_message(pixels, encoding) for pixels in images.as_list(pictures, channels)]
    if not messages:
        raise InvalidField.of("images", "there are none: send at least 1")
    return messages


def _spans(
    items: int,
    model: Model,
    messages: Sequence[image_pb2.Image | image_pb2.RawTensor] = (),
    reply_bytes: int = 1,
) -> Iterator[tuple[int, int]]:
    """(first, count) of each part: as many items as the model's limit and the size of messages allow.

    `messages` go with the request, and for each of them at most `reply_bytes` come back.
    """
    limit = model.card.limits.max_items_per_request or items
    limit = min(limit, max(1, MAX_REPLY_BYTES // reply_bytes))
    if messages:
        limit = min(limit, max(1, MAX_PART_BYTES // max(message.ByteSize() for message in messages)))
    for first in range(0, items, limit):
        yield first, min(limit, items - first)


def _seed(seed: int | None, first: int) -> int | None:
    if seed is None:
        return None
    if not 0 <= seed < SEEDS:
        raise InvalidField.of("seed", f"{seed} is not 0 to 2^63 - 1")
    return (seed + first) % SEEDS


def _labels(wanted: Labels, model: Model, items: int) -> list[int]:
    """No labels, or one for each item."""
    numbers = model.labels(wanted)
    if len(numbers) not in (0, 1, items):
        raise InvalidField.of(
            "labels", f"{len(numbers)} for {items} images: give none, one for all, or one for each"
        )
    return numbers * items if len(numbers) == 1 else numbers


def _typed(latent: LatentsLike, model: Model) -> LatentsLike:
    """The latent in the type that the model takes: numpy makes float64 of many a calculation with float32."""
    described = model.capability("decode")
    dtype = images.DATA_TYPES.get(described.latent.data_type) if described is not None else None
    return latent if dtype is None else latent.astype(dtype)


def _point(
    point: Images | LatentsLike, name: str, model: Model, encoding: Encoding
) -> latent_service_pb2.LatentPoint:
    if isinstance(point, np.ndarray) and point.dtype.kind == "f":
        return latent_service_pb2.LatentPoint(latent=images.to_tensor(_typed(point, model)))
    pixels = images.as_list(point, model.card.image_shape.channels)
    if len(pixels) != 1:
        raise InvalidField.of(name, f"one image or latent, not {len(pixels)}")
    return latent_service_pb2.LatentPoint(image=images.to_message(pixels[0], encoding))
