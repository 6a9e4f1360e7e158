"""Health by model and by version: Check and Watch follow what is loaded, fails, and goes."""

import shutil
import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from zoo_server.repository.repository import Repository

Status = health_pb2.HealthCheckResponse
MODEL = "pixelzoo.v1.Model/blobs"


@pytest.fixture
def live(models, tmp_path, start_server):
    shutil.copytree(models / "blobs" / "1", tmp_path / "models" / "blobs" / "1")
    return start_server(Repository.load(tmp_path / "models"), model_poll_seconds=0, grace_seconds=30)


@pytest.fixture
def health(live, connect):
    return health_pb2_grpc.HealthStub(connect(live.address).channel)


def check(health, service):
    return health.Check(health_pb2.HealthCheckRequest(service=service)).status


def watch(health, service):
    return health.Watch(health_pb2.HealthCheckRequest(service=service), timeout=60)


def poll(live):
    live.run(live.app.lifecycle.poll())


def test_a_watch_hears_of_a_version_that_comes_and_goes(live, health, models, tmp_path):
    model, second = watch(health, MODEL), watch(health, f"{MODEL}/2")
    assert next(model).status == Status.SERVING
    assert next(second).status == Status.SERVICE_UNKNOWN
    path = tmp_path / "models" / "blobs" / "2"
    shutil.copytree(models / "blobs" / "1", path)
    card = path / "assets.extra" / "card.json"
    whole = card.read_text()
    card.write_text(whole[:100])
    poll(live)
    assert next(second).status == Status.NOT_SERVING
    assert check(health, f"{MODEL}/2") == Status.NOT_SERVING
    assert check(health, MODEL) == Status.SERVING  # The older one serves.
    card.write_text(whole)
    poll(live)
    assert next(second).status == Status.SERVING
    shutil.rmtree(path)
    poll(live)
    assert next(second).status == Status.SERVICE_UNKNOWN
    with pytest.raises(grpc.RpcError) as caught:
        check(health, f"{MODEL}/2")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    shutil.copytree(
        models / "mirror", tmp_path / "models" / "mirror"
    )  # An empty folder would change nothing.
    shutil.rmtree(path.parent)
    poll(live)
    assert next(model).status == Status.SERVICE_UNKNOWN


def test_a_server_that_goes_tells_those_who_watch_a_model(live, health):
    model, version = watch(health, MODEL), watch(health, f"{MODEL}/1")
    assert (next(model).status, next(version).status) == (Status.SERVING, Status.SERVING)
    stopping = threading.Thread(target=live.run, args=(live.app.stop(),))
    stopping.start()
    assert (next(model).status, next(version).status) == (Status.NOT_SERVING, Status.NOT_SERVING)
    stopping.join(60)
    assert not stopping.is_alive()


def test_a_model_none_of_whose_versions_can_be_called_is_not_serving(models, tmp_path, start_server, connect):
    path = tmp_path / "models" / "blobs" / "1"
    shutil.copytree(models / "blobs" / "1", path)
    (path / "saved_model.pb").unlink()
    live = start_server(Repository.load(tmp_path / "models"), model_poll_seconds=0)
    health = health_pb2_grpc.HealthStub(connect(live.address).channel)
    assert check(health, MODEL) == Status.NOT_SERVING
    assert check(health, f"{MODEL}/1") == Status.NOT_SERVING
