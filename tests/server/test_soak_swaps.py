"""Two hundred swaps of a version under load: no failed call, and memory stays flat. For `make soak`."""

import shutil
import threading
import weakref
from pathlib import Path

import grpc
import pytest

from pixelzoo.v1.catalog_service_pb2 import GetModelRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from zoo_server.repository.repository import Repository

SWAPS, SETTLING = 200, 50


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_memory_is_flat_over_many_swaps(models, tmp_path, start_server, connect, wait_until):
    folder = tmp_path / "models" / "ripples"
    shutil.copytree(models / "ripples" / "1", folder / "1")
    live = start_server(Repository.load(folder.parent), model_poll_seconds=0)
    api = connect(live.address)
    selector = ModelSelector(name="ripples")
    enough, errors = threading.Event(), []

    def call_on():
        while not enough.is_set():
            try:
                api.sampling.Sample(SampleRequest(model=selector, count=4))
            except grpc.RpcError as error:
                errors.append(error)

    caller = threading.Thread(target=call_on)
    caller.start()
    sizes, saved_models = [], []
    for version in range(2, SWAPS + 2):
        shutil.copytree(models / "ripples" / "1", folder / str(version))
        shutil.rmtree(folder / str(version - 1))
        saved_models.append(weakref.ref(live.app.repository.get(selector).saved_model))
        live.run(live.app.lifecycle.poll())
        assert api.catalog.GetModel(GetModelRequest(model=selector)).model.version == version
        sizes.append(resident_bytes())
    enough.set()
    caller.join(60)
    assert not errors
    wait_until(lambda: not any(saved_model() for saved_model in saved_models))
    # Allocators settle in the beginning, and what is on its way out comes on top; the floor is what must not rise.
    early, late = min(sizes[SETTLING : 2 * SETTLING]), min(sizes[-SETTLING:])
    assert late < 1.01 * early, f"{early} bytes grew to {late}"
