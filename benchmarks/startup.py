"""Start-up times as a person feels them: the help page, the client's import, and the server until it is ready.

    python benchmarks/startup.py [--rounds 5]

Each is a fresh process, timed from outside; the first round warms the disk cache and is not counted.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from zoo_client.local import local_server

MODELS = Path(__file__).resolve().parents[1] / "saved_models"


def command_seconds(*command: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def ready_seconds() -> float:
    start = time.perf_counter()
    with local_server(MODELS):
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    command = str(Path(sys.executable).with_name("pixelzoo"))
    cases: dict[str, Callable[[], float]] = {
        "pixelzoo --help": lambda: command_seconds(command, "--help"),
        "import zoo_client": lambda: command_seconds(sys.executable, "-c", "import zoo_client"),
        "pixelzoo serve until ready": ready_seconds,
    }
    for name, case in cases.items():
        times = [case() for _ in range(rounds + 1)][1:]
        print(
            f"{name:28s} median {statistics.median(times):6.2f} s   from {min(times):.2f} to {max(times):.2f}"
        )


if __name__ == "__main__":
    main()
