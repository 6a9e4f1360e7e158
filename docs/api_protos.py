"""The protos of pixelzoo.v1 as buf compiles them, with what their comments say, for the API guide."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    MethodOptions,
    ServiceDescriptorProto,
)

PROTOS = Path(__file__).resolve().parent.parent / "protos"
PACKAGE = "pixelzoo.v1"

_FIELD = re.compile(
    r"(?P<behaviour>\w+)\. (?P<text>.+\.) (?P<values>Range: [^;]+; default: [^;]+; unit: [^;]+\.)"
)
_REASON = re.compile(
    r"(?P<text>.+\.) Remedy: (?P<remedy>.+\.) "
    r"Status: (?P<status>\w+); details: (?P<details>[^;]+); metadata: (?P<metadata>[^;]+); retry: (?P<retry>[^;]+)\."
)
# The numbers of a path are those of descriptor.proto: of a file 4 is a message, 5 an enum and 6 a service; of a message
# 2 is a field and 8 a oneof; of an enum or a service 2 is a value or a method, whose options are 4 and level 34.
_IDEMPOTENCY = (4, MethodOptions.IDEMPOTENCY_LEVEL_FIELD_NUMBER)


@dataclass(frozen=True)
class Field:
    """A field of a message. `oneof` is the name of the oneof that it belongs to, or empty."""

    proto: FieldDescriptorProto
    behaviour: str
    text: str
    values: str
    oneof: str


@dataclass(frozen=True)
class Message:
    """A message; `oneofs` are the comments of its oneofs, by name."""

    name: str
    text: str
    fields: list[Field]
    oneofs: dict[str, str]


@dataclass(frozen=True)
class Enum:
    """An enum; `values` are (name, number, comment)."""

    name: str
    text: str
    values: list[tuple[str, int, str]]


@dataclass(frozen=True)
class Rpc:
    """An RPC. `errors` is what its comment says after the word "Errors"; `idempotency` a level of MethodOptions."""

    proto: MethodDescriptorProto
    text: str
    errors: str
    idempotency: str
    idempotency_text: str


@dataclass(frozen=True)
class Service:
    """A service with its RPCs, in the order of its file."""

    name: str
    text: str
    rpcs: list[Rpc]


@dataclass(frozen=True)
class Reason:
    """A reason of the catalogue of errors, without its prefix."""

    name: str
    text: str
    remedy: str
    status: str
    details: str
    metadata: str
    retry: str


class Protos:
    """All of pixelzoo.v1, file by file."""

    def __init__(self, files: list[FileDescriptorProto]) -> None:
        self._files = [(file, _comments(file)) for file in files if file.package == PACKAGE]

    @cached_property
    def services(self) -> list[Service]:
        return [
            Service(service.name, comments.get((6, i), ""), list(_rpcs(service, comments, i)))
            for file, comments in self._files
            for i, service in enumerate(file.service)
        ]

    @cached_property
    def messages(self) -> dict[str, Message]:
        return {
            message.name: _message(message, comments, i)
            for file, comments in self._files
            for i, message in enumerate(file.message_type)
        }

    @cached_property
    def enums(self) -> dict[str, Enum]:
        return {
            enum.name: _enum(enum, comments, i)
            for file, comments in self._files
            for i, enum in enumerate(file.enum_type)
        }

    @cached_property
    def reasons(self) -> list[Reason]:
        values = self.enums["ErrorReason"].values
        return [
            Reason(name.removeprefix("ERROR_REASON_"), **_matched(_REASON, comment, name))
            for name, number, comment in values
            if number
        ]


def compiled() -> Protos:
    """The protos of this checkout, by the buf beside this Python."""
    buf = Path(sys.executable).with_name("buf")
    command = [buf, "build", PROTOS, "--as-file-descriptor-set", "-o", "-#format=binpb"]
    built = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return Protos(list(FileDescriptorSet.FromString(built.stdout).file))


def _comments(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    return {tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location}


def _rpcs(service: ServiceDescriptorProto, comments: dict[tuple[int, ...], str], i: int) -> Iterator[Rpc]:
    for j, method in enumerate(service.method):
        text, _, errors = comments[6, i, 2, j].partition(" Errors")
        level = MethodOptions.IdempotencyLevel.Name(method.options.idempotency_level)
        yield Rpc(method, text, errors, level, comments.get((6, i, 2, j, *_IDEMPOTENCY), ""))


def _message(message: DescriptorProto, comments: dict[tuple[int, ...], str], i: int) -> Message:
    fields = []
    for j, field in enumerate(message.field):
        # What is `optional` in the proto is alone in a oneof that is not there for people.
        real = field.HasField("oneof_index") and not field.proto3_optional
        oneof = message.oneof_decl[field.oneof_index].name if real else ""
        said = _matched(_FIELD, comments[4, i, 2, j], f"{message.name}.{field.name}")
        fields.append(Field(field, oneof=oneof, **said))
    used = {field.oneof for field in fields}
    oneofs = {one.name: comments[4, i, 8, j] for j, one in enumerate(message.oneof_decl) if one.name in used}
    return Message(message.name, comments[4, i], fields, oneofs)


def _enum(enum: EnumDescriptorProto, comments: dict[tuple[int, ...], str], i: int) -> Enum:
    values = [(value.name, value.number, comments[5, i, 2, j]) for j, value in enumerate(enum.value)]
    return Enum(enum.name, comments[5, i], values)


def _matched(pattern: re.Pattern[str], comment: str, name: str) -> dict[str, str]:
    match = pattern.fullmatch(comment)
    if match is None:
        raise ValueError(
            f"the comment of {name} does not have the form that CONTRIBUTING.md shows: {comment}"
        )
    return match.groupdict()
