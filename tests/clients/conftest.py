"""Servers on the bundled models, for the clients of other languages, and what the clients are told of them."""

import importlib.util
import os
import re
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

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
    """A running server that has TLS, and answers those alone who send the token, or show the certificate."""

    address: str
    authority: Path
    token: str = ""
    client_certificate: Path | None = None
    client_key: Path | None = None


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
def tours() -> ModuleType:
    """Takes the tours of the clients."""
    return load_module("tours", Path(__file__).parent)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server on all bundled models."""
    port = free_port()
    with started(metrics_port=port) as address:
        yield Server(address, f"http://127.0.0.1:{port}/metrics")


@dataclass(frozen=True)
class Secrets:
    """What servers with TLS have: certificates by one authority, and a folder of one of the bundled models."""

    models: Path
    authority: Path
    certificate: Path
    key: Path
    client_certificate: Path
    client_key: Path

    def serve(self, **settings: object) -> AbstractContextManager[str]:
        return started(self.models, tls_certificate=self.certificate, tls_key=self.key, **settings)


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    by_hand = load_module("certificates_by_hand", REPOSITORY / "tests/server")
    folder = tmp_path_factory.mktemp("secure")
    shutil.copytree(REPOSITORY / "saved_models/vae_fashion_mnist", folder / "models/vae_fashion_mnist")
    ours = by_hand.authority()
    (folder / "authority.pem").write_bytes(ours.certificate_pem)
    (folder / "client").mkdir()
    return Secrets(
        folder / "models",
        folder / "authority.pem",
        *by_hand.vouched_by(ours, "localhost", "127.0.0.1").write(folder),
        *by_hand.vouched_by(ours).write(folder / "client"),
    )


@pytest.fixture(scope="session")
def secure_server(secrets: Secrets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureServer]:
    """A server on vae_fashion_mnist that wants a token."""
    token = new_token()
    tokens = tmp_path_factory.mktemp("tokens") / "tokens.toml"
    tokens.write_text(line_for("tests", token))
    with secrets.serve(token_file=tokens) as address:
        yield SecureServer(by_name(address), secrets.authority, token)


@pytest.fixture(scope="session")
def mutual_server(secrets: Secrets) -> Iterator[SecureServer]:
    """A server on vae_fashion_mnist that wants clients to have a certificate."""
    with secrets.serve(tls_client_ca=secrets.authority) as address:
        yield SecureServer(
            by_name(address),
            secrets.authority,
            client_certificate=secrets.client_certificate,
            client_key=secrets.client_key,
        )


def by_name(address: str) -> str:
    """With the name that the certificate has as well; not every gRPC compares addresses."""
    return address.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="session")
def environment(server: Server, secure_server: SecureServer, mutual_server: SecureServer) -> dict[str, str]:
    """The environment in which the clients' own tests run."""
    return {
        **os.environ,
        "PIXELZOO_SERVER": server.address,
        "PIXELZOO_METRICS": server.metrics,
        "PIXELZOO_TLS_SERVER": secure_server.address,
        "PIXELZOO_CA_FILE": str(secure_server.authority),
        "PIXELZOO_TOKEN": secure_server.token,
        "PIXELZOO_MTLS_SERVER": mutual_server.address,
        "PIXELZOO_MTLS_CERTIFICATE": str(mutual_server.client_certificate),
        "PIXELZOO_MTLS_KEY": str(mutual_server.client_key),
    }
