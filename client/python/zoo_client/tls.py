"""TLS from files: whom a client trusts, and by what it is known itself.

from zoo_client import Client, tls

Client("zoo.example:50051", credentials=tls.credentials("ca.pem"))
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_client.errors import InvalidSetting

if TYPE_CHECKING:
    import grpc

SYSTEM = "system"

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
"""What a certificate is called in a folder that OpenSSL looks into."""

_PEM = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def credentials(
    ca: str | Path = SYSTEM,
    client_certificate: str | Path | None = None,
    client_key: str | Path | None = None,
) -> grpc.ChannelCredentials:
    """What `Client` takes as its `credentials`, for a connection that is encrypted.

    Args:
        ca: a PEM file of the authorities that may vouch for the server; or "system": those that OpenSSL trusts on this
            machine, as Python's `ssl` does. The environment's SSL_CERT_FILE (a PEM file) and SSL_CERT_DIR name others.
            Where there are none at all, gRPC's own list counts.
        client_certificate, client_key: PEM files of the client's own certificate, with the chain behind it, and of its
            key, without a password, for servers that ask for one.

    Raises InvalidSetting for a file that cannot be used, for a certificate without its key, and for "system" where
    those variables name no certificate.
    """
    authorities = system_authorities() if ca == SYSTEM else _authorities(ca)
    pair = _pair(client_certificate, client_key)
    import grpc

    return grpc.ssl_channel_credentials(authorities, *pair)


def system_authorities() -> bytes | None:
    """Certificates of all whom this system trusts, as PEM; None if it has no list.

    Raises InvalidSetting if SSL_CERT_FILE or SSL_CERT_DIR is set, and no certificate is in what is named.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()  # Windows has them in no file.
    listed = map(ssl.DER_cert_to_PEM_cert, context.get_ca_certs(binary_form=True))
    # That list leaves out certificates that are no authority's, which OpenSSL trusts as well.
    paths = ssl.get_default_verify_paths()
    file, folders = paths.openssl_cafile_env, paths.openssl_capath_env
    held = {
        file: _certificates_in([Path(os.environ.get(file, paths.openssl_cafile))]),
        folders: _certificates_in(_hashed(os.environ.get(folders, paths.openssl_capath))),
    }
    named = [name for name in held if os.environ.get(name)]
    if named and not any(held[name] for name in named):
        values = ", ".join(f"{name}={os.environ[name]}" for name in named)
        raise InvalidSetting(
            "ca",
            f"{SYSTEM}: {values}: no certificate can be read there: name PEM files of some, or leave it unset",
        )
    return "".join(dict.fromkeys([*listed, *held[file], *held[folders]])).encode() or None


def _hashed(folders: str) -> Iterator[Path]:
    """The files that OpenSSL may look into. It opens only the one that it needs, and does not list the folder."""
    for folder in filter(None, folders.split(os.pathsep)):
        with suppress(OSError):  # OpenSSL does not mind a folder that is not there, or not for it.
            for path in sorted(Path(folder).iterdir()):
                if _HASHED.fullmatch(path.name):
                    yield path


def _certificates_in(paths: Iterable[Path]) -> list[str]:
    """The certificates of all files, without those files that cannot be used, as OpenSSL does."""
    found: list[str] = []
    for path in paths:
        with suppress(OSError, ValueError):
            found += _certificates(path.read_bytes())
    return found


def _certificates(pem: bytes) -> list[str]:
    """The certificates in the text of a PEM file, and nothing of what else is in it; gRPC stumbles over some of that.

    Raises ValueError, which says what is wrong with the file, if there is none, and for one that cannot be read.
    """
    import ssl

    texts = _PEM.findall(pem.decode("ascii", "ignore"))
    if not texts:
        raise ValueError("has no PEM certificate")
    try:
        found = [ssl.PEM_cert_to_DER_cert(text) for text in texts]
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=b"".join(found))
    except (ssl.SSLError, ValueError):
        raise ValueError("has a certificate that cannot be read") from None
    return [ssl.DER_cert_to_PEM_cert(der) for der in found]


def _authorities(path: str | Path) -> bytes:
    pem = _read("ca", path, "a PEM file of certificates, or say system")
    try:
        return "".join(_certificates(pem)).encode()
    except ValueError as wrong:  # gRPC would only say later that it cannot connect.
        raise InvalidSetting(
            "ca", f"{path}: {wrong}: name a PEM file of certificates, or say system"
        ) from None


def check_both(
    certificate: object,
    key: object,
    names: tuple[str, str] = ("client_certificate", "client_key"),
) -> None:
    """Raises InvalidSetting, by these names of the two, for one that is given without the other."""
    if key is None and certificate is not None:
        raise InvalidSetting(names[0], f"{certificate}: has no key beside it: set {names[1]} too")
    if certificate is None and key is not None:
        raise InvalidSetting(names[1], f"{key}: has no certificate beside it: set {names[0]} too")


def _pair(certificate: str | Path | None, key: str | Path | None) -> tuple[bytes | None, bytes | None]:
    """The key and the certificate, in gRPC's order."""
    check_both(certificate, key)
    if certificate is None or key is None:
        return None, None
    chain = _read("client_certificate", certificate, "the PEM file of the client's certificate")
    private = _read("client_key", key, "the PEM file of the certificate's key")
    _check_pair(certificate, key)
    return private, chain


def _check_pair(certificate: str | Path, key: str | Path) -> None:
    import ssl

    def no_password() -> str:  # Otherwise OpenSSL would ask for one at the terminal.
        return ""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(certificate)
    except (OSError, ssl.SSLError):
        raise InvalidSetting(
            "client_certificate",
            f"{certificate}: has no certificate that can be read: name a PEM file of the client's certificate",
        ) from None
    try:
        context.load_cert_chain(certificate, key, no_password)
    except ssl.SSLError as error:
        why = (
            "is not the key of the certificate"
            if error.reason == "KEY_VALUES_MISMATCH"
            else "cannot be read as a key"
        )
        rule = f"{key}: {why}: name the PEM file of its key, without a password"
        raise InvalidSetting("client_key", rule) from None


def _read(setting: str, path: str | Path, what: str) -> bytes:
    if path == "" or not isinstance(path, str | os.PathLike):
        raise InvalidSetting(setting, f"must be a path, and is {path!r}: name {what}")
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidSetting(setting, f"{path}: {error.strerror}: name {what}") from None
    except ValueError:  # A path with a zero byte.
        raise InvalidSetting(setting, f"{str(path)!r}: is no path: name {what}") from None
