"""Writes the descriptors by which Envoy translates JSON: those of the services, and of the details in their errors.

    python server/deploy/envoy/descriptors.py pixelzoo.binpb

`buf build` would do for the services alone; the details are google.rpc's, which the protos do not import.
"""

import argparse
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor
from google.rpc import error_details_pb2, status_pb2

from pixelzoo.v1 import (
    catalog_service_pb2,
    latent_service_pb2,
    sampling_service_pb2,
    scoring_service_pb2,
    translation_service_pb2,
)

_MODULES = (
    catalog_service_pb2,
    latent_service_pb2,
    sampling_service_pb2,
    scoring_service_pb2,
    translation_service_pb2,
    error_details_pb2,
    status_pb2,
)


def descriptors() -> descriptor_pb2.FileDescriptorSet:
    """Every file after those that it imports."""
    files: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(file: FileDescriptor) -> None:
        for dependency in file.dependencies:
            add(dependency)
        if file.name not in files:
            files[file.name] = descriptor_pb2.FileDescriptorProto()
            file.CopyToProto(files[file.name])

    for module in _MODULES:
        add(module.DESCRIPTOR)
    return descriptor_pb2.FileDescriptorSet(file=files.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="file to write")
    parser.parse_args().out.write_bytes(descriptors().SerializeToString())
