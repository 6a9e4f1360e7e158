"""How the client connects: message sizes, keepalive and retries, for the sync and the asyncio stack alike."""

from __future__ import annotations

import json
import os

DEFAULT_TARGET = "localhost:50051"
DEFAULT_TIMEOUT = 600.0  # Seconds; a call without any deadline could wait for ever.
# gRPC's own limit, 4 MiB, is one raw 1024 x 1024 RGB image and a bit.
MAX_SEND_BYTES = 64 << 20
MAX_RECEIVE_BYTES = (
    260 << 20
)  # A server sends at most 256 MiB of pixels at once, unless it is configured otherwise.

# Only UNAVAILABLE is repeated: it says that the server did not take the call on. A stream is repeated only if
# nothing of it has arrived yet. gRPC varies each wait by 20 %, so that clients do not come back all at once.
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
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
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
