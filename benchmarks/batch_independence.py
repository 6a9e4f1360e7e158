"""How much a picture depends on who shares its batches: floats and pixels in random mixes, against the same alone.

    python benchmarks/batch_independence.py [--model ddpm_fashion_mnist] [--items 12] [--mixes 5] [--steps 10]

Runs the server's own batches in this process. In a mix, the items are dealt anew at every step into groups of random
sizes and orders. An ordinary item is run at the smallest bucket that holds its group, a reproducible one always at the
largest; each is compared with itself alone under the same rule. Floats are those of the state, after every step.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pixelzoo.v1.capability_pb2 import CAPABILITY_KIND_SAMPLE
from zoo_server.engine.batch import Batch, gather, stack
from zoo_server.engine.bucket import bucket_for
from zoo_server.engine.job import Item
from zoo_server.repository.model import FailedModel, LoadedModel, load

MODELS = Path(__file__).resolve().parents[1] / "saved_models"

Deal = Callable[[list[Item]], list[list[Item]]]
Size = Callable[[int], int]


@dataclass
class Run:
    """What became of each item, by its index: its floats after every step, and its pixels."""

    floats: dict[int, list[np.ndarray]] = field(default_factory=dict)
    pixels: dict[int, np.ndarray] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="ddpm_fashion_mnist", help="a folder of saved_models/")
    parser.add_argument("--items", type=int, default=12)
    parser.add_argument("--mixes", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="of models that have this option")
    arguments = parser.parse_args()

    path = max((MODELS / arguments.model).iterdir(), key=lambda version: int(version.name))
    model = load(path)
    if isinstance(model, FailedModel):
        raise SystemExit(model.why)
    buckets = model.programs[CAPABILITY_KIND_SAMPLE].buckets
    inputs = rows(model, arguments.items, arguments.steps)
    draw = random.Random(0)
    print(f"{arguments.model}, {arguments.items} items, {arguments.mixes} mixes, buckets {buckets}")
    print(f"{'':14} {'largest float':>14} {'largest pixel':>14} {'share of pixels':>16} {'of pictures':>12}")
    for name, size in (
        ("ordinary", lambda items: bucket_for(items, buckets)),
        ("reproducible", lambda items: buckets[-1]),
    ):
        alone = run(model, inputs, lambda items: [[item] for item in items], size)
        mixes = [
            run(model, inputs, lambda items: dealt(items, buckets[-1], draw), size)
            for _ in range(arguments.mixes)
        ]
        print(f"{name:14} {figures(alone, mixes)}", flush=True)


def rows(model: LoadedModel, items: int, steps: int) -> list[dict[str, np.ndarray]]:
    """What each item brings: the options' defaults, a seed, and a class in turn."""
    program = model.programs[CAPABILITY_KIND_SAMPLE]
    shared = dict(model.options[CAPABILITY_KIND_SAMPLE].defaults())
    if "steps" in shared:
        shared["steps"] = np.asarray(steps, np.int32)
    classes = max(1, len(model.card.classes))
    own = [
        {"seed": np.asarray(i, np.int64), "label": np.asarray(i % classes, np.int32)} for i in range(items)
    ]
    return [{name: {**shared, **row}[name] for name in program.inputs} for row in own]


def dealt(items: Sequence[Item], most: int, draw: random.Random) -> list[list[Item]]:
    """In groups of random sizes, up to `most`, and in random order."""
    rest, groups = draw.sample(items, len(items)), []
    while rest:
        count = draw.randint(1, most)
        groups.append(rest[:count])
        rest = rest[count:]
    return groups


def run(model: LoadedModel, inputs: Sequence[dict[str, np.ndarray]], deal: Deal, size: Size) -> Run:
    """All items from beginning to end, in the groups of `deal`, each at the bucket of `size`."""
    program = model.programs[CAPABILITY_KIND_SAMPLE]
    items = [Item(None, index, row) for index, row in enumerate(inputs)]  # type: ignore[arg-type]  # no job, no call
    result = Run({item.index: [] for item in items})

    def place(group: list[Item], batch: Batch) -> None:
        for row, item in enumerate(group):
            item.batch, item.row = batch, row

    for group in deal(items):
        batch = stack([item.inputs for item in group], program.inputs, size(len(group)))
        place(group, batch.through(program.begin) if program.begin else batch)
    while program.advance and (left := [item for item in items if unfinished(item)]):
        for group in deal(left):
            place(group, gather(group, size(len(group))).through(program.advance))
            for item in group:
                result.floats[item.index].append(floats_of(item))
    for group in deal(items):
        pixels = gather(group, size(len(group))).through(program.finish).column("image")
        result.pixels.update({item.index: pixels[row] for row, item in enumerate(group)})
    return result


def unfinished(item: Item) -> bool:
    assert item.batch is not None
    return bool(item.batch.column("step")[item.row] < item.batch.column("steps")[item.row])


def floats_of(item: Item) -> np.ndarray:
    assert item.batch is not None
    columns = [column[item.row] for _, column in sorted(item.batch.columns().items())]
    return np.concatenate([column.ravel() for column in columns if column.dtype == np.float32])


def figures(alone: Run, mixes: Sequence[Run]) -> str:
    largest, levels, pictures = 0.0, [], []
    for mix in mixes:
        for index, pixels in mix.pixels.items():
            steps = zip(mix.floats[index], alone.floats[index], strict=True)
            largest = max([largest, *(float(np.abs(mine - own).max()) for mine, own in steps)])
            levels.append(np.abs(pixels.astype(int) - alone.pixels[index]))
            pictures.append(levels[-1].any())
    share = float(np.mean([level > 0 for level in levels]))
    return f"{largest:14.2g} {np.max(levels):14d} {share:16.2%} {np.mean(pictures):12.1%}"


if __name__ == "__main__":
    main()
