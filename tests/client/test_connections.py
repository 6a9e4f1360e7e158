"""Several connections, several servers, and servers that put calls off, for both clients."""

import asyncio
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from pixelzoo.v1 import (
    card_pb2,
    catalog_service_pb2,
    catalog_service_pb2_grpc,
    progress_pb2,
    sampling_service_pb2,
    sampling_service_pb2_grpc,
)
from zoo_client import Client, Progress, addresses, aio, errors, retrying

PATIENCE = 120.0
Call = Callable[..., Any]


def sync_calls(target: str, n: int, **settings: Any) -> list[Any]:
    with Client(target, timeout=PATIENCE, **settings) as client:
        return [client.models() for _ in range(n)]


def aio_calls(target: str, n: int, **settings: Any) -> list[Any]:
    async def calls() -> list[Any]:
        async with aio.Client(target, timeout=PATIENCE, **settings) as client:
            return [await client.models() for _ in range(n)]

    return asyncio.run(calls())


def sync_stream(target: str) -> list[Any]:
    with Client(target, timeout=PATIENCE) as client:
        return list(client.stream_sample("model", 1))


def aio_stream(target: str) -> list[Any]:
    async def stream() -> list[Any]:
        async with aio.Client(target, timeout=PATIENCE) as client:
            return [event async for event in client.stream_sample("model", 1)]

    return asyncio.run(stream())


both = pytest.mark.parametrize("calls", [sync_calls, aio_calls])


