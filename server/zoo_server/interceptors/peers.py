"""Who is at the other end of a connection."""

from urllib.parse import unquote


def kind_and_host(peer: str) -> tuple[str, str | None]:
    """The parts of what gRPC says of a peer, such as "ipv4:10.0.0.7:41234", without the port: a host has only an IP."""
    kind, _, rest = unquote(peer).partition(":")
    return kind, rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else None
