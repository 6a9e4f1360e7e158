"""Quality against steps: the Frechet distance of a diffusion model's samples for each solver and number of steps.

    python benchmarks/sampler_curve.py [--model ddpm_fashion_mnist] [--samples 2000]

All rows have the same seeds and labels, and the last column is the ratio to DDIM with 250 steps. At equal n only: a
Frechet distance is biased by the number of samples.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

MODELS = Path(__file__).resolve().parents[1] / "saved_models"
REFERENCE = ("ddim", 250)
ROWS = [("ddim", 10), ("ddim", 20), ("ddim", 50), ("dpm_solver_pp_2m", 10), ("dpm_solver_pp_2m", 20)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="ddpm_fashion_mnist")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=1, help="sets of seeds to average over")
    arguments = parser.parse_args()

    from zoo.evaluation import Bench, measure, open_model

    path = max((MODELS / arguments.model).iterdir(), key=lambda version: int(version.name))
    reference = None
    for sampler, steps in [REFERENCE, *ROWS]:
        subject, data = open_model(path, {"sampler": sampler, "steps": str(steps)})
        bench = Bench(subject, data, samples=arguments.samples, repeats=arguments.seeds)
        start = time.perf_counter()
        (distance,), _ = measure(bench, ["frechet"])
        if reference is None:
            reference = distance
            print("; ".join(f"{part} {value}" for part, value in distance.protocol.items()))
            print(f"{'sampler':18} {'steps':>5} {distance.name:>28} {'ratio':>16} {'s':>6}")
        ratio = distance.ratio(reference)
        print(
            f"{sampler:18} {steps:5} {distance.value:20.2f} ± {distance.standard_error:.2f} "
            f"{ratio.value:9.3f} {time.perf_counter() - start:10.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
