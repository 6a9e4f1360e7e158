"""The validation table: what every field of every request must be, whichever model it asks for.

What a model's card says comes on top: options in `zoo_server.options`, counts, labels and shapes in the services.
Ranges are those that stand in the comments of the protos.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count, islice
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from zoo_server.errors import MOST_VIOLATIONS, Violation, invalid_field, invalid_fields

MAX_SEED = 2**63 - 1

_LONGEST_LIST = 65535
"""The most items that any card may allow: what is longer is not even looked through."""

_LONGEST_LISTS = {"RawTensor.shape": 8}
"""Shorter ones: what may come many times in one request must not be long each time."""

_MOST_ENTRIES = 2**17
"""Fields set, and entries of lists, of one request at all depths: it is looked through on the event loop."""

_PACKAGE = "pixelzoo.v1."


@dataclass(frozen=True, slots=True)
class Between:
    """A number, or each number of a list, from `low` to `high`; None is no bound."""

    low: int
    high: int | None = None
    remedy: str = ""

    def broken_by(self, value: Any) -> str | None:
        if value >= self.low and (self.high is None or value <= self.high):
            return None
        span = f"at least {self.low}" if self.high is None else f"{self.low} to {self.high}"
        return f"must be {span}, and is {value}{self.remedy}"


@dataclass(frozen=True, slots=True)
class Text:
    """A string that matches `pattern` in full; `words` say what that means."""

    pattern: re.Pattern[str]
    words: str

    def broken_by(self, value: Any) -> str | None:
        return None if self.pattern.fullmatch(value) else f"must be {self.words}"


@dataclass(frozen=True, slots=True)
class Required:
    """A field that must be there: a message set, a list or a string not empty, an enum not UNSPECIFIED."""

    words: str


_NAME = Text(re.compile(r"[a-z][a-z0-9_]{0,127}"), "1 to 128 characters of [a-z][a-z0-9_]*")
_SEED = Between(0, MAX_SEED)
_VERSION = Between(1, MAX_SEED)
_COUNT = Between(1)
_LABEL = Between(-1, remedy=": -1 stands for no class")
_REQUEST_ID = Text(re.compile(r"[ -~]{0,128}"), "up to 128 printable ASCII characters")
_MODEL = Required("must say which model: ListModels names them")
_IMAGES = Required("must hold at least one image")
_MIME_TYPE = Text(re.compile(r"image/(png|jpeg)"), "image/png or image/jpeg, or be left empty")

TABLE: dict[str, tuple[Between | Text | Required, ...]] = {
    "ModelSelector.name": (_MODEL, _NAME),
    "ModelSelector.version": (_VERSION,),
    "ModelSelector.version_label": (_NAME,),
    "ListModelsRequest.page_size": (Between(0),),
    "GetModelRequest.model": (_MODEL,),
    "SampleRequest.model": (_MODEL,),
    "SampleRequest.count": (_COUNT,),
    "SampleRequest.seed": (_SEED,),
    "SampleRequest.labels": (_LABEL,),
    "SampleRequest.request_id": (_REQUEST_ID,),
    "StreamSampleRequest.sample": (Required("must say what to draw"),),
    "TranslateRequest.model": (_MODEL,),
    "TranslateRequest.images": (_IMAGES,),
    "TranslateRequest.seed": (_SEED,),
    "TranslateRequest.labels": (_LABEL,),
    "TranslateRequest.request_id": (_REQUEST_ID,),
    "StreamTranslateRequest.translate": (Required("must say what to translate"),),
    "ScoreRequest.model": (_MODEL,),
    "ScoreRequest.images": (_IMAGES,),
    "ScoreRequest.labels": (_LABEL,),
    "ScoreRequest.seed": (_SEED,),
    "ScoreRequest.request_id": (_REQUEST_ID,),
    "StreamScoreRequest.score": (Required("must say what to score"),),
    "EncodeRequest.model": (_MODEL,),
    "EncodeRequest.images": (_IMAGES,),
    "EncodeRequest.request_id": (_REQUEST_ID,),
    "DecodeRequest.model": (_MODEL,),
    "DecodeRequest.latents": (Required("must hold at least one latent"),),
    "DecodeRequest.request_id": (_REQUEST_ID,),
    "InterpolateRequest.model": (_MODEL,),
    "InterpolateRequest.start": (Required("must say where the way begins"),),
    "InterpolateRequest.end": (Required("must say where the way ends"),),
    "InterpolateRequest.count": (Between(2, remedy=": both ends are included"),),
    "InterpolateRequest.request_id": (_REQUEST_ID,),
    "EncodedImage.data": (Required("must hold the bytes of a PNG or JPEG file"),),
    "EncodedImage.mime_type": (_MIME_TYPE,),
    "RawTensor.shape": (Required("must hold the length of each axis"), Between(1, 65535)),
    "RawTensor.data_type": (Required("must say the type of the elements"),),
}

_ONEOFS = {
    "Image.payload": "must hold a file in `encoded`, or pixels in `raw`",
    "LatentPoint.point": "must hold an `image` or a `latent`",
}
"""The oneofs of which one member must be set, by message and name."""


def check(request: Message) -> None:
    """Raise INVALID_FIELD, naming the first fields of `request` that break a rule of the table."""
    # Nobody is told of more, and a request may break rules in a million places: it is not looked through any further.
    violations = list(islice(_violations(request, "", count()), MOST_VIOLATIONS))
    if violations:
        raise invalid_fields(violations)


def _violations(message: Message, prefix: str, visits: Iterator[int]) -> Iterator[Violation]:
    """`visits` counts what is looked at."""
    for name, words in _requirements(message.DESCRIPTOR):
        if _is_missing(message, name):
            yield Violation(prefix + name, words)
    for field, value in message.ListFields():
        path = prefix + field.name
        if field.is_repeated and len(value) > _longest(field):
            yield Violation(path, f"must have at most {_longest(field)} entries, and has {len(value)}")
        elif field.is_repeated:
            for index, entry in enumerate(value):
                yield from _entry_violations(field, entry, f"{path}[{index}]", visits)
        else:
            yield from _entry_violations(field, value, path, visits)


def _entry_violations(
    field: FieldDescriptor, value: Any, path: str, visits: Iterator[int]
) -> Iterator[Violation]:
    if next(visits) >= _MOST_ENTRIES:
        raise invalid_field(
            path,
            f"is past the {_MOST_ENTRIES} values that a request may have: split it into several requests",
        )
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        yield from _violations(value, path + ".", visits)
    elif field.type == FieldDescriptor.TYPE_ENUM:
        if value not in _numbers(field):
            yield Violation(path, f"must be one of {sorted(_numbers(field))}, and is {value}")
    elif field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE) and not math.isfinite(value):
        yield Violation(path, f"must be a finite number, and is {value}")
    for rule in _rules(field):
        words = rule.broken_by(value)
        if words is not None:
            yield Violation(path, words)


def _is_missing(message: Message, name: str) -> bool:
    if name in message.DESCRIPTOR.oneofs_by_name:
        return message.WhichOneof(name) is None
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.has_presence:
        return not message.HasField(name)
    return not getattr(message, name)


@cache
def _requirements(descriptor: Descriptor) -> list[tuple[str, str]]:
    """(field or oneof, words) of what must be set in a message of this type."""
    found = [
        (field.name, rule.words)
        for field in descriptor.fields
        for rule in TABLE.get(_key(field), ())
        if isinstance(rule, Required)
    ]
    found += [
        (oneof.name, _ONEOFS[f"{descriptor.name}.{oneof.name}"])
        for oneof in descriptor.oneofs
        if f"{descriptor.name}.{oneof.name}" in _ONEOFS
    ]
    return found


@cache
def _rules(field: FieldDescriptor) -> list[Between | Text]:
    return [rule for rule in TABLE.get(_key(field), ()) if not isinstance(rule, Required)]


def _longest(field: FieldDescriptor) -> int:
    return _LONGEST_LISTS.get(_key(field), _LONGEST_LIST)


@cache
def _numbers(field: FieldDescriptor) -> frozenset[int]:
    return frozenset(field.enum_type.values_by_number if field.enum_type else ())


def _key(field: FieldDescriptor) -> str:
    return field.full_name.removeprefix(_PACKAGE)