class Catalog(
    catalog_service_pb2_grpc.CatalogServiceServicer, sampling_service_pb2_grpc.SamplingServiceServicer
):
    """Puts the first `refusals` lists and streams off with RetryInfo, and notes who called and when."""

    def __init__(self) -> None:
        self.refusals, self.seconds = 0, 0.25
        self.peers: list[str] = []
        self.times: list[float] = []

    def ListModels(self, request, context):
        self.admit(context)
        return catalog_service_pb2.ListModelsResponse()

    def GetModel(self, request, context):
        card = card_pb2.ModelCard(contract_version=1)
        return catalog_service_pb2.GetModelResponse(model=catalog_service_pb2.Model(name="model", card=card))

    def StreamSample(self, request, context):
        self.admit(context)
        yield sampling_service_pb2.StreamSampleResponse(progress=progress_pb2.Progress(items=1))

    def admit(self, context):
        self.peers.append(context.peer())
        self.times.append(time.monotonic())
        if len(self.peers) <= self.refusals:
            context.abort_with_status(rpc_status.to_status(self.full()))

    def full(self) -> status_pb2.Status:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(1000 * self.seconds))
        details = [any_pb2.Any(), any_pb2.Any()]
        details[0].Pack(error_details_pb2.ErrorInfo(reason="QUEUE_FULL", domain="pixelzoo"))
        details[1].Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        code = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
        return status_pb2.Status(code=code, message="the queue is full", details=details)


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def address(catalog: Catalog) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(catalog, server)
    sampling_service_pb2_grpc.add_SamplingServiceServicer_to_server(catalog, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@both
def test_calls_go_over_each_connection_in_turn(address: str, catalog: Catalog, calls: Call) -> None:
    calls(address, 9, connections=3)
    assert len(set(catalog.peers)) == 3
    assert catalog.peers == catalog.peers[:3] * 3
    catalog.peers.clear()
    calls(address, 4)
    assert len(set(catalog.peers)) == 1


@both
def test_a_call_that_is_put_off_waits_as_long_as_the_server_says(
    address: str, catalog: Catalog, calls: Call
) -> None:
    catalog.refusals = 2
    assert calls(address, 1) == [[]]
    assert len(catalog.times) == 3
    assert min(np.diff(catalog.times)) >= catalog.seconds


@pytest.mark.parametrize("stream", [sync_stream, aio_stream])
def test_a_stream_that_is_put_off_waits_too(address: str, catalog: Catalog, stream: Call) -> None:
    catalog.refusals = 2
    [event] = stream(address)
    assert isinstance(event, Progress)
    assert len(catalog.times) == 3
    assert min(np.diff(catalog.times)) >= catalog.seconds


@both
@pytest.mark.parametrize(
    ("settings", "seconds", "attempts"), [({"retries": 0}, 0.25, 1), ({"retries": 1}, 0.25, 2), ({}, 3600, 1)]
)
def test_but_not_for_ever(
    address: str, catalog: Catalog, calls: Call, settings: dict[str, int], seconds: float, attempts: int
) -> None:
    catalog.refusals, catalog.seconds = 100, seconds
    with pytest.raises(errors.QueueFull) as caught:
        calls(address, 1, **settings)
    assert caught.value.retry_after == seconds
    assert len(catalog.peers) == attempts


def test_a_wait_beyond_the_timeout_is_left_to_the_caller(address: str, catalog: Catalog) -> None:
    catalog.refusals, catalog.seconds = 100, 20
    with Client(address, timeout=10) as client, pytest.raises(errors.QueueFull):
        client.models()
    assert len(catalog.peers) == 1


def test_waits_grow_and_are_not_the_same_for_all() -> None:
    full = errors.QueueFull("full", retry_after=0.1)
    waits = []
    for _ in range(200):
        patience = retrying.Patience(3)
        waits.append([patience.wait_after(full) for _ in range(4)])
    for attempt, least in enumerate((0.2, 0.4, 0.8)):
        drawn = [one[attempt] for one in waits]
        assert least <= min(drawn) < 1.1 * least < 1.4 * least < max(drawn) <= 1.5 * least
    assert {one[3] for one in waits} == {None}
    assert retrying.Patience(3).wait_after(errors.InternalError("mistake")) is None


@pytest.mark.parametrize("kind", [Client, aio.Client])
@pytest.mark.parametrize(
    ("target", "settings", "says"),
    [
        ("a.example:1,b.example:1", {}, "target: 'a.example:1' is no IP address.* dns:///NAME:50051"),
        ("10.0.0.1,10.0.0.2:1", {}, "target: '10.0.0.1' is no IP address with a port"),
        ("10.0.0.1:1,[::1]:1", {}, "mixes IPv4 and IPv6"),
        ("10.0.0.1:1", {"connections": 0}, "connections: must be 1 to 64, and is 0"),
        ("10.0.0.1:1", {"connections": 65}, "connections: must be 1 to 64, and is 65"),
        ("10.0.0.1:1", {"connections": 2.5}, "connections: must be a whole number, and is 2.5"),
        ("10.0.0.1:1", {"retries": -1}, "retries: must be at least 0, and is -1"),
        ("10.0.0.1:1", {"retries": True}, "retries: must be a whole number, and is True"),
        ("10.0.0.1:1", {"timeout": -1}, "timeout: must be a number of seconds, and is -1: give one"),
        ("10.0.0.1:1", {"timeout": float("nan")}, "timeout: must be a number of seconds, and is nan"),
        ("10.0.0.1:1", {"timeout": "5"}, "timeout: must be a number, and is '5'"),
        ("10.0.0.1:1", {"wait_for_ready": 1}, "wait_for_ready: must be True or False, and is 1"),
        ("10.0.0.1:1", {"encoding": "gif"}, "encoding: must be png, jpeg or raw, and is 'gif'"),
        (
            "10.0.0.1:1",
            {"encoding": np.array(["png", "raw"])},
            "encoding: must be png, jpeg or raw, and is array",
        ),
        (
            "10.0.0.1:1",
            {"credentials": "ca.pem"},
            "credentials: must be grpc.ChannelCredentials, and is 'ca.pem'",
        ),
        ("10.0.0.1:1", {"server_name": "zoo"}, "server_name: zoo: nothing is encrypted without credentials="),
        ("10.0.0.1:1", {"server_name": 5}, "server_name: must be a text, and is 5"),
        ("localhost:1", {"token": 12345}, "token: must be a text, and is none"),
        (50051, {}, "target: must be a text, and is 50051"),
    ],
)
def test_wrong_settings_are_refused(kind: Any, target: str, settings: dict[str, int], says: str) -> None:
    with pytest.raises(errors.InvalidSetting, match=says) as caught:
        kind(target, **settings)
    assert (caught.value.code, caught.value.reason) == ("INVALID_ARGUMENT", "INVALID_SETTING")
    assert "12345" not in str(caught.value)


def test_addresses_become_grpcs() -> None:
    assert addresses.resolved("localhost:1, 10.0.0.2:2") == "ipv4:127.0.0.1:1,10.0.0.2:2"
    assert addresses.resolved("[::1]:1,[fe80::2]:2") == "ipv6:[::1]:1,[fe80::2]:2"
    for target in ("zoo.example:1", "dns:///zoo.example:1", "ipv4:10.0.0.1:1,10.0.0.2:1"):
        assert addresses.resolved(target) == target


@pytest.fixture(scope="module")
def replicas(demo_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    """Two server processes; that which answers a call tells its version of the model: 1 or 2."""
    processes = []
    for version in ("1", "2"):
        folder = tmp_path_factory.mktemp("replica")
        (folder / "halves").mkdir()
        (folder / "halves" / version).symlink_to(demo_models / "halves" / "1")
        command = [sys.executable, "-m", "zoo_server", "--models", str(folder), "--host", "127.0.0.1"]
        # As it goes down it says NOT_SERVING, and for longer than the test takes calls all the same.
        command += ["--port", "0", "--drain-seconds", "600"]
        processes.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        )
    try:
        lines = [process.stdout.readline() for process in processes]
        addresses = [re.search(r"ready on (\S+:\d+)", line)[1] for line in lines]
        yield list(zip(processes, addresses, strict=True))
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_servers_are_called_in_turn_and_one_that_is_not_serving_no_more(replicas: list[Any]) -> None:
    (leaving, address), (_, other) = replicas
    failures: list[Exception] = []
    versions: list[int] = []
    enough = threading.Event()
    with Client(f"{address},{other}", timeout=PATIENCE) as client:

        def call() -> int:
            found = client.sample("halves", seed=1).recipes[0].version
            versions.append(found)
            return found

        def go_on() -> None:
            try:
                while not enough.is_set():
                    call()
            except Exception as error:  # noqa: BLE001 (whatever it is, the test is to see it)
                failures.append(error)

        while len({call() for _ in range(4)}) < 2:  # Until it has connected to both.
            pass
        assert sorted(call() for _ in range(10)) == [1] * 5 + [2] * 5

        caller = threading.Thread(target=go_on)
        caller.start()
        with grpc.insecure_channel(address) as direct:
            health = health_pb2_grpc.HealthStub(direct)
            watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
            leaving.send_signal(signal.SIGTERM)
            assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
            watch.cancel()
        while {call() for _ in range(10)} != {2}:  # The client's own watch hears of it too.
            pass
        del versions[:]
        assert {call() for _ in range(20)} == {2}
        enough.set()
        caller.join(PATIENCE)
        assert set(versions) == {2}
        with Client(address, timeout=PATIENCE) as single:  # It would have answered.
            assert single.sample("halves", seed=1).recipes[0].version == 1
    assert not failures

    async def from_a_loop() -> set[int]:
        async with aio.Client(f"{address},{other}", timeout=PATIENCE) as client:
            return {(await client.sample("halves", seed=1)).recipes[0].version for _ in range(20)}

    assert asyncio.run(from_a_loop()) == {2}
