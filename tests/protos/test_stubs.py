"""The committed stubs are those of the protos (`make stubs-check` also compares them byte for byte with fresh ones)."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from google.protobuf import descriptor_pb2


def test_every_stub_holds_the_descriptor_of_its_proto(protos):
    for file in protos.files:
        stub = descriptor_pb2.FileDescriptorProto()
        _stub(file, "_pb2").DESCRIPTOR.CopyToProto(stub)
        assert _bare(stub) == _bare(file), f"{file.name} has changed: run `make stubs`"


def test_every_service_has_its_servicer(protos):
    for file in protos.files:
        for service in file.service:
            servicer = getattr(_stub(file, "_pb2_grpc"), f"{service.name}Servicer")
            assert all(callable(getattr(servicer, rpc.name)) for rpc in service.method)


def test_there_is_one_typed_stub_for_each_file_and_none_left_over(protos, folder):
    stubs = folder / "pixelzoo/v1"
    names = {Path(file.name).stem: bool(file.service) for file in protos.files}
    expected = {f"{name}_pb2.{ending}" for name in names for ending in ("py", "pyi")}
    expected |= {
        f"{name}_pb2_grpc.{ending}" for name, service in names.items() if service for ending in ("py", "pyi")
    }
    assert {path.name for path in stubs.glob("*_pb2*.py*")} == expected
    assert (stubs.parent / "py.typed").exists()


def test_importing_every_stub_warns_of_nothing(folder):
    # protobuf warns, and later refuses, when code was generated for another major version than it supports.
    modules = ", ".join(
        f"pixelzoo.v1.{path.stem}" for path in sorted((folder / "pixelzoo/v1").glob("*_pb2*.py"))
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import {modules}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def _stub(file: descriptor_pb2.FileDescriptorProto, ending: str) -> ModuleType:
    return importlib.import_module(file.name.removesuffix(".proto").replace("/", ".") + ending)


def _bare(file: descriptor_pb2.FileDescriptorProto) -> descriptor_pb2.FileDescriptorProto:
    """A copy without what compilers add differently: comments, and JSON names equal to the default."""
    bare = descriptor_pb2.FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    for message in bare.message_type:
        for field in message.field:
            field.ClearField("json_name")
    return bare
