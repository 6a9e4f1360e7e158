"""A real server with models made by hand, in this process, and a real channel to it."""

import asyncio
import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import grpc
import pytest

from pixelzoo.v1 import (
    catalog_service_pb2_grpc,
    latent_service_pb2_grpc,
    sampling_service_pb2_grpc,
    scoring_service_pb2_grpc,
    translation_service_pb2_grpc,
)
from zoo_server.app import App
from zoo_server.config import ServerConfig
from zoo_server.repository.function import Function
from zoo_server.repository.repository import Repository


class LiveServer:
    """An App on an event loop of its own thread."""

    def __init__(self, config: ServerConfig, repository: Repository) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.app = self.run(self._make(config, repository))
        self.address = f"127.0.0.1:{self.run(self.app.start())}"

    async def _make(self, config: ServerConfig, repository: Repository) -> App:
        return App(config, repository)

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    @property
    def pending_items(self) -> int:
        return self.app.engine.pending_items

    def stop(self) -> None:
        self.run(self.app.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Call(NamedTuple):
    """One call of a SavedModel's function; a padded batch repeats its last seed, and some have none."""

    name: str
    seeds: list[int]


class Network:
    """Every call of the functions of all models, in order. It can hold one up, and with it the scheduler."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.held = threading.Event()
        self._release = threading.Event()
        self._holding: tuple[str, int | None, int] | None = None

    def hold(self, name: str, seed: int | None = None, calls: int = 1) -> None:
        """Hold up call number `calls` from now of the function `name`, in which an item has `seed` if one is given."""
        self.held.clear()
        self._release.clear()
        self._holding = name, seed, calls

    def release(self) -> None:
        self._release.set()

    def of(self, *seeds: int, name: str = "sample_advance", since: int = 0) -> list[Call]:
        """The calls of `name` with any of these seeds, from number `since` on."""
        return [
            call for call in self.calls[since:] if call.name == name and not {*seeds}.isdisjoint(call.seeds)
        ]

    def note(self, name: str, tensors) -> None:
        seeds = tensors["seed"].numpy().tolist() if "seed" in tensors else []
        self.calls.append(Call(name, seeds))
        if self._holding and self._holding[0] == name and self._holding[1] in (None, *seeds):
            _, seed, calls = self._holding
            self._holding = (name, seed, calls - 1) if calls > 1 else None
            if calls == 1:
                self.held.set()
                assert self._release.wait(60)


def stubs(channel: grpc.Channel) -> SimpleNamespace:
    return SimpleNamespace(
        channel=channel,
        catalog=catalog_service_pb2_grpc.CatalogServiceStub(channel),
        sampling=sampling_service_pb2_grpc.SamplingServiceStub(channel),
        translation=translation_service_pb2_grpc.TranslationServiceStub(channel),
        scoring=scoring_service_pb2_grpc.ScoringServiceStub(channel),
        latent=latent_service_pb2_grpc.LatentServiceStub(channel),
    )


def load_module(name: str) -> ModuleType:
    """A module of this folder, which others of it then find by its name."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", name="load_module")
def _load_module() -> Callable[[str], ModuleType]:
    return load_module


@pytest.fixture(scope="session")
def handmade() -> ModuleType:
    return load_module("handmade")


@pytest.fixture(scope="session")
def open_inference() -> Callable[[grpc.Channel], Any]:
    """Makes clients of the Open Inference Protocol."""
    return load_module("open_inference_by_hand").OpenInference


@pytest.fixture(scope="session")
def theirs(api: SimpleNamespace, open_inference: Callable[[grpc.Channel], Any]) -> Any:
    """One of them, on the channel of `api`."""
    return open_inference(api.channel)


@pytest.fixture(scope="session")
def families(handmade: ModuleType) -> ModuleType:
    return load_module("families")


@pytest.fixture(scope="session")
def models(handmade: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the models of `handmade`; read it only."""
    folder = tmp_path_factory.mktemp("models")
    handmade.write_all(folder)
    return folder


@pytest.fixture(scope="session")
def zoo(families: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The stubs of a server on a stand-in for each kind of family; `zoo.app` is the server itself."""
    folder = tmp_path_factory.mktemp("zoo")
    families.write_all(folder)
    live = LiveServer(ServerConfig(models=folder, port=0, grace_seconds=0.5), Repository.load(folder))
    with grpc.insecure_channel(live.address) as channel:
        api = stubs(channel)
        api.app = live.app
        yield api
    live.stop()


@pytest.fixture(scope="session")
def repository(models: Path) -> Repository:
    return Repository.load(models)


@pytest.fixture(scope="session")
def server(models: Path, repository: Repository) -> Iterator[LiveServer]:
    live = LiveServer(ServerConfig(models=models, port=0, grace_seconds=0.5), repository)
    yield live
    live.stop()


@pytest.fixture(scope="session")
def api(server: LiveServer) -> Iterator[SimpleNamespace]:
    """The stubs of every service, on one channel to the server."""
    with grpc.insecure_channel(server.address) as channel:
        yield stubs(channel)


@pytest.fixture
def start_server(request: pytest.FixtureRequest) -> Iterator[Callable[..., LiveServer]]:
    """Starts further servers, with other settings or models, and stops them after the test."""
    servers = []

    def start(repository: Repository | None = None, **settings) -> LiveServer:
        if repository is None:  # Only then are the models of `handmade` written and loaded.
            settings = {"models": request.getfixturevalue("models"), **settings}
            repository = request.getfixturevalue("repository")
        config = ServerConfig(port=0, **{"grace_seconds": 0.5, **settings})
        servers.append(LiveServer(config, repository))
        return servers[-1]

    yield start
    for live in servers:
        live.stop()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """What the servers of this process run from here on."""
    watching = Network()
    call = Function.__call__

    def watched(function: Function, tensors):
        watching.note(function.name, tensors)
        return call(function, tensors)

    monkeypatch.setattr(Function, "__call__", watched)
    yield watching
    watching.release()


@pytest.fixture(scope="session")
def connect() -> Callable[[str], SimpleNamespace]:
    """Stubs on a channel of their own."""
    return lambda address: stubs(grpc.insecure_channel(address))


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    def wait(condition: Callable[[], bool], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.002)

    return wait


@pytest.fixture(scope="module")
def by_hand(load_module):
    """The module that makes certificates."""
    return load_module("certificates_by_hand")


@pytest.fixture(scope="module")
def ours(by_hand):
    """An authority that the module's servers and clients trust."""
    return by_hand.authority()
