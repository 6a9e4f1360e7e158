"""`python -m zoo_server.health_probe`: whether a server says that it is serving, as an exit status for containers."""

import argparse
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def serving(address: str, service: str = "", seconds: float = 5.0) -> bool:
    """Whether the server at `address`, HOST:PORT, answers SERVING for `service` ("" is the server as a whole)."""
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            # The stubs' types leave their methods out.
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=seconds)  # type: ignore[attr-defined]
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def main() -> None:
    """Exits with 0 if the server is serving, else with 1."""
    parser = argparse.ArgumentParser(prog="python -m zoo_server.health_probe", description=__doc__)
    parser.add_argument("address", nargs="?", default="127.0.0.1:50051", help="HOST:PORT")
    parser.add_argument(
        "--service", default="", help="the full name of a service; all of the server if not given"
    )
    arguments = parser.parse_args()
    sys.exit(0 if serving(arguments.address, arguments.service) else 1)


if __name__ == "__main__":
    main()
