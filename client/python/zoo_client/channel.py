"""How the client connects: addresses, message sizes, keepalive and retries, for both stacks alike."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict

import grpc

from zoo_client.addresses import is_loopback
from zoo_client.arguments import host_name, real, sendable_token, shown, switch, text, whole
from zoo_client.errors import InsecureToken, InvalidSetting

if TYPE_CHECKING:
    from zoo_client.images import Encoding

DEFAULT_TIMEOUT = 600.0  # Seconds; a call without any deadline could wait for ever.
# gRPC's own limit, 4 MiB, is one raw 1024 x 1024 RGB image and a bit.
MAX_SEND_BYTES = 64 << 20
MAX_RECEIVE_BYTES = (
    260 << 20
)  # A server sends at most 256 MiB of pixels at once, unless it is configured otherwise.
MAX_CONNECTIONS = 64

_LONGEST_TIMEOUT = 1e9
"""Seconds, some thirty years. Of 1e10 gRPC takes none for a deadline in the future."""

# Only UNAVAILABLE is repeated: it says that the server did not take the call on, or went away. A stream is repeated
# only if nothing of it has arrived yet. gRPC varies each wait by 20 %, so that clients do not come back all at once.
# A server that goes away fails every call in flight at once, and repetitions end when half of the tokens are gone, so
# there must be far more of them than calls. Each success gives one back.
SERVICE_CONFIG: dict[str, Any] = {
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

# Of several addresses each is called in its turn, while its health says SERVING. A watch of health is a call that does
# not end, of which a server takes a limited number; so a client of one address, which has no choice, watches nothing.
BALANCING: dict[str, Any] = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": ""},
}

# Servers close the connection of a client that pings more often than they allow; once a minute is safe.
CHANNEL_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES),
    ("grpc.max_send_message_length", MAX_SEND_BYTES),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.enable_retries", 1),
    # gRPC's own two minutes are long after a restart of the server.
    ("grpc.max_reconnect_backoff_ms", 5_000),
]


class Settings(TypedDict, total=False):
    """What `Client.from_env` leaves to its caller: the arguments of `Client` about calls, and not about servers."""

    encoding: Encoding
    timeout: float
    wait_for_ready: bool
    connections: int
    retries: int


def options(
    target: str, connections: int, encrypted: bool, server_name: str | None
) -> list[tuple[str, int | str]]:
    """The channel's options for a resolved target. Raises InvalidSetting for settings that do not go together."""
    if encrypted and server_name is None and "," in target:
        raise InvalidSetting(
            "server_name",
            f"with TLS, {target} needs the one name in the certificates of all its servers: server_name=, or "
            "the environment's PIXELZOO_TLS_SERVER_NAME",
        )
    if server_name is not None and not encrypted:
        raise InvalidSetting(
            "server_name", f"{server_name}: nothing is encrypted without credentials=: give these too"
        )
    several = target.startswith("dns:") or "," in target
    config = {**SERVICE_CONFIG, **BALANCING} if several else SERVICE_CONFIG
    chosen = [*CHANNEL_OPTIONS, ("grpc.service_config", json.dumps(config))]
    # What may go in the clear since it stays here must not take the way over a proxy.
    if is_loopback(target):
        chosen.append(("grpc.enable_http_proxy", 0))
    if connections > 1:  # Channels of a process would otherwise share one connection to each address.
        chosen.append(("grpc.use_local_subchannel_pool", 1))
    if server_name is not None:
        chosen.append(("grpc.ssl_target_name_override", server_name))
    return chosen


def clock(seconds: float) -> Callable[[], float]:
    """A function that says how many seconds are left of a call that begins now and may take this many.

    Raises InvalidSetting for what is no time.
    """
    end = time.monotonic() + min(checked_timeout(seconds), _LONGEST_TIMEOUT)
    return lambda: max(end - time.monotonic(), 0.0)


def checked_timeout(seconds: float) -> float:
    """The seconds that a call may take; raises InvalidSetting for what is no time."""
    number = real(seconds, "timeout", refuse=InvalidSetting)
    if not math.isfinite(number) or number < 0:
        raise InvalidSetting(
            "timeout", f"must be a number of seconds, and is {shown(seconds)}: give one, however large"
        )
    return number


def check(
    target: str,
    credentials: grpc.ChannelCredentials | None,
    token: str | None,
    server_name: str | None,
    wait_for_ready: bool,
    connections: int,
    retries: int,
) -> None:
    """Raises InvalidSetting for an argument of `Client` that is of another type, or out of range."""
    text(target, "target", refuse=InvalidSetting)
    if credentials is not None and not isinstance(credentials, grpc.ChannelCredentials):
        rule = f"must be grpc.ChannelCredentials, and is {shown(credentials)}: see zoo_client.tls.credentials"
        raise InvalidSetting("credentials", rule)
    if token is not None and not isinstance(token, str):  # What it is instead may be as secret.
        raise InvalidSetting("token", "must be a text, and is none")
    if server_name is not None:
        text(server_name, "server_name", refuse=InvalidSetting)
        host_name(server_name, "server_name", refuse=InvalidSetting)
    switch(wait_for_ready, "wait_for_ready", refuse=InvalidSetting)
    whole(connections, "connections", 1, MAX_CONNECTIONS, refuse=InvalidSetting)
    whole(retries, "retries", 0, refuse=InvalidSetting)


def authorization(token: str | None, target: str, encrypted: bool) -> tuple[tuple[str, str], ...]:
    """The metadata that carries the token; raises InsecureToken where strangers could read it on its way."""
    if token is None:
        return ()
    if not encrypted and not is_loopback(target):
        raise InsecureToken(target)
    return (("authorization", f"Bearer {sendable_token(token, 'token', refuse=InvalidSetting)}"),)
