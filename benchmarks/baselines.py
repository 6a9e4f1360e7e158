"""Reference points for the tables: what real images, Gaussians, means and a constant score in the same protocols.

python benchmarks/baselines.py [fashion_mnist] [--samples 10000] [--seeds 3]
"""

from __future__ import annotations

import argparse


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", nargs="?", default="fashion_mnist")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=1, help="sets of seeds to average over")
    parser.add_argument("--only", default="", help="measures, such as frechet,cas")
    arguments = parser.parse_args()

    from zoo.evaluation import Bench, measure, open_baseline
    from zoo.metrics.baselines import BASELINES

    for name in BASELINES:
        bench = Bench(
            *open_baseline(name, arguments.source), samples=arguments.samples, repeats=arguments.seeds
        )
        figures, _ = measure(bench, [word for word in arguments.only.split(",") if word])
        print(name)
        for figure in figures:
            print(f"  {figure}", flush=True)


if __name__ == "__main__":
    main()
