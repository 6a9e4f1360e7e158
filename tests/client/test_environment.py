"""What the environment says about the server, for the clients and for the commands alike."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import pytest

from pixelzoo.v1 import catalog_service_pb2, catalog_service_pb2_grpc
from zoo_client import Client, aio, environment, errors, tls

NAMES = (
    environment.TARGET,
    environment.TLS_CA,
    environment.TLS_SERVER_NAME,
    environment.TLS_CLIENT_CERTIFICATE,
    environment.TLS_CLIENT_KEY,
    environment.TOKEN,
)


class Catalog(catalog_service_pb2_grpc.CatalogServiceServicer):
    """Has no model, and notes the tokens of those who ask."""

    def __init__(self) -> None:
        self.authorizations: list[str | bytes | None] = []

    def ListModels(self, request, context):
        self.authorizations.append(dict(context.invocation_metadata()).get("authorization"))
        return catalog_service_pb2.ListModelsResponse()


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def named(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificates: ModuleType
) -> Iterator[str]:
    """The environment names a server whose certificate has another name than its address; gives its other one."""
    authority = certificates.authority()
    (tmp_path / "ca.pem").write_bytes(authority.certificate_pem)
    with serving(catalog, certificates.vouched_by(authority, "zoo.example")) as (address, other):
        values = (address, str(tmp_path / "ca.pem"), "zoo.example", "", "", "pxz_secret")
        for name, value in zip(NAMES, values, strict=True):
            monkeypatch.setenv(name, value)
        yield other


@contextmanager
def serving(catalog: Catalog, pair: Any) -> Iterator[tuple[str, str]]:
    """Two addresses of a server with this certificate."""
    credentials = grpc.ssl_server_credentials([(pair.key_pem(), pair.certificate_pem)])
    server = grpc.server(ThreadPoolExecutor(2))
    catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(catalog, server)
    port, other = (server.add_secure_port("127.0.0.1:0", credentials) for _ in range(2))
    server.start()
    yield f"127.0.0.1:{port}", f"127.0.0.1:{other}"
    server.stop(None)


def test_both_clients_and_the_commands_reach_the_server_that_it_names(named: str, catalog: Catalog) -> None:
    with Client.from_env(timeout=60) as client:
        assert client.models() == []

    async def from_a_loop() -> None:
        async with aio.Client.from_env(timeout=60) as client:
            assert await client.models() == []

    asyncio.run(from_a_loop())
    done = subprocess.run([sys.executable, "-m", "zoo_client", "models"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert catalog.authorizations == ["Bearer pxz_secret"] * 3


def test_the_name_in_the_certificate_counts(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.TLS_SERVER_NAME, "other.example")
    with Client.from_env() as client, pytest.raises(errors.ServerUnreachable):
        client.models()


def test_several_servers_have_one_name(named: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    both = f"{environment.target()},{named}"
    with Client.from_env(both, timeout=60) as client:
        for _ in range(4):
            client.models()
    assert catalog.authorizations == ["Bearer pxz_secret"] * 4
    monkeypatch.delenv(environment.TLS_SERVER_NAME)
    with pytest.raises(errors.InvalidSetting, match=r"server_name: with TLS, .* PIXELZOO_TLS_SERVER_NAME"):
        Client.from_env(both)


def test_what_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")
    assert (environment.target(), environment.credentials()) == ("localhost:50051", None)
    assert (environment.token(), environment.server_name()) == (None, None)


def test_all_whom_the_system_trusts(named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = os.environ[environment.TLS_CA]
    monkeypatch.setenv(environment.TLS_CA, "system")
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    with Client.from_env() as client, pytest.raises(errors.ServerUnreachable):
        client.models()
    monkeypatch.setenv("SSL_CERT_FILE", file)
    with Client.from_env(timeout=60) as client:
        assert client.models() == []
    assert tls.system_authorities().count(b"BEGIN CERTIFICATE") >= 1

    folder = tmp_path / "hashed"
    folder.mkdir()
    (folder / "0123abcd.0").write_bytes(Path(file).read_bytes())
    (folder / "89abcdef.0").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    with Client.from_env(timeout=60) as client:
        assert client.models() == []
    assert tls.system_authorities().count(b"BEGIN CERTIFICATE") == 1

    for others in (["nowhere"], [file, ""]):  # A file is no folder that can be listed.
        monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join([*others, str(folder)]))
        with Client.from_env(timeout=60) as client:
            assert client.models() == []


def test_the_system_may_trust_a_certificate_that_is_no_authoritys(
    named: str, catalog: Catalog, certificates: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = certificates.self_signed("zoo.example")
    (tmp_path / "own.pem").write_bytes(own.certificate_pem)
    monkeypatch.setenv(environment.TLS_CA, "system")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", "")
    with serving(catalog, own) as (address, _), Client.from_env(address, timeout=60) as client:
        assert client.models() == []


def test_variables_of_the_system_that_name_no_certificate_are_named(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment.TLS_CA, "system")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with pytest.raises(
        errors.InvalidSetting, match=r"PIXELZOO_TLS_CA: system: SSL_CERT_FILE=.*/nowhere.pem:"
    ):
        Client.from_env()
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}{os.pathsep}/nowhere")
    with pytest.raises(
        errors.InvalidSetting, match=r"ca: system: SSL_CERT_FILE=.*, SSL_CERT_DIR=.*:/nowhere:"
    ):
        tls.credentials()


def test_what_else_is_in_the_file_of_the_authority_does_not_matter(named: str) -> None:
    file = Path(os.environ[environment.TLS_CA])
    windows = b"".join((b"\xef\xbb\xbf", file.read_bytes().replace(b"\n", b"\r\n"), b"Z\xfcrich\r\n"))
    file.write_bytes(windows)
    with Client.from_env(timeout=60) as client:
        assert client.models() == []


@pytest.mark.parametrize(
    "name", [environment.TLS_SERVER_NAME, environment.TLS_CLIENT_CERTIFICATE, environment.TLS_CLIENT_KEY]
)
@pytest.mark.parametrize("kind", [Client, aio.Client])
def test_what_tls_alone_has_needs_an_authority(
    kind: type[Client], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in NAMES:
        monkeypatch.setenv(other, "")
    monkeypatch.setenv(name, "something")
    with pytest.raises(errors.InvalidSetting) as caught:
        kind.from_env()
    assert str(caught.value) == (
        f"{name}: something: nothing is encrypted without PIXELZOO_TLS_CA: set that too, to system or a PEM file"
    )
    assert (caught.value.code, caught.value.reason) == ("INVALID_ARGUMENT", "INVALID_SETTING")


def test_an_address_that_is_given_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.TARGET, "one.example:1")
    monkeypatch.delenv(environment.TOKEN, raising=False)
    with Client.from_env() as named, Client.from_env("other.example:2") as given:
        assert (named.target, given.target) == ("one.example:1", "other.example:2")


@pytest.mark.parametrize("kind", [Client, aio.Client])
def test_a_token_from_it_stays_on_the_machine_without_tls(kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.TOKEN, "pxz_secret")
    monkeypatch.delenv(environment.TLS_CA, raising=False)
    with pytest.raises(errors.InsecureToken, match="PIXELZOO_TLS_CA"):
        kind.from_env("zoo.example:50051")


@pytest.mark.parametrize("kind", [Client, aio.Client])
def test_a_token_that_cannot_be_sent_is_that_of_the_variable(kind, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")
    monkeypatch.setenv(environment.TOKEN, "pxz_secret\n")
    with pytest.raises(
        errors.InvalidSetting, match="PIXELZOO_TOKEN: has characters that no token has"
    ) as caught:
        kind.from_env()
    assert "secret" not in str(caught.value)
    with pytest.raises(errors.InvalidSetting, match=r"^token: has characters"):
        kind("localhost:1", token="pxz_secret\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file or directory: name a PEM"),
        ("no", "has no PEM certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n",
            "has a certificate that cannot be read",
        ),
    ],
)
def test_a_file_without_certificates_is_named(
    text: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv(environment.TLS_CA, str(path))
    with pytest.raises(errors.InvalidSetting, match=f"PIXELZOO_TLS_CA: .*ca.pem.* {says}"):
        Client.from_env()
    done = subprocess.run([sys.executable, "-m", "zoo_client", "models"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("pixelzoo: PIXELZOO_TLS_CA: ")
    assert says in done.stderr


def test_every_variable_is_documented_once() -> None:
    for name in NAMES:
        assert environment.__doc__.count(f"{name}:") == 1
