"""A real server that wants its clients to have a certificate, and the files by which they do."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zoo_client import Client, aio, environment, errors, tls
from zoo_client.local import local_server


@dataclass(frozen=True)
class Mutual:
    """The server's address, and PEM files: its authority, which is its clients' too, and a pair of theirs."""

    address: str
    ca: Path
    certificate: Path
    key: Path


@pytest.fixture(scope="module")
def mutual(certificates: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mutual]:
    folder = tmp_path_factory.mktemp("mutual")
    for name in ("models", "server", "client"):
        (folder / name).mkdir()
    ours = certificates.authority()
    ca = folder / "ca.pem"
    ca.write_bytes(ours.certificate_pem)
    certificate, key = certificates.vouched_by(ours, "localhost", "127.0.0.1").write(folder / "server")
    settings = {"TLS_CERTIFICATE": certificate, "TLS_KEY": key, "TLS_CLIENT_CA": ca}
    with pytest.MonkeyPatch.context() as variables:
        for name, value in settings.items():
            variables.setenv(f"PIXELZOO_{name}", str(value))
        with local_server(folder / "models") as address:
            yield Mutual(address, ca, *certificates.vouched_by(ours).write(folder / "client"))


@pytest.fixture
def named(mutual: Mutual, monkeypatch: pytest.MonkeyPatch) -> Mutual:
    """The environment names the server, and all that it takes to call it."""
    for name, value in (
        (environment.TARGET, mutual.address),
        (environment.TLS_CA, mutual.ca),
        (environment.TLS_SERVER_NAME, ""),
        (environment.TLS_CLIENT_CERTIFICATE, mutual.certificate),
        (environment.TLS_CLIENT_KEY, mutual.key),
        (environment.TOKEN, ""),
    ):
        monkeypatch.setenv(name, str(value))
    return mutual


def test_a_client_with_a_certificate_is_answered(named: Mutual) -> None:
    with Client.from_env(timeout=60) as client:
        assert client.models() == []
    credentials = tls.credentials(named.ca, named.certificate, named.key)
    with Client(named.address, credentials=credentials, timeout=60) as client:
        assert client.models() == []

    async def from_a_loop() -> None:
        async with aio.Client.from_env(timeout=60) as client:
            assert await client.models() == []

    asyncio.run(from_a_loop())
    done = subprocess.run([sys.executable, "-m", "zoo_client", "models"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_others_are_not(named: Mutual, certificates: ModuleType, tmp_path: Path) -> None:
    stranger = certificates.vouched_by(certificates.authority("a stranger")).write(tmp_path)
    for credentials in (tls.credentials(named.ca), tls.credentials(named.ca, *stranger)):
        with (
            Client(named.address, credentials=credentials) as client,
            pytest.raises(errors.ServerUnreachable),
        ):
            client.models()


@pytest.mark.parametrize("kind", [Client, aio.Client])
def test_what_is_wrong_with_a_pair_is_said(
    kind: Any, named: Mutual, certificates: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = certificates.vouched_by(certificates.authority())
    files = {
        "other": other.key_pem(),
        "locked": other.key_pem(b"a password"),
        "text": b"no PEM",
        "broken": named.certificate.read_bytes()[:200],
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    certificate, key = environment.TLS_CLIENT_CERTIFICATE, environment.TLS_CLIENT_KEY
    for name, file, says in (
        (certificate, "", f"{key}: {named.key}: has no certificate beside it: set {certificate} too"),
        (key, "", f"{certificate}: {named.certificate}: has no key beside it: set {key} too"),
        (certificate, "nowhere", f"{certificate}: {tmp_path}/nowhere: No such file or directory: name "),
        (key, "nowhere", f"{key}: {tmp_path}/nowhere: No such file or directory: name "),
        (certificate, "text", f"{certificate}: {tmp_path}/text: has no certificate that can be read: name "),
        (certificate, "broken", f"{certificate}: {tmp_path}/broken: has no certificate that can be read: "),
        (key, "text", f"{key}: {tmp_path}/text: cannot be read as a key: name "),
        (key, "locked", f"{key}: {tmp_path}/locked: cannot be read as a key: name "),
        (key, "other", f"{key}: {tmp_path}/other: is not the key of the certificate: name "),
    ):
        with monkeypatch.context() as variables:
            variables.setenv(name, file and str(tmp_path / file))
            with pytest.raises(errors.InvalidSetting) as caught:
                kind.from_env()
        assert str(caught.value).startswith(says)
        assert (caught.value.code, caught.value.reason) == ("INVALID_ARGUMENT", "INVALID_SETTING")


def test_in_code_the_arguments_are_named(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for arguments, name in (
        ({"ca": nowhere}, "ca"),
        ({"ca": f"{nowhere}\0"}, "ca"),
        ({"client_certificate": nowhere}, "client_certificate"),
        ({"client_key": nowhere}, "client_key"),
        ({"ca": None}, "ca"),
        ({"ca": 3}, "ca"),
        ({"ca": ""}, "ca"),
        ({"client_certificate": 3, "client_key": 4}, "client_certificate"),
        ({"client_certificate": "", "client_key": ""}, "client_certificate"),
    ):
        with pytest.raises(errors.InvalidSetting) as caught:
            tls.credentials(**arguments)
        assert caught.value.setting == name


def test_a_file_called_system_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.InvalidSetting, match=r"ca: \./system: No such file"):
        tls.credentials("./system")
