"""Arguments become requests: labels by name, options by keyword, and long calls in parts.

A server takes a limited number of items in one request, and messages of a limited size. A longer call is sent
as several requests; since item i takes seed + i, the results are those of one long request. Arguments are checked at
once, and each request is made when it is its turn: a call may ask for more than memory holds.
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
from zoo_client.arguments import UINT64, shown, switch, text, whole
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
    name, at, version = text(model, "model.name").partition("@")
    digits = version.lstrip("0") or version[-1:]
    if version.isascii() and version.isdigit() and len(digits) <= 20 and int(digits) <= UINT64:
        return model_pb2.ModelSelector(name=name, version=int(digits))
    # What cannot be right goes too: the server says what is wrong, as it does to clients of other languages.
    chosen = model_pb2.ModelSelector(name=name)
    if at:
        chosen.version_label = version
    return chosen


def sample(
    model: Model,
    chosen: model_pb2.ModelSelector,
    n: int | None,
    seed: int | None,
    labels: Labels,
    wanted: Mapping[str, Any],
    encoding: Encoding,
    reproducible: bool = False,
) -> Iterator[Part[sampling_service_pb2.SampleRequest]]:
    """The requests for `n` new images; without `n`, as many as there are labels, or else one."""
    numbers = model.labels(labels)
    items = max(len(numbers), 1) if n is None else whole(n, "count", 1)
    _check_labels(numbers, model, items)
    message = options.pack(options_pb2.SampleOptions, model, "sample", wanted)
    most = _most_items(items, model)
    first_seed = _first_seed(seed, items, most)
    reproducible = switch(reproducible, "reproducible")
    return (
        Part(
            first,
            items,
            sampling_service_pb2.SampleRequest(
                model=chosen,
                count=count,
                seed=_seed(first_seed, first),
                labels=_labels(numbers, first, count),
                options=message,
                encoding=ENCODINGS[encoding],
                reproducible=reproducible,
            ),
        )
        for first, count in _spans(items, most)
    )


def translate(
    model: Model,
    chosen: model_pb2.ModelSelector,
    pictures: Images,
    seed: int | None,
    labels: Labels,
    wanted: Mapping[str, Any],
    encoding: Encoding,
    reproducible: bool = False,
) -> Iterator[Part[translation_service_pb2.TranslateRequest]]:
    """The requests that translate `pictures`."""
    described = model.capability("translate")
    shape = described.translation.input_shape if described is not None else model.card.image_shape
    messages = images.to_messages(pictures, shape.channels, encoding)
    numbers = model.labels(labels)
    _check_labels(numbers, model, len(messages))
    message = options.pack(options_pb2.TranslateOptions, model, "translate", wanted)
    largest = max(map(images.size, messages), default=1)
    most = _most_items(len(messages), model, messages, reply_bytes=largest * max(model.scale, 1) ** 2)
    first_seed = _first_seed(seed, len(messages), most)
    reproducible = switch(reproducible, "reproducible")
    return (
        Part(
            first,
            len(messages),
            translation_service_pb2.TranslateRequest(
                model=chosen,
                images=messages[first : first + count],
                seed=_seed(first_seed, first),
                labels=_labels(numbers, first, count),
                options=message,
                encoding=ENCODINGS[encoding],
                reproducible=reproducible,
            ),
        )
        for first, count in _spans(len(messages), most)
    )


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
) -> Iterator[Part[scoring_service_pb2.ScoreRequest]]:
    """The requests that score `pictures`."""
    messages = images.to_messages(pictures, model.card.image_shape.channels, encoding)
    numbers = model.labels(labels)
    _check_labels(numbers, model, len(messages))
    message = options.pack(options_pb2.ScoreOptions, model, "score", wanted)
    first_seed = whole(seed, "seed", 0, SEEDS - 1)
    reproducible = switch(reproducible, "reproducible")
    return (
        Part(
            first,
            len(messages),
            scoring_service_pb2.ScoreRequest(
                model=chosen,
                images=messages[first : first + count],
                seed=_seed(first_seed, first),
                labels=_labels(numbers, first, count),
                options=message,
                reproducible=reproducible,
            ),
        )
        for first, count in _spans(len(messages), _most_items(len(messages), model, messages))
    )


def encode(
    model: Model, chosen: model_pb2.ModelSelector, pictures: Images, encoding: Encoding
) -> Iterator[latent_service_pb2.EncodeRequest]:
    """The requests that encode `pictures`."""
    messages = images.to_messages(pictures, model.card.image_shape.channels, encoding)
    return (
        latent_service_pb2.EncodeRequest(model=chosen, images=messages[first : first + count])
        for first, count in _spans(len(messages), _most_items(len(messages), model, messages))
    )


def decode(
    model: Model, chosen: model_pb2.ModelSelector, latents: LatentsLike, encoding: Encoding
) -> Iterator[latent_service_pb2.DecodeRequest]:
    """The requests that decode `latents`, an array with a leading axis of items."""
    try:
        several = np.asarray(latents)
    except (TypeError, ValueError):  # Rows of several lengths.
        several = np.array(0)
    if not several.ndim:
        raise InvalidField.of("latents", f"must be an array [n, ...], and is {shown(latents)}")
    tensors = [*map(images.to_tensor, _typed(several, model))]
    return (
        latent_service_pb2.DecodeRequest(
            model=chosen, latents=tensors[first : first + count], encoding=ENCODINGS[encoding]
        )
        for first, count in _spans(len(tensors), _most_items(len(tensors), model, tensors))
    )


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
    if not isinstance(method, str) or method not in METHODS:  # type: ignore[redundant-expr]  # arrays compare
        raise InvalidField.of("method", f"must be {' or '.join(METHODS)}, and is {shown(method)}")
    return latent_service_pb2.InterpolateRequest(
        model=chosen,
        start=_point(start, "start", model, encoding),
        end=_point(end, "end", model, encoding),
        count=whole(n, "count", 2, remedy=": both ends are included"),
        method=METHODS[method],
        encoding=ENCODINGS[encoding],
    )


def _most_items(
    items: int,
    model: Model,
    messages: Sequence[image_pb2.Image | image_pb2.RawTensor] = (),
    reply_bytes: int = 1,
) -> int:
    """How many of the items a part may have: as many as the model's limit and the size of messages allow.

    `messages` go with the request, and for each of them at most `reply_bytes` come back.
    """
    limit = model.card.limits.max_items_per_request or max(items, 1)
    limit = min(limit, max(1, MAX_REPLY_BYTES // reply_bytes))
    if messages:
        limit = min(limit, max(1, MAX_PART_BYTES // max(message.ByteSize() for message in messages)))
    return limit


def _spans(items: int, most: int) -> Iterator[tuple[int, int]]:
    """(first, count) of each part of at most `most` items."""
    # None are one part too: the server says what it thinks of it.
    for first in range(0, max(items, 1), most):
        yield first, min(most, items - first)


def _first_seed(seed: int | None, items: int, most: int) -> int | None:
    """The seed of the first item, unless the server is to draw it: parts must not each begin with one of its own."""
    if seed is None:
        return secrets.randbelow(2**53) if items > most else None
    return whole(seed, "seed", 0, SEEDS - 1)


def _seed(first_seed: int | None, first: int) -> int | None:
    return None if first_seed is None else (first_seed + first) % SEEDS


def _check_labels(labels: list[int], model: Model, items: int) -> None:
    """Raises InvalidField for labels of which parts cannot have theirs."""
    # Of models without classes the server says that they have none.
    if len(labels) not in (0, 1, items) and model.conditional:
        raise InvalidField.of("labels", f"must be none, one for all, or {items}, and there are {len(labels)}")


def _labels(labels: list[int], first: int, count: int) -> list[int]:
    """Those of a part: one for each of its items, or none."""
    return labels * count if len(labels) == 1 else labels[first : first + count]


def _typed(latent: LatentsLike, model: Model, path: str = "latents") -> LatentsLike:
    """The latent in the type that the model takes: numpy makes float64 of many a calculation with float32.

    Raises InvalidField for what is no number, and for codes that are not whole.
    """
    if latent.dtype.kind not in "fiu":
        raise InvalidField.of(path, f"must be numbers, and is {latent.dtype}")
    described = model.capability("decode")
    dtype = images.DATA_TYPES.get(described.latent.data_type) if described is not None else None
    if dtype is None or dtype == latent.dtype:
        return latent
    with np.errstate(all="ignore"):
        typed: LatentsLike = latent.astype(dtype)
    if dtype.kind == "i" and not np.array_equal(typed, latent):
        raise InvalidField.of(path, "must be codes, which are whole numbers, and is not")
    return typed


def _point(
    point: Images | LatentsLike, path: str, model: Model, encoding: Encoding
) -> latent_service_pb2.LatentPoint:
    if isinstance(point, np.ndarray) and point.dtype.kind == "f":
        return latent_service_pb2.LatentPoint(latent=images.to_tensor(_typed(point, model, path)))
    messages = images.to_messages(point, model.card.image_shape.channels, encoding, path)
    if len(messages) != 1:
        raise InvalidField.of(path, f"must be one image or latent, and is {len(messages)} images")
    return latent_service_pb2.LatentPoint(image=messages[0])
