"""TLS: the server's certificate and key, and whom it asks for certificates; read anew when the files change."""

import logging
import threading
from datetime import UTC, datetime
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from zoo_server.config import ServerConfig
from zoo_server.watched_files import WatchedFiles

_log = logging.getLogger(__name__)


class Certificates:
    """The files by which a server proves who it is and, with `client_ca`, by which it knows its clients.

    All are PEM: the certificate with the chain behind it, its key without a password, and the certificates of the
    authorities whose clients may connect. Raises ValueError, which names the file, for one that cannot be used.
    """

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None = None) -> None:
        self._certificate, self._key, self._client_ca = certificate, key, client_ca
        # Before they are read: what changes while they are read is read again.
        self._files = WatchedFiles([path for path in (certificate, key, client_ca) if path is not None])
        self._lock = threading.Lock()
        self._current = self._read()

    def credentials(self) -> grpc.ServerCredentials:
        """What `add_secure_port` takes. Each new connection is met with the files as they are then."""
        return grpc.dynamic_ssl_server_credentials(
            self._current,
            self._fetch,  # type: ignore[arg-type]  # None for "no change" is documented
            require_client_authentication=self._client_ca is not None,
        )

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """For gRPC, which asks in a thread of its own before every handshake; None stands for no change.

        While one file is there anew and the other is not, they do not match: then the old ones go on serving.
        """
        with self._lock:
            if not self._files.changed():
                return None
            try:
                self._current = self._read()
            except ValueError as error:
                _log.error("TLS goes on with the certificate that it had: %s", error)
                return None
        _log.info("TLS serves the new certificate in %s", self._certificate)
        return self._current

    def _read(self) -> grpc.ServerCertificateConfiguration:
        chain, key = _bytes(self._certificate), _bytes(self._key)
        leaf = _certificates(self._certificate, chain)[0]
        if _private_key(self._key, key).public_key() != leaf.public_key():
            raise ValueError(f"the key in {self._key} is not that of the certificate in {self._certificate}")
        _warn_of_dates(self._certificate, leaf)
        roots = None
        if self._client_ca is not None:
            roots = _bytes(self._client_ca)
            _certificates(self._client_ca, roots)
        return grpc.ssl_server_certificate_configuration([(key, chain)], roots)


def certificates_of(config: ServerConfig) -> Certificates | None:
    """Those that the settings name; None for a server without TLS. Raises ValueError."""
    if config.tls_certificate is None or config.tls_key is None:
        return None
    return Certificates(config.tls_certificate, config.tls_key, config.tls_client_ca)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def _certificates(path: Path, pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ValueError(f"{path} holds no certificate in PEM form: {error}") from error


def _private_key(path: Path, pem: bytes) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise ValueError(f"the key in {path} has a password: write it without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{path} holds no private key in PEM form") from error


def _warn_of_dates(path: Path, leaf: x509.Certificate) -> None:
    now = datetime.now(UTC)
    if leaf.not_valid_after_utc < now:
        _log.warning("the certificate in %s expired on %s: clients refuse it", path, leaf.not_valid_after_utc)
    if leaf.not_valid_before_utc > now:
        _log.warning("the certificate in %s is valid only from %s on", path, leaf.not_valid_before_utc)
