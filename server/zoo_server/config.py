"""What an operator can set: one schema. Flags, environment variables and the TOML file are made from it."""

from __future__ import annotations

import ipaddress
import math
import socket
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints


def bundled_models() -> Path:
    """The models that come with pixelzoo: beside the package in a wheel, at the top of a checkout."""
    package = Path(__file__).parent
    in_wheel = package / "saved_models"
    return in_wheel if in_wheel.is_dir() else package.parent.parent / "saved_models"


PING_INTERVAL_MS = 60_000
"""Clients may ping an idle connection once a minute; gRPC's own default cuts off those that do so within 5 minutes."""

KEEPALIVE_TIMEOUT_MS = 20_000


class SettingError(ValueError):
    """A setting that is well formed, but does not suit what is served."""


def _about(
    words: str, *, least: float | None = None, most: float | None = None, choices: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {"words": words, "least": least, "most": most, "choices": choices}


def _setting(default: Any, words: str, **limits: Any) -> Any:
    """A field with what is to be said of it."""
    return field(default=default, metadata=_about(words, **limits))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """How one server runs. Raises ValueError for a value out of its range."""

    models: Path = field(
        default_factory=bundled_models,
        metadata=_about("Folder of <model>/<version>/; the bundled models if not given."),
    )
    host: str = _setting("127.0.0.1", "Address to listen on; 0.0.0.0 for every network.")
    port: int = _setting(50051, "Port to listen on; 0 takes a free one and prints it.", least=0, most=65535)
    model_poll_seconds: float = _setting(
        5.0,
        "How often to look for new versions, changed labels and versions removed; 0 means never.",
        least=0,
    )
    loaded_versions: int = _setting(
        2,
        "Versions of a model to keep loaded: the highest, all with a label, then the next highest.",
        least=1,
    )
    max_pending_items: int = _setting(
        1024,
        "Items that may wait or be in the making; beyond them calls get QUEUE_FULL. No call may have more.",
        least=1,
    )
    max_pending_seconds: float = _setting(
        0.0,
        "Estimated seconds of work that may be pending; beyond them calls get QUEUE_FULL; 0 for any.",
        least=0,
    )
    max_unsent_bytes: int = _setting(
        256 * 2**20,
        "Results of streams that their readers have still to take, in bytes before they are encoded; a stream that has "
        "a sixteenth of it is held back, its items pending, until its reader goes on.",
        least=1,
    )
    max_concurrent_calls: int = _setting(
        2048, "Calls that may be in flight, health checks aside; one more gets QUEUE_FULL.", least=1
    )
    max_calls_per_connection: int = _setting(
        1000,
        "Calls that one connection may have in flight, watches of health among them; further ones wait at the client.",
        least=1,
        most=2**31 - 1,
    )
    keepalive_seconds: float = _setting(
        60.0,
        "How often to ask on a quiet connection with calls whether its client is still there; one that gives no sign "
        "for 20 s is cut off.",
        least=1,
        most=86400,
    )
    max_idle_seconds: float = _setting(
        3600.0,
        "How long a connection without calls is kept; a client that has more to ask connects anew by itself.",
        least=1,
        most=86400,
    )
    max_bucket: Mapping[str, int] = field(
        default_factory=dict,
        metadata=_about(
            "Largest bucket to run a model at, or the next lower one that its card has.", least=1
        ),
    )
    max_message_bytes: int = _setting(16 * 2**20, "Largest request accepted, in bytes.", least=1)
    max_response_bytes: int = _setting(
        256 * 2**20, "Most pixels of the pictures of one response, in bytes before they are encoded.", least=1
    )
    max_pixels_per_image: int = _setting(
        4096 * 4096,
        "Most pixels of a picture sent to the server, if the model's card does not say less.",
        least=1,
    )
    grace_seconds: float = _setting(
        10.0, "How long calls in flight may go on after a signal to stop.", least=0
    )
    drain_seconds: float = _setting(
        0.0,
        "How long calls are still taken after a signal to stop, while health says NOT_SERVING, so that load "
        "balancers notice.",
        least=0,
    )
    max_turn_seconds: float = _setting(
        300.0,
        "How long one call of a model's network may take; at one that takes longer the server says NOT_SERVING and "
        "waits to be restarted; 0 for any time.",
        least=0,
    )
    compute_threads: int = _setting(0, "Cores that one TensorFlow operation may use; 0 means all.", least=0)
    image_threads: int = _setting(2, "Threads that decode and encode pictures.", least=1)
    reflection: bool = _setting(True, "Whether clients may ask for the descriptors of the services.")
    open_inference: bool = _setting(
        True,
        "Whether clients of the Open Inference Protocol are answered too: inference.GRPCInferenceService.",
    )
    metrics_port: int = _setting(
        0, "Port where Prometheus reads metrics over HTTP; 0 for none.", least=0, most=65535
    )
    metrics_host: str = _setting("127.0.0.1", "Address of the metrics' port; 0.0.0.0 for every network.")
    channelz_port: int = _setting(
        0,
        "Port on 127.0.0.1 where gRPC tells of its connections, for debugging; 0 for none.",
        least=0,
        most=65535,
    )
    log_format: str = _setting("text", "How the log is written.", choices=("text", "json"))
    log_level: str = _setting(
        "INFO", "The least that the log has.", choices=("DEBUG", "INFO", "WARNING", "ERROR")
    )
    tls_certificate: Path | None = field(
        default=None,
        metadata=_about(
            "PEM file of the server's certificate and its chain; without it nothing is encrypted."
        ),
    )
    tls_key: Path | None = field(
        default=None, metadata=_about("PEM file of the certificate's key, without a password.")
    )
    tls_client_ca: Path | None = field(
        default=None,
        metadata=_about("PEM file of the authorities whose certificates clients must have (mTLS)."),
    )
    token_file: Path | None = field(
        default=None,
        metadata=_about(
            "TOML file of the tokens of which calls must carry one; pixelzoo token makes its lines."
        ),
    )
    tokens_in_clear: bool = _setting(
        False, "Whether tokens may come unencrypted from other machines, as behind a proxy that ends TLS."
    )
    peer_concurrent_calls: int = _setting(
        0, "Calls that one address may have in flight, where there are no tokens; 0 for any number.", least=0
    )
    peer_requests_per_second: float = _setting(
        0.0, "Calls a second that one address may make, where there are no tokens; 0 for any number.", least=0
    )
    peer_burst: int = _setting(
        0, "Calls that it may make at once after a rest; 0 for those of one second.", least=0
    )

    def __post_init__(self) -> None:
        for setting in SETTINGS:
            setting.check(getattr(self, setting.name), setting.name)
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together: set both, or neither")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("tls_client_ca needs tls_certificate and tls_key: set them too")
        clear = self.tls_certificate is None and not self.tokens_in_clear
        if self.token_file is not None and clear and not _is_loopback(self.host):
            raise ValueError(
                f"token_file with host {self.host} would let tokens be read on their way: set tls_certificate and "
                "tls_key, listen on 127.0.0.1, or set tokens_in_clear if something else encrypts them"
            )

    def check_ports(self) -> None:
        """Raises OSError if a port cannot be had, before minutes may be spent on loading models."""
        _check_port(self.host, self.port)
        for host, port in ((self.metrics_host, self.metrics_port), ("127.0.0.1", self.channelz_port)):
            if port:
                _check_port(host, port)

    def address(self, port: int) -> str:
        """HOST:PORT as clients write it; an IPv6 host in brackets."""
        return _address(self.host, port)


def _check_port(host: str, port: int) -> None:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            # As gRPC does: a port is free although old connections to it still linger.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise OSError(f"cannot listen on {_address(host, port)}: {error.strerror}") from error


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_loopback(host: str) -> bool:
    """Whether only this machine can call it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Setting:
    """One setting: its name, the type of its values, and what may be said of them.

    `kind` is bool, int, float, str, Path, or `dict` for numbers by a model's name.
    """

    name: str
    kind: type
    default: Any
    words: str
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"PIXELZOO_{self.name.upper()}"

    def check(self, value: Any, where: str) -> None:
        """Raises ValueError, which begins with `where`, for a value out of its range."""
        if value is None:
            return
        if self.choices and value not in self.choices:
            rule = f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
            raise ValueError(f"{where} must be {rule}, and is {value}")
        for number in value.values() if self.kind is dict else [value]:
            # NaN is neither too small nor too large.
            if isinstance(number, float) and not math.isfinite(number):
                raise ValueError(f"{where} must be a finite number, and is {number}")
            too_small = self.least is not None and number < self.least
            if too_small or (self.most is not None and number > self.most):
                rule = f"at least {self.least:g}" if self.most is None else f"{self.least:g} to {self.most:g}"
                raise ValueError(f"{where} must be {rule}, and is {number}")


def _kind(hint: Any) -> type:
    if hint == Mapping[str, int]:
        return dict
    return Path if hint == Path | None else hint


_HINTS = get_type_hints(ServerConfig)
SETTINGS = tuple(
    Setting(
        one.name,
        _kind(_HINTS[one.name]),
        one.default if one.default_factory is MISSING else one.default_factory(),
        **one.metadata,
    )
    for one in fields(ServerConfig)
)
"""All settings, in the order in which they are shown."""
