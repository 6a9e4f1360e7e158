"""How the client connects: message sizes, keepalive and retries, for the sync and the asyncio stack alike."""

from __future__ import annotations

import ipaddress
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_client.errors import InsecureToken

if TYPE_CHECKING:
    import grpc

DEFAULT_TARGET = "localhost:50051"
DEFAULT_TIMEOUT = 600.0  # Seconds; a call without any deadline could wait for ever.
# gRPC's own limit, 4 MiB, is one raw 1024 x 1024 RGB image and a bit.
MAX_SEND_BYTES = 64 << 20
MAX_RECEIVE_BYTES = (
    260 << 20
)  # A server sends at most 256 MiB of pixels at once, unless it is configured otherwise.

# Only UNAVAILABLE is repeated: it says that the server did not take the call on, or went away. A stream is repeated
# only if nothing of it has arrived yet. gRPC varies each wait by 20 %, so that clients do not come back all at once.
# A server that goes away fails every call in flight at once, and repetitions end when half of the tokens are gone, so
# there must be far more of them than calls. Each success gives one back.
SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 1000, "tokenRatio": 1},
}

# Servers close the connection of a client that pings more often than they allow; once a minute is safe.
CHANNEL_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES),
    ("grpc.max_send_message_length", MAX_SEND_BYTES),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.enable_retries", 1),
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
]


def default_target() -> str:
    """The address to call if none is named: PIXELZOO_TARGET, or else localhost:50051."""
    return os.environ.get("PIXELZOO_TARGET") or DEFAULT_TARGET


def token_from_environment() -> str | None:
    """PIXELZOO_TOKEN: the token that commands send, if any. It is no flag, because other users can see those."""
    return os.environ.get("PIXELZOO_TOKEN") or None


def credentials_from_environment() -> grpc.ChannelCredentials | None:
    """TLS that trusts the authorities in the PEM file PIXELZOO_TLS_CA; None, in the clear, if it is not set."""
    path = os.environ.get("PIXELZOO_TLS_CA")
    if not path:
        return None
    import grpc

    return grpc.ssl_channel_credentials(Path(path).read_bytes())


def authorization(token: str | None, target: str, encrypted: bool) -> tuple[tuple[str, str], ...]:
    """The metadata that carries the token; raises InsecureToken where strangers could read it on its way."""
    if token is None:
        return ()
    if not encrypted and not _is_loopback(target):
        raise InsecureToken(target)
    return (("authorization", f"Bearer {token}"),)


def _is_loopback(target: str) -> bool:
    """Whether "host:port" is on this machine; unix sockets are."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    host = target.removeprefix("dns:///").rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
