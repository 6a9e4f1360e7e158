"""The protos as buf compiles them, with their comments, for every test of this folder."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2


@dataclass(frozen=True)
class Declaration:
    """One field, enum value or RPC: its dotted name, its descriptor, and its comment on a single line."""

    name: str
    proto: object
    comment: str


@dataclass(frozen=True)
class Protos:
    """The compiled files of pixelzoo.v1."""

    files: list[descriptor_pb2.FileDescriptorProto]

    def messages(self) -> Iterator[tuple[str, descriptor_pb2.DescriptorProto]]:
        """(name, message) of every message; none is nested, which test_layout checks."""
        for file in self.files:
            for message in file.message_type:
                yield message.name, message

    def fields(self) -> Iterator[Declaration]:
        """Every field, named Message.field."""
        # The numbers of a path are those of descriptor.proto: 4 a message, 2 a field of it.
        for file in self.files:
            comments = _comments(file)
            for i, message in enumerate(file.message_type):
                for j, field in enumerate(message.field):
                    yield Declaration(f"{message.name}.{field.name}", field, comments.get((4, i, 2, j), ""))

    def enum_values(self, enum_name: str) -> Iterator[Declaration]:
        """Every value of one enum, named as it stands."""
        for file in self.files:
            comments = _comments(file)
            for i, enum in enumerate(file.enum_type):
                for j, value in enumerate(enum.value):
                    if enum.name == enum_name:
                        yield Declaration(value.name, value, comments.get((5, i, 2, j), ""))

    def rpcs(self) -> Iterator[Declaration]:
        """Every RPC, named Service.Rpc."""
        for file in self.files:
            comments = _comments(file)
            for i, service in enumerate(file.service):
                for j, method in enumerate(service.method):
                    yield Declaration(f"{service.name}.{method.name}", method, comments.get((6, i, 2, j), ""))


def _comments(file: descriptor_pb2.FileDescriptorProto) -> dict[tuple[int, ...], str]:
    locations = file.source_code_info.location
    return {tuple(at.path): " ".join(at.leading_comments.split()) for at in locations if at.leading_comments}


@pytest.fixture(scope="session")
def folder() -> Path:
    """The folder protos/."""
    return Path(__file__).resolve().parents[2] / "protos"


@pytest.fixture(scope="session")
def buf(folder: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """buf(command, *arguments): runs buf, as installed beside this Python, on the protos."""
    executable = Path(sys.executable).with_name("buf")
    return lambda *arguments: subprocess.run(
        [executable, arguments[0], folder, *arguments[1:]], capture_output=True
    )


@pytest.fixture(scope="session")
def protos(buf: Callable[..., subprocess.CompletedProcess[bytes]]) -> Protos:
    """The protos, compiled anew."""
    built = buf("build", "--as-file-descriptor-set", "-o", "-#format=binpb")
    assert built.returncode == 0, built.stderr.decode()
    files = descriptor_pb2.FileDescriptorSet.FromString(built.stdout).file
    return Protos([file for file in files if file.package.startswith("pixelzoo")])
