"""What the server adds: CPU time of one image by DDIM-50 over gRPC, against the same loop called in process.

    python benchmarks/overhead.py [--model ddpm_fashion_mnist] [--images 8] [--rounds 5]

Both sides run the same signatures of the same SavedModel at batch 1, in turns, round by round. The figure is the ratio
of CPU time (user and system): all threads of the server process on one side, of this process on the other. Machines are
shared and noisy, so the median of the rounds counts, and the smallest and largest are printed beside it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

import numpy as np
from peers.process import cpu_seconds

from zoo_client import Client
from zoo_client.local import local_server

MODELS = Path(__file__).resolve().parents[1] / "saved_models"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="ddpm_fashion_mnist")
    parser.add_argument("--images", type=int, default=8, help="images a round, one after the other")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=50)
    arguments = parser.parse_args()

    from zoo import contract

    path = max((MODELS / arguments.model).iterdir(), key=lambda version: int(version.name))
    loaded = contract.LoadedModel(path)

    def in_process(seed: int) -> np.ndarray:
        inputs = {"seed": np.array([seed]), "label": np.array([seed % 10])}
        return loaded.ask("sample", inputs, sampler=2, steps=arguments.steps)["image"]

    with local_server(MODELS) as target, Client(target) as client:
        # The only child of this process is the server.
        server = int(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()[-1])

        def over_grpc(seed: int) -> np.ndarray:
            return client.sample(
                arguments.model, 1, seed=seed, labels=[seed % 10], sampler="ddim", steps=arguments.steps
            ).images

        for warm_up in range(2):
            same = np.array_equal(in_process(warm_up), over_grpc(warm_up))
        print(f"the same pixels both ways: {same}")
        ratios = []
        for number in range(arguments.rounds):
            seeds = range(number * arguments.images, (number + 1) * arguments.images)
            start = time.process_time()
            for seed in seeds:
                in_process(seed)
            here = time.process_time() - start
            start = cpu_seconds(server)
            for seed in seeds:
                over_grpc(seed)
            there = cpu_seconds(server) - start
            ratios.append(there / here)
            n = arguments.images
            print(
                f"round {number + 1}: in process {1000 * here / n:.1f}, server {1000 * there / n:.1f} CPU ms an image"
            )
    print(f"ratio: median {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
