"""`python -m zoo_server.health_probe`: whether a server says that it is serving, as an exit status for containers."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_VARIABLE = "PIXELZOO_PROBE_{}"


def serving(
    address: str,
    service: str = "",
    seconds: float = 5.0,
    credentials: grpc.ChannelCredentials | None = None,
    server_name: str = "",
) -> bool:
    """Whether the server at `address`, HOST:PORT, answers SERVING for `service` ("" is the server as a whole).

    With `credentials` it is asked over TLS; `server_name` is then the name that its certificate must have, the host's
    if empty.
    """
    options = [("grpc.ssl_target_name_override", server_name)] if server_name else []
    channel = (
        grpc.insecure_channel(address)
        if credentials is None
        else grpc.secure_channel(address, credentials, options)
    )
    with channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            # The stubs' types leave their methods out.
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=seconds)  # type: ignore[attr-defined]
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> None:
    """Exits with 0 if the server is serving, else with 1; with 2 for wrong arguments."""
    parser = _parser(environment)
    found = parser.parse_args(arguments)
    if (found.certificate is None) != (found.key is None):
        parser.error("--certificate and --key go together: give both, or neither")
    if found.ca is None and (found.certificate is not None or found.server_name):
        parser.error("--certificate, --key and --server-name are for TLS: give --ca too")
    try:
        credentials = _credentials(found.ca, found.certificate, found.key)
    except OSError as error:
        parser.exit(1, f"{error.filename} cannot be read: {error.strerror}\n")
    there = serving(
        found.address, found.service, credentials=credentials, server_name=found.server_name or ""
    )
    sys.exit(0 if there else 1)


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m zoo_server.health_probe", description=__doc__)
    address = f"127.0.0.1:{environment.get('PIXELZOO_PORT', '50051')}"
    parser.add_argument("address", nargs="?", default=address, help="HOST:PORT; default: %(default)s")
    parser.add_argument(
        "--service", default="", help="the full name of a service; all of the server if not given"
    )
    for name, kind, words in (
        ("ca", Path, "PEM file of the authorities one of which vouches for the server; it turns TLS on"),
        (
            "certificate",
            Path,
            "PEM file of the probe's own certificate, where the server asks clients for one",
        ),
        ("key", Path, "PEM file of its key, without a password"),
        ("server_name", str, "the name in the server's certificate, where it is not the address's"),
    ):
        variable = _VARIABLE.format(name.upper())
        given = environment.get(variable)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=kind(given) if given else None,
            help=f"{words}; or {variable}",
        )
    return parser


def _credentials(
    ca: Path | None, certificate: Path | None, key: Path | None
) -> grpc.ChannelCredentials | None:
    """None where TLS is not asked for. Raises OSError."""
    if ca is None:
        return None
    chain = certificate.read_bytes() if certificate else None
    return grpc.ssl_channel_credentials(ca.read_bytes(), key.read_bytes() if key else None, chain)


if __name__ == "__main__":
    main()
