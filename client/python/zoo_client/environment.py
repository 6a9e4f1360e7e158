"""What the environment says about the server to call. The commands and `Client.from_env` read the same variables.

PIXELZOO_TARGET: the address, as `Client` takes it; localhost:50051 if it is not set.
PIXELZOO_TLS_CA: a PEM file of the authorities that may vouch for the server; or the word `system`, for all whom this
    system trusts: those of OpenSSL, which SSL_CERT_FILE and SSL_CERT_DIR change. If set, the connection is encrypted.
PIXELZOO_TLS_SERVER_NAME: the name in the server's certificate, where the address is another.
PIXELZOO_TLS_CLIENT_CERTIFICATE: a PEM file of the client's own certificate, for servers that ask for one.
PIXELZOO_TLS_CLIENT_KEY: the PEM file of its key, without a password.
PIXELZOO_TOKEN: the token to send. It is no flag of the commands, because other users can see those.

A variable that is empty counts as not set. Those of TLS need PIXELZOO_TLS_CA.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zoo_client import addresses, tls
from zoo_client.arguments import host_name, sendable_token
from zoo_client.errors import InvalidSetting

if TYPE_CHECKING:
    import grpc

TARGET = "PIXELZOO_TARGET"
TLS_CA = "PIXELZOO_TLS_CA"
TLS_SERVER_NAME = "PIXELZOO_TLS_SERVER_NAME"
TLS_CLIENT_CERTIFICATE = "PIXELZOO_TLS_CLIENT_CERTIFICATE"
TLS_CLIENT_KEY = "PIXELZOO_TLS_CLIENT_KEY"
TOKEN = "PIXELZOO_TOKEN"

DEFAULT_TARGET = "localhost:50051"

_BY_ARGUMENT = {  # Of `tls.credentials`.
    "ca": TLS_CA,
    "client_certificate": TLS_CLIENT_CERTIFICATE,
    "client_key": TLS_CLIENT_KEY,
}


def target() -> str:
    """The address to call if none is named; raises InvalidSetting for what is no address."""
    value = os.environ.get(TARGET) or DEFAULT_TARGET
    try:
        addresses.resolved(value)
    except InvalidSetting as wrong:
        raise InvalidSetting(TARGET, wrong.rule) from None
    return value


def token() -> str | None:
    """The token to send, if any; raises InvalidSetting for one that cannot be sent."""
    value = os.environ.get(TOKEN) or None
    return None if value is None else sendable_token(value, TOKEN, refuse=InvalidSetting)


def server_name() -> str | None:
    """The name that the server's certificate must have, if it is not that of the address."""
    value = _of_tls(TLS_SERVER_NAME)
    return None if value is None else host_name(value, TLS_SERVER_NAME, refuse=InvalidSetting)


def credentials() -> grpc.ChannelCredentials | None:
    """TLS as the variables say; None, in the clear, without PIXELZOO_TLS_CA.

    Raises InvalidSetting, which names the variable, for one that cannot be used.
    """
    certificate, key = _of_tls(TLS_CLIENT_CERTIFICATE), _of_tls(TLS_CLIENT_KEY)
    ca = os.environ.get(TLS_CA)
    if not ca:
        return None
    tls.check_both(certificate, key, (TLS_CLIENT_CERTIFICATE, TLS_CLIENT_KEY))
    try:
        return tls.credentials(ca, certificate, key)
    except InvalidSetting as wrong:
        raise InvalidSetting(_BY_ARGUMENT[wrong.setting], wrong.rule) from None


def _of_tls(name: str) -> str | None:
    """A variable's value, if it has one; raises InvalidSetting if nothing would be encrypted."""
    value = os.environ.get(name) or None
    if value is not None and not os.environ.get(TLS_CA):
        raise InvalidSetting(
            name, f"{value}: nothing is encrypted without {TLS_CA}: set that too, to system or a PEM file"
        )
    return value
