"""What an operator can set: one schema, whose defaults and words the command line takes over."""

import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How one server runs."""

    models: Path
    """Folder with the models: <models>/<model>/<version>/."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = 50051
    """Port to listen on; 0 takes a free one."""

    max_pending_items: int = 1024
    """Items that may wait or be in the making at a time; requests beyond them are answered with QUEUE_FULL."""

    max_message_bytes: int = 16 * 2**20
    """Largest request accepted, in bytes."""

    max_response_bytes: int = 256 * 2**20
    """Most pixels of the pictures of one response, in bytes before they are encoded."""

    max_pixels_per_image: int = 4096 * 4096
    """Most pixels of a picture sent to the server, if the model's card does not say less."""

    grace_seconds: float = 10.0
    """How long calls in flight may go on after a signal to stop."""

    compute_threads: int = 0
    """Cores that one TensorFlow operation may use; 0 means all."""

    image_threads: int = 2
    """Threads that decode and encode pictures."""

    reflection: bool = True
    """Whether clients may ask for the descriptors of the services."""

    def __post_init__(self) -> None:
        positive = (
            "max_pending_items",
            "max_message_bytes",
            "max_response_bytes",
            "max_pixels_per_image",
            "image_threads",
        )
        for name in positive:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, and is {getattr(self, name)}")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be 0 to 65535, and is {self.port}")
        if self.grace_seconds < 0 or self.compute_threads < 0:
            raise ValueError("grace_seconds and compute_threads must not be negative")

    def check_port(self) -> None:
        """Raises OSError if the port cannot be had, before minutes may be spent on loading models."""
        try:
            family, *_, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family) as probe:
                # As gRPC does: a port is free although old connections to it still linger.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            raise OSError(f"cannot listen on {self.address(self.port)}: {error.strerror}") from error

    def address(self, port: int) -> str:
        """HOST:PORT as clients write it; an IPv6 host in brackets."""
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"


def bundled_models() -> Path:
    """The models that come with pixelzoo: beside the package in a wheel, at the top of a checkout."""
    package = Path(__file__).parent
    in_wheel = package / "saved_models"
    return in_wheel if in_wheel.is_dir() else package.parent.parent / "saved_models"
