"""Addresses of servers: which there are, how gRPC takes them, and which never leave this machine."""

from __future__ import annotations

import ipaddress
import re

from zoo_client.errors import InvalidSetting

SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "xds:")
"""With which gRPC knows targets that are more than host:port."""

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^:/\[\]\s,]+):(?P<port>[0-9]+)")


def resolved(target: str) -> str:
    """The target as gRPC takes it: "10.0.0.1:1,10.0.0.2:1" becomes "ipv4:10.0.0.1:1,10.0.0.2:1".

    Raises InvalidSetting for what is no address, of which gRPC would call another or none; and for a list of anything
    but IP addresses of one kind, which it cannot call in turn.
    """
    if target.startswith(SCHEMES):
        return target
    if "," not in target:
        known = _ADDRESS.fullmatch(target)
        if not known or not _is_port(known["port"]):
            raise InvalidSetting("target", f"{target}: must be host:port, with a port from 1 to 65535")
        return target
    versions, addresses = set(), []
    for address in target.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            ip = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
        except ValueError:
            ip = None
        if ip is None or not _is_port(port):
            raise InvalidSetting(
                "target",
                f"{address.strip()!r} is no IP address with a port: several addresses are such as 10.0.0.1:50051; "
                "for names, let one name have all the addresses, and call dns:///NAME:50051",
            )
        versions.add(ip.version)
        addresses.append(f"{ip}:{port}" if ip.version == 4 else f"[{ip}]:{port}")
    if len(versions) > 1:
        raise InvalidSetting("target", f"{target} mixes IPv4 and IPv6: name addresses of one kind")
    return f"ipv{versions.pop()}:{','.join(addresses)}"


def _is_port(text: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", text) is not None and 0 < int(text) < 2**16


def is_loopback(target: str) -> bool:
    """Whether every "host:port" is on this machine; unix sockets are."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    for prefix in ("dns:///", "ipv4:", "ipv6:"):
        target = target.removeprefix(prefix)
    return all(map(_is_loopback_host, (part.rpartition(":")[0].strip(" []") for part in target.split(","))))


def _is_loopback_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
