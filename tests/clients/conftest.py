"""Servers on the bundled models, for the clients of other languages, and what the clients are told of them."""

import importlib.util
import os
import re
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zoo_client.local import local_server
from zoo_server.tokens import line_for, new_token

REPOSITORY = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder needs other languages' compilers and packages: `make test-clients` brings them."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("clients")


@dataclass(frozen=True)
class Server:
    """A running server, and the page of its metrics."""

    address: str
    metrics: str

    def pending_items(self) -> float:
        """Items that wait or are in the making, of all models."""
        return sum(
            map(float, re.findall(r"^pixelzoo_pending_items\{.*\} (\S+)$", self._page(), re.MULTILINE))
        )

    def calls(self) -> dict[str, float]:
        """How many calls have succeeded, by "service/method"."""
        pattern = r'^pixelzoo_calls_total\{code="OK",method="([^"]+)",reason=""\} (\S+)$'
        return {name: float(count) for name, count in re.findall(pattern, self._page(), re.MULTILINE)}

    def wait_for_calls(self, names: set[str], before: dict[str, float], seconds: float = 30.0) -> None:
        """Wait until each of these has succeeded since `before`; a call is counted shortly after its answer."""
        deadline = time.monotonic() + seconds
        while missing := {name for name in names if self.calls().get(name, 0) <= before.get(name, 0)}:
            assert time.monotonic() < deadline, f"nobody has called {', '.join(sorted(missing))}"
            time.sleep(0.05)

    def _page(self) -> str:
        with urllib.request.urlopen(self.metrics, timeout=30) as page:
            return page.read().decode()

    def wait_until_idle(self, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while self.pending_items():
            assert time.monotonic() < deadline, f"{self.pending_items()} items are still in the making"
            time.sleep(0.05)


@dataclass(frozen=True)
class SecureServer:
    """A running server that has TLS, and answers those alone who send the token."""

    address: str
    authority: Path
    token: str


@dataclass(frozen=True)
class MutualServer:
    """A running server that has TLS, and answers those alone who have a certificate of the same authority."""

    address: str
    certificate: Path
    key: Path


def load_module(name: str, folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def started(models: Path | None = None, **settings: object) -> Iterator[str]:
    """The address of a server with these settings, which no other process inherits."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as variables:
            for name, value in settings.items():
                variables.setenv(f"PIXELZOO_{name.upper()}", str(value))
            address = stack.enter_context(local_server(models))
        yield address


@pytest.fixture(scope="session", name="load_module")
def _load_module() -> Callable[[str, Path], ModuleType]:
    return load_module


@pytest.fixture(scope="session")
def golden() -> ModuleType:
    """The golden requests, by the Python client's parts."""
    return load_module("golden", Path(__file__).parent)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server on all bundled models."""
    port = free_port()
    with started(metrics_port=port) as address:
        yield Server(address, f"http://127.0.0.1:{port}/metrics")


@dataclass(frozen=True)
class Authority:
    """Who vouches for the servers that have TLS, and for their clients; its certificate is in `file`."""

    by_hand: ModuleType
    pair: Any
    file: Path

    def vouch_for(self, folder: Path, *names: str) -> tuple[Path, Path]:
        """A certificate for these names and its key, as PEM files in a new folder."""
        folder.mkdir()
        return self.by_hand.vouched_by(self.pair, *names).write(folder)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    by_hand = load_module("certificates_by_hand", REPOSITORY / "tests/server")
    pair = by_hand.authority()
    file = tmp_path_factory.mktemp("authority") / "authority.pem"
    file.write_bytes(pair.certificate_pem)
    return Authority(by_hand, pair, file)


@pytest.fixture(scope="session")
def one_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of the bundled models, vae_fashion_mnist."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(REPOSITORY / "saved_models/vae_fashion_mnist", folder / "vae_fashion_mnist")
    return folder


@pytest.fixture(scope="session")
def secure_server(
    authority: Authority, one_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecureServer]:
    """A server on one model."""
    folder = tmp_path_factory.mktemp("secure")
    certificate, key = authority.vouch_for(folder / "server", "localhost", "127.0.0.1")
    token = new_token()
    tokens = folder / "tokens.toml"
    tokens.write_text(line_for("tests", token))
    with started(one_model, tls_certificate=certificate, tls_key=key, token_file=tokens) as address:
        # The name that the certificate has as well; not every gRPC compares addresses.
        yield SecureServer(address.replace("127.0.0.1", "localhost"), authority.file, token)


@pytest.fixture(scope="session")
def mutual_server(
    authority: Authority, one_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MutualServer]:
    """A server on the same model, and the certificate that lets a client in."""
    folder = tmp_path_factory.mktemp("mutual")
    certificate, key = authority.vouch_for(folder / "server", "localhost", "127.0.0.1")
    ours = authority.vouch_for(folder / "client")
    with started(
        one_model, tls_certificate=certificate, tls_key=key, tls_client_ca=authority.file
    ) as address:
        yield MutualServer(address.replace("127.0.0.1", "localhost"), *ours)


@pytest.fixture(scope="session")
def environment(server: Server, secure_server: SecureServer, mutual_server: MutualServer) -> dict[str, str]:
    """The environment in which the clients' own tests run."""
    return {
        **os.environ,
        "PIXELZOO_SERVER": server.address,
        "PIXELZOO_METRICS": server.metrics,
        "PIXELZOO_TLS_SERVER": secure_server.address,
        "PIXELZOO_CA_FILE": str(secure_server.authority),
        "PIXELZOO_TOKEN": secure_server.token,
        "PIXELZOO_MTLS_SERVER": mutual_server.address,
        "PIXELZOO_MTLS_CERTIFICATE": str(mutual_server.certificate),
        "PIXELZOO_MTLS_KEY": str(mutual_server.key),
    }
