"""What watching a server costs: its CPU time a call with metrics, and with traces, against without.

    python benchmarks/telemetry_cost.py [--model vae_fashion_mnist] [--calls 200] [--rounds 5]

Three servers with equal models answer in turns, round by round: one bare, one with metrics (scraped once a round), one
with metrics and traces to a collector that drops them. The figure is the CPU time (user and system) of all threads of
each process. Machines are shared and noisy, so the median of the rounds counts, and the smallest and largest are
printed beside it.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from peers.process import cpu_seconds

from zoo_client import Client

MODELS = Path(__file__).resolve().parents[1] / "saved_models"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes spans and drops them."""

    def Export(self, request: Any, context: Any) -> trace_service_pb2.ExportTraceServiceResponse:
        return trace_service_pb2.ExportTraceServiceResponse()


class Server:
    """`python -m zoo_server` with `settings`, in a process of its own."""

    def __init__(self, *settings: object, **environment: str) -> None:
        command = [sys.executable, "-m", "zoo_server", "--port", "0", "--log-level", "WARNING"]
        self.process = subprocess.Popen(
            [*command, *map(str, settings)], stdout=subprocess.PIPE, text=True, env=os.environ | environment
        )
        assert self.process.stdout is not None
        self.client = Client(self.process.stdout.readline().split(" on ")[1].split()[0])

    def cpu_seconds(self) -> float:
        """CPU time of the process and all its threads so far."""
        return cpu_seconds(self.process.pid)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--model", default="vae_fashion_mnist")
    parser.add_argument("--calls", type=int, default=200, help="calls a round, one after the other")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    collector = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Collector(), collector)
    endpoint = f"http://127.0.0.1:{collector.add_insecure_port('127.0.0.1:0')}"
    collector.start()
    ports = {"metrics": free_port(), "metrics and traces": free_port()}
    models = ("--models", arguments.models)
    with ExitStack() as stack:
        servers = {"bare": stack.enter_context(Server(*models))}
        for name, port in ports.items():
            traces = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} if "traces" in name else {}
            servers[name] = stack.enter_context(Server(*models, "--metrics-port", port, **traces))
        milliseconds: dict[str, list[float]] = {name: [] for name in servers}
        for number in range(arguments.rounds + 1):
            for name, server in servers.items():
                start = server.cpu_seconds()
                for seed in range(arguments.calls):
                    server.client.sample(arguments.model, 1, seed=seed)
                if name in ports:
                    urllib.request.urlopen(f"http://127.0.0.1:{ports[name]}/metrics").read()
                if number:  # The first round warms up.
                    milliseconds[name].append(1000 * (server.cpu_seconds() - start) / arguments.calls)
    collector.stop(None)
    for name, figures in milliseconds.items():
        ratios = [figure / bare for figure, bare in zip(figures, milliseconds["bare"], strict=True)]
        print(
            f"{name:20} {statistics.median(figures):6.2f} CPU ms a call; "
            f"ratio {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}"
        )


if __name__ == "__main__":
    main()
