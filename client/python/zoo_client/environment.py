"""What the environment says about the server to call. The commands and `Client.from_env` read the same variables.

PIXELZOO_TARGET: the address, as `Client` takes it; localhost:50051 if it is not set.
PIXELZOO_TLS_CA: a PEM file of the authorities that may vouch for the server. The connection is encrypted if it is set.
PIXELZOO_TLS_SERVER_NAME: the name in the server's certificate, where the address is another.
PIXELZOO_TOKEN: the token to send. It is no flag of the commands, because other users can see those.

A variable that is empty counts as not set.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_client.errors import InvalidSetting

if TYPE_CHECKING:
    import grpc

TARGET = "PIXELZOO_TARGET"
TLS_CA = "PIXELZOO_TLS_CA"
TLS_SERVER_NAME = "PIXELZOO_TLS_SERVER_NAME"
TOKEN = "PIXELZOO_TOKEN"

DEFAULT_TARGET = "localhost:50051"


def target() -> str:
    """The address to call if none is named."""
    return os.environ.get(TARGET) or DEFAULT_TARGET


def token() -> str | None:
    """The token to send, if any."""
    return os.environ.get(TOKEN) or None


def server_name() -> str | None:
    """The name that the server's certificate must have, if it is not that of the address."""
    return os.environ.get(TLS_SERVER_NAME) or None


def credentials() -> grpc.ChannelCredentials | None:
    """TLS that trusts the authorities of PIXELZOO_TLS_CA; None, in the clear, if it is not set.

    Raises InvalidSetting for a file that cannot be read, or has no certificate.
    """
    path = os.environ.get(TLS_CA)
    if not path:
        return None
    try:
        authorities = Path(path).read_bytes()
    except OSError as error:
        raise InvalidSetting(TLS_CA, f"{path}: {error.strerror}: name a PEM file of certificates") from error
    if b"-----BEGIN CERTIFICATE-----" not in authorities:  # gRPC would only say later that it cannot connect.
        raise InvalidSetting(TLS_CA, f"{path} has no certificate: name a PEM file of certificates")
    import grpc

    return grpc.ssl_channel_credentials(authorities)
