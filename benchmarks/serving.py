"""What serving costs, against other ways to serve the same SavedModel, and how it behaves under load.

    python benchmarks/serving.py [efficiency framework latency ddim short memory swaps]
        [--triton-python VENV/bin/python] [--rounds 3]

Without names, all parts run, and take about half an hour. pytriton (Triton Inference Server with dynamic batching)
needs a virtual environment of its own, made with the Python of the system (the one that Triton's wheel is built for
must have the same standard library):

    /usr/bin/python3 -m venv VENV && VENV/bin/pip install nvidia-pytriton tensorflow-cpu==2.21.0

Wall time on shared machines misleads. The main figure is efficiency: CPU time of one image in process, at the best
batch that could be in flight, over the CPU time of one image of the server's whole process tree. The rounds go over
all servers in turns; the median counts, and the smallest and largest stand beside it. `framework` is the CPU time of a
request to a model without a network. Models: a DCGAN of 1.06 million parameters, 28x28 (untrained: it costs the same),
and the bundled DDPM.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

from peers.process import HERE, Process, Server

from zoo_client import Client, ZooError

SAVED_MODELS = HERE.parents[1] / "saved_models"
LARGEST_BATCH = 32
IN_FLIGHT = (1, 8, 32)
BATCHES = (1, 2, 4, 8, 16, 32)


class Bench:
    """The models, and how each server is started on them."""

    def __init__(self, models: Path, triton_python: str | None, rounds: int) -> None:
        self.models = models
        self.triton_python = triton_python
        self.rounds = rounds

    def pixelzoo(self, folder: Path | None = None, *settings: object) -> Server:
        models = folder or self.models
        command = (sys.executable, "-m", "zoo_server", "--models", models, "--port", 0)
        return Server(*command, "--log-level", "WARNING", *settings)

    def peers(self, model: str) -> dict[str, Callable[[], Server]]:
        path = self.models / model / "1"
        servers: dict[str, Callable[[], Server]] = {
            "pixelzoo": self.pixelzoo,
            "bare grpc.aio": lambda: Server(sys.executable, HERE / "bare_aio.py", path),
            "bare grpc.aio, batching": lambda: Server(
                sys.executable, HERE / "bare_aio.py", path, LARGEST_BATCH
            ),
        }
        if self.triton_python:
            command = (self.triton_python, HERE / "triton.py", path, model, LARGEST_BATCH)
            servers["pytriton"] = lambda: Server(*command, load_python=self.triton_python, protocol="triton")
        return servers

    def in_process(self, path: Path, batches: Sequence[int], steps: int = 0) -> dict[int, float]:
        """CPU milliseconds of one image at each batch: the medians of the rounds."""
        figures: dict[int, list[float]] = {batch: [] for batch in batches}
        with Process(sys.executable, HERE / "in_process.py", path, steps) as process:
            for _ in range(self.rounds):
                for batch, found in figures.items():
                    process.say(str(batch))
                    found.append(float(process.hear()))
        return {batch: statistics.median(found) for batch, found in figures.items()}


def spread(figures: Sequence[float], form: str = "6.2f") -> str:
    return f"{statistics.median(figures):{form}} ({min(figures):.2f} to {max(figures):.2f})"


def efficiency(bench: Bench) -> None:
    """CPU time in process over CPU time of the server, one image a request, closed loop."""
    measured: dict[str, dict[int, list[float]]] = {}
    limits: dict[int, list[float]] = {callers: [] for callers in IN_FLIGHT}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(start()) for name, start in bench.peers("dcgan").items()}
        process = stack.enter_context(
            Process(sys.executable, HERE / "in_process.py", bench.models / "dcgan" / "1")
        )
        for _ in range(bench.rounds):
            cost = {}
            for batch in BATCHES:
                process.say(str(batch))
                cost[batch] = float(process.hear())
            for callers in IN_FLIGHT:
                limits[callers].append(min(cost[batch] for batch in BATCHES if batch <= callers))
                for name, server in servers.items():
                    options = ("--model", "dcgan", "--callers", callers, "--requests", 1500)
                    figures = server.load(*options)
                    measured.setdefault(name, {}).setdefault(callers, []).append(figures["cpu_ms"])
    print(
        "\nEfficiency: CPU ms of an image in process / of the server's process tree (DCGAN, 1.06 M parameters)"
    )
    for callers in IN_FLIGHT:
        print(f"  {callers:3d} in flight; in process {spread(limits[callers])} CPU ms an image")
        for name in servers:
            found = measured[name][callers]
            ratios = [limit / cost for limit, cost in zip(limits[callers], found, strict=True)]
            print(f"      {name:28} {spread(ratios)}   {spread(found)} CPU ms an image")


def framework(bench: Bench) -> None:
    """CPU time of a request with the network taken out."""
    measured: dict[str, dict[int, list[float]]] = {}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(start()) for name, start in bench.peers("blank").items()}
        for _ in range(bench.rounds):
            for callers in IN_FLIGHT:
                for name, server in servers.items():
                    figures = server.load("--model", "blank", "--callers", callers, "--requests", 3000)
                    measured.setdefault(name, {}).setdefault(callers, []).append(figures["cpu_ms"])
    print("\nFramework: CPU ms of a request whose network has been taken out")
    for callers in IN_FLIGHT:
        for name in servers:
            print(f"  {callers:3d} in flight   {name:28} {spread(measured[name][callers])}")


def latency(bench: Bench) -> None:
    """Open loop at 70 % of the capacity of the slowest that batches."""
    peers = bench.peers("dcgan")
    peers.pop("bare grpc.aio")
    with ExitStack() as stack:
        servers = {name: stack.enter_context(start()) for name, start in peers.items()}
        capacity = {}
        for name, server in servers.items():
            figures = server.load("--model", "dcgan", "--callers", LARGEST_BATCH, "--requests", 3000)
            capacity[name] = figures["requests"] / figures["seconds"]
        rate = 0.7 * min(capacity.values())
        found: dict[str, dict[str, list[float]]] = {name: {} for name in servers}
        for number in range(bench.rounds):
            for name, server in servers.items():
                options = ("--model", "dcgan", "--rate", rate, "--requests", 3000, "--first-seed", number)
                for percentile, milliseconds in server.load(*options).items():
                    found[name].setdefault(percentile, []).append(milliseconds)
    print(
        f"\nLatency: open loop at {rate:.0f} requests a second, 70 % of the smaller capacity; ms from the time planned"
    )
    for name, figures in found.items():
        percentiles = "   ".join(
            f"{key[:-3]} {spread(figures[key])}" for key in ("p50_ms", "p95_ms", "p99_ms")
        )
        print(f"  {name:28} capacity {capacity[name]:5.0f}/s   {percentiles}")


def ddim(bench: Bench) -> None:
    """Efficiency with DDIM-50, eight in flight."""
    path = latest("ddpm_fashion_mnist")
    ratios, costs, limits = [], [], []
    with ExitStack() as stack:
        server = stack.enter_context(bench.pixelzoo(bundled(bench, stack, path)))
        process = stack.enter_context(Process(sys.executable, HERE / "in_process.py", path, 50))
        for _ in range(bench.rounds):
            cost = []
            for batch in (1, 4, 8):
                process.say(str(batch))
                cost.append(float(process.hear()))
            options = ("--model", "ddpm_fashion_mnist", "--steps", 50, "--callers", 8)
            costs.append(server.load(*options, "--requests", 64, "--warm-up", 8)["cpu_ms"])
            limits.append(min(cost))
            ratios.append(limits[-1] / costs[-1])
    print(f"\nDDIM-50, 8 in flight: efficiency {spread(ratios)}")
    print(f"  {spread(limits)} CPU ms an image in process at its best batch, {spread(costs)} of the server")


def latest(model: str) -> Path:
    return max((SAVED_MODELS / model).iterdir(), key=lambda version: int(version.name))


def bundled(bench: Bench, stack: ExitStack, version: Path) -> Path:
    """A folder with only that version, so that the server warms nothing else."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    (folder / version.parent.name).mkdir()
    (folder / version.parent.name / version.name).symlink_to(version, target_is_directory=True)
    return folder


