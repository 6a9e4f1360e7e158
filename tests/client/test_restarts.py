"""Servers that go down under load, in order or killed, and come back: every call ends, with the right pictures."""

import asyncio
import itertools
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from zoo_client import Client, Image, Samples, aio

MODEL, ITEMS, STEPS, SEEDS = "steady", 8, 20, (1, 2**40)
PATIENCE = 120.0


@pytest.fixture(scope="module")
def models(handmade: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model of one bucket, so that its pictures are the same to the byte, in steps of some milliseconds."""
    folder = tmp_path_factory.mktemp("steady")
    buckets = {"buckets": [4], "exact": True}
    handmade.write_ripples(folder, MODEL, handmade.SLOW_ROUNDS, batchLane=buckets)
    return folder


class Server:
    """A server process on a port of its own, which it comes back to. It gives calls no time to end."""

    def __init__(self, models: Path) -> None:
        self._models = models
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "zoo_server",
            "--models",
            str(self._models),
            "--port",
            str(self.port),
        ]
        self.process = subprocess.Popen(
            [*command, "--grace-seconds", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        assert re.search("ready on", self.process.stdout.readline())

    def go_down(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        assert self.process.wait(PATIENCE) == (0 if number == signal.SIGTERM else -number)
        self.process.communicate()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def servers(models: Path) -> Iterator[list[Server]]:
    servers = [Server(models), Server(models)]
    for server in servers:
        server.wait_until_ready()
    yield servers
    for server in servers:
        server.close()


Ask = Callable[["Caller", int], Samples]


class Caller(threading.Thread):
    """Asks for the pictures of one seed after the other, without a pause, until it is told that it is enough."""

    def __init__(self, ask: Ask, target: str, wait_for_ready: bool) -> None:
        super().__init__(daemon=True)
        self._ask = ask
        self.target, self.wait_for_ready = target, wait_for_ready
        self.answers: list[tuple[int, Samples]] = []
        self.under_way = threading.Event()  # Some, but not all of the pictures of a stream have come.
        self.error: Exception | None = None
        self.enough = threading.Event()

    def run(self) -> None:
        try:
            for seed in itertools.cycle(SEEDS):
                self.answers.append((seed, self._ask(self, seed)))
                self.under_way.clear()
                if self.enough.is_set():
                    return
        except Exception as error:  # noqa: BLE001 (whatever it is, the test is to see it)
            self.error = error

    def options(self) -> dict[str, Any]:
        return {"wait_for_ready": self.wait_for_ready, "timeout": PATIENCE}

    def take(self, images: list[Image], event: object) -> None:
        if isinstance(event, Image):
            images.append(event)
            if len(images) == ITEMS // 2:
                self.under_way.set()


def unary(caller: Caller, seed: int) -> Samples:
    with Client(caller.target, **caller.options()) as client:
        return client.sample(MODEL, ITEMS, seed=seed, steps=STEPS)


def stream(caller: Caller, seed: int) -> Samples:
    images: list[Image] = []
    with (
        Client(caller.target, **caller.options()) as client,
        closing(client.stream_sample(MODEL, ITEMS, seed=seed, steps=STEPS, preview_interval=3)) as events,
    ):
        for event in events:
            caller.take(images, event)
    return Samples(sorted(images, key=lambda image: image.index))


def aio_unary(caller: Caller, seed: int) -> Samples:
    async def ask() -> Samples:
        async with aio.Client(caller.target, **caller.options()) as client:
            return await client.sample(MODEL, ITEMS, seed=seed, steps=STEPS)

    return asyncio.run(ask())


def aio_stream(caller: Caller, seed: int) -> Samples:
    async def ask() -> Samples:
        images: list[Image] = []
        async with aio.Client(caller.target, **caller.options()) as client:
            async for event in client.stream_sample(MODEL, ITEMS, seed=seed, steps=STEPS, preview_interval=3):
                caller.take(images, event)
        return Samples(sorted(images, key=lambda image: image.index))

    return asyncio.run(ask())


def disturb(servers: list[Server], number: signal.Signals) -> None:
    """The first server goes down amid streams and comes back; callers know both servers, or wait for this one."""
    first, second = servers
    with Client(second.address) as client:
        alone = {seed: client.sample(MODEL, ITEMS, seed=seed, steps=STEPS) for seed in SEEDS}
    both = f"ipv4:{first.address},{second.address}"
    callers = [
        Caller(ask, target, wait_for_ready)
        for ask in (unary, stream, aio_unary, aio_stream)
        for target, wait_for_ready in ((both, False), (first.address, True))
    ]
    for caller in callers:
        caller.start()
    streams = [caller for caller in callers if caller._ask in (stream, aio_stream)]
    for caller in streams:
        assert caller.under_way.wait(PATIENCE), caller.error
    answered = {caller: len(caller.answers) for caller in callers}
    first.go_down(number)
    assert any(caller.under_way.is_set() and len(caller.answers) == answered[caller] for caller in streams)
    first.start()
    first.wait_until_ready()
    for caller in callers:
        caller.enough.set()
    for caller in callers:
        caller.join(PATIENCE)
        assert caller.error is None, (caller._ask, caller.target, caller.error)
        assert not caller.is_alive()
        assert len(caller.answers) > answered[caller]
        for seed, samples in caller.answers:
            np.testing.assert_array_equal(samples.images, alone[seed].images)
            assert samples.recipes == alone[seed].recipes


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_call_is_lost_with_its_server(servers: list[Server], number: signal.Signals) -> None:
    disturb(servers, number)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_call_is_lost_over_many_restarts(servers: list[Server]) -> None:
    for round_ in range(20):
        disturb(servers[:: 1 if round_ % 2 else -1], (signal.SIGKILL, signal.SIGTERM)[round_ // 2 % 2])
