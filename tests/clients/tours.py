"""The tours of the clients: programs whose parts are the examples of docs/api.md, and which call every RPC."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from PIL import Image

from pixelzoo.v1 import (
    catalog_service_pb2,
    latent_service_pb2,
    sampling_service_pb2,
    scoring_service_pb2,
    translation_service_pb2,
)

RPCS = {
    f"{service.full_name}/{rpc.name}"
    for module in (
        catalog_service_pb2,
        latent_service_pb2,
        sampling_service_pb2,
        scoring_service_pb2,
        translation_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for rpc in service.methods
}

PICTURES = ("sneaker", "bag-0", "bag-1", "boot", "variation")
SECONDS = 600


def take(program: list[str], server: Any, folder: Path, **variables: str) -> None:
    """Runs a tour with these variables: it calls each RPC of `server`, says so, and leaves its pictures in `folder`."""
    before = server.calls()
    environment = {**os.environ, "PIXELZOO_TARGET": server.address, **variables}
    done = subprocess.run(
        program, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    server.wait_for_calls(RPCS, before)
    told = set(re.findall(r"^(\w+): ", done.stdout, re.MULTILINE))
    assert told == {name.rpartition("/")[2] for name in RPCS}
    for name in PICTURES:
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.size == (28, 28)
