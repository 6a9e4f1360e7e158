"""Writes the Python stubs beside every .proto file, or checks that those there are what would be written.

    python generate.py            # write
    python generate.py --check    # compare, exit 1 and name the files that differ

Runs in an environment of its own, made from requirements.lock (`make stubs` sees to that): the protoc of grpcio-tools
1.76 writes code that runs on protobuf 6 and 7, while newer ones write code for 7 only.
"""

import argparse
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = {
    Path("protos"): Path("pixelzoo/v1"),
    Path("server"): Path("zoo_server/open_inference"),
}
"""The folder of protos below each import root."""
MESSAGES = ("--python_out={}", "--mypy_out=quiet:{}")
SERVICES = ("--grpc_python_out={}", "--mypy_grpc_out=quiet:{}")


def generate(target: Path) -> None:
    """Write the stubs of all protos under the folder `target`; raise RuntimeError where protoc refuses one."""
    # protoc finds the plugins of mypy-protobuf by path: the environment need not be activated.
    scripts = Path(sys.executable).parent
    plugins = [f"--plugin={name}={scripts / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    google = resources.files("grpc_tools") / "_proto"
    for root, package in PACKAGES.items():
        folder = REPOSITORY / root
        sources = sorted(path.relative_to(folder).as_posix() for path in (folder / package).glob("*.proto"))
        services = [source for source in sources if source.endswith("_service.proto")]
        (target / root).mkdir()
        for outputs, files in ((MESSAGES, sources), (SERVICES, services)):
            out = [output.format(target / root) for output in outputs]
            status = protoc.main(["protoc", f"-I{folder}", f"-I{google}", *plugins, *out, *files])
            if status:
                raise RuntimeError(f"protoc ended with status {status}; its messages stand above")


def stubs(repository: Path) -> dict[Path, str]:
    """Text of every generated file of the `repository`, by path."""
    return {
        path.relative_to(repository): path.read_text()
        for root, package in PACKAGES.items()
        for path in (repository / root / package).glob("*_pb2*.py*")
    }


def main() -> int:
    """Write or check; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="compare with the committed stubs and write nothing"
    )
    check = parser.parse_args().check

    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = stubs(Path(folder))
    committed = stubs(REPOSITORY)
    differing = sorted(
        name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name)
    )
    if check:
        for name in differing:
            print(f"{name} is not what protoc writes from the protos: run `make stubs`")
        return 1 if differing else 0

    for name in differing:
        path = REPOSITORY / name
        if name in fresh:
            path.write_text(fresh[name])
        else:
            path.unlink()  # its proto is gone
    print(f"{len(fresh)} stubs, {len(differing)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
