"""A model that computes for ever: the server says so to all who ask, and can be stopped. What ends is forgiven."""

import re
import signal
import subprocess
import sys

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest

Status = health_pb2.HealthCheckResponse


def sample(name, seed):
    return SampleRequest(model=ModelSelector(name=name), seed=seed)


def hear(watch, status):
    """A warm-up on a busy machine may have taken too long too: then it is the other status that comes first."""
    assert any(heard.status == status for heard in watch)


def unavailable(call):
    """Its message, once it is certain that it is UNAVAILABLE with a time to try again."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    retry = error_details_pb2.RetryInfo()
    assert rpc_status.from_call(caught.value).details[1].Unpack(retry)
    assert retry.retry_delay.seconds
    return caught.value.details()


@pytest.fixture
def process(handmade, tmp_path, request):
    """A server of its own, which can be killed; gives it and its address. Its patience is the parameter, or 2 s."""
    handmade.write_spinner(tmp_path / "models")
    command = [
        "--models",
        tmp_path / "models",
        "--port",
        "0",
        "--max-turn-seconds",
        str(getattr(request, "param", 2)),
        "--grace-seconds",
        "1",
    ]
    with (tmp_path / "log").open("w") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "zoo_server", *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    yield started, re.search(r"ready on (\S+) ", started.stdout.readline())[1]
    started.kill()
    started.communicate()


def test_a_call_of_the_network_that_never_ends(process, connect, tmp_path):
    server, address = process
    api = connect(address)
    health = health_pb2_grpc.HealthStub(api.channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=60)
    hear(watch, Status.SERVING)
    assert api.sampling.Sample(sample("spinner", 12)).images
    spinning = api.sampling.Sample.future(sample("spinner", 13))
    hear(watch, Status.NOT_SERVING)
    for name in ("", "pixelzoo.v1.SamplingService", "pixelzoo.v1.Model/spinner"):
        request = health_pb2.HealthCheckRequest(service=name)
        assert health.Check(request).status == Status.NOT_SERVING
    # Asked again, of another server, it would make that one hang as well.
    with pytest.raises(grpc.RpcError) as caught:
        spinning.result(60)
    assert caught.value.code() == grpc.StatusCode.INTERNAL
    assert "hangs" in unavailable(lambda: api.sampling.Sample(sample("spinner", 1)))
    log = (tmp_path / "log").read_text()
    assert "model spinner version 1: a call of sample at bucket 1 has not ended within 2 s" in log
    # Nothing waits for the thread that hangs.
    server.send_signal(signal.SIGTERM)
    server.wait(60)


@pytest.mark.parametrize("process", [5], indirect=True)
def test_a_stop_waits_no_longer_than_the_watchdog(process, connect):
    server, address = process
    spinning = connect(address).sampling.Sample.future(sample("spinner", 13))
    channel = grpc.insecure_channel(address)
    metadata = health_pb2_grpc.HealthStub(channel)
    assert metadata.Check(health_pb2.HealthCheckRequest()).status == Status.SERVING
    server.send_signal(signal.SIGTERM)
    assert server.wait(50) == 0
    with pytest.raises(grpc.RpcError):
        spinning.result(10)


def test_a_call_that_ends_after_all_is_forgiven(start_server, connect, network):
    live = start_server(max_turn_seconds=1)
    api = connect(live.address)
    health = health_pb2_grpc.HealthStub(api.channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=60)
    hear(watch, Status.SERVING)
    network.hold("sample", 5)
    held = api.sampling.Sample.future(sample("blobs", 5))
    hear(watch, Status.NOT_SERVING)
    other = api.sampling.Sample.future(sample("ripples", 5))
    assert "hangs" in unavailable(lambda: other.result(60))
    with pytest.raises(grpc.RpcError) as caught:
        held.result(60)
    assert caught.value.code() == grpc.StatusCode.INTERNAL
    network.release()
    hear(watch, Status.SERVING)
    assert api.sampling.Sample(sample("blobs", 5)).images
    assert live.pending_items == 0