def short(bench: Bench) -> None:
    """A request of 10 steps that comes while four of 1000 are running, against alone at the largest bucket."""
    model, requests = "ddpm_fashion_mnist", 10 * bench.rounds + 3
    with ExitStack() as stack:
        server = stack.enter_context(bench.pixelzoo(bundled(bench, stack, latest(model))))
        client = stack.enter_context(Client(server.target))

        def milliseconds(**options: bool) -> float:
            start = time.perf_counter()
            client.sample(model, 1, sampler="ddim", steps=10, **options)
            return 1000 * (time.perf_counter() - start)

        def typical(**options: bool) -> list[float]:
            """Sorted, without the first ones, which warm up."""
            return sorted([milliseconds(**options) for _ in range(requests)][3:])

        alone = statistics.median(typical(reproducible=True))  # At the largest bucket from start to end.
        enough = threading.Event()

        def keep_one_running(seed: int) -> None:
            with suppress(ZooError):  # The last one is cut off.
                while not enough.is_set():
                    client.sample(model, 1, seed=seed, sampler="ddim", steps=1000)

        with ThreadPoolExecutor(4) as callers:
            for seed in range(4):
                callers.submit(keep_one_running, seed)
            among = typical()
            enough.set()
            client.close()
    p95 = among[len(among) * 95 // 100]
    print("\nA request of 10 steps (DDIM) among four of 1000 steps")
    print(
        f"  {alone:.0f} ms alone at the largest bucket; among them {statistics.median(among):.0f} ms, p95 {p95:.0f} ms"
    )
    print(f"  p95 / alone: {p95 / alone:.2f}")


def memory(bench: Bench) -> None:
    """Resident memory of the server over 10,000 requests."""
    with bench.pixelzoo() as server:
        sizes = []
        for number in range(11):
            server.load(
                "--model", "dcgan", "--callers", 32, "--requests", 1000, "--first-seed", 1000 * number
            )
            sizes.append(server.resident_bytes())
    grown = sizes[-1] / sizes[0] - 1
    print(
        f"\nMemory over 10,000 requests, after a first 1,200: {sizes[0] / 2**20:.1f} MiB, then {grown:+.2%}"
    )


def swaps(bench: Bench) -> None:
    """Resident memory, and failed calls, over 200 versions that replace each other under load."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "dcgan"
        shutil.copytree(bench.models / "dcgan" / "1", folder / "1")
        server = stack.enter_context(bench.pixelzoo(folder.parent, "--model-poll-seconds", 0.1))
        client = stack.enter_context(Client(server.target))
        enough = threading.Event()
        failed, answered = [], [0]

        def call_on() -> None:
            while not enough.is_set():
                try:
                    client.sample("dcgan", 4)
                    answered[0] += 1
                except ZooError as error:
                    failed.append(error)

        caller = threading.Thread(target=call_on)
        caller.start()
        sizes = []
        for version in range(2, 202):
            staged = folder.parent / f".{version}"
            shutil.copytree(bench.models / "dcgan" / "1", staged)
            staged.rename(folder / str(version))
            while client.model("dcgan").version < version:
                time.sleep(0.05)
            shutil.rmtree(folder / str(version - 1))
            sizes.append(server.resident_bytes())
        enough.set()
        caller.join()
    early, late = min(sizes[50:100]), min(sizes[-50:])
    print(f"\nMemory over 200 swaps under load: {early / 2**20:.1f} MiB, then {late / early - 1:+.2%}")
    print(f"  {answered[0]} calls answered, {len(failed)} failed")


PARTS = {
    "efficiency": efficiency,
    "framework": framework,
    "latency": latency,
    "ddim": ddim,
    "short": short,
    "memory": memory,
    "swaps": swaps,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--triton-python", help="Python of an environment with nvidia-pytriton")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory() as folder:
        with Process(sys.executable, HERE / "models.py", folder) as writer:
            writer.hear()
        bench = Bench(Path(folder), arguments.triton_python, arguments.rounds)
        for name in arguments.parts or PARTS:
            start = time.perf_counter()
            PARTS[name](bench)
            print(f"  [{name}: {time.perf_counter() - start:.0f} s]", flush=True)


if __name__ == "__main__":
    main()
