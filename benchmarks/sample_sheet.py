"""Draws a sheet of samples from a bundled model, in this process: a row for each class, or for each set of options.

The same seeds are in every row, so that rows can be compared by eye. The two sheets of the README:

python benchmarks/sample_sheet.py --model ddpm_fashion_mnist --columns 14 -o docs/images/ddpm_classes.png
python benchmarks/sample_sheet.py --model ddpm_fashion_mnist --columns 14 -o docs/images/ddpm_samplers.png \
    --row "DDPM, 1000 steps: sampler=ddpm steps=1000" --row "DDIM, 250 steps: sampler=ddim steps=250" \
    --row "DDIM, 50 steps: sampler=ddim steps=50" --row "DPM-Solver++, 20 steps: sampler=dpm_solver_pp_2m steps=20" \
    --row "DPM-Solver++, 10 steps: sampler=dpm_solver_pp_2m steps=10"
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixelzoo.v1 import capability_pb2
from zoo import contract
from zoo_client.grid import grid

MODELS = Path(__file__).resolve().parents[1] / "saved_models"


@dataclass(frozen=True)
class Row:
    """What stands beside a row, the label of its images (None: all classes in turn), and the options they take."""

    name: str
    label: int | None
    options: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="ddpm_fashion_mnist", help="a folder of saved_models/")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--columns", type=int, default=14, help="images in a row, with the seeds 0, 1, 2 ...")
    parser.add_argument("--scale", type=int, default=2, help="whole factor of enlargement")
    parser.add_argument(
        "--row",
        action="append",
        default=[],
        metavar="NAME: OPTION=VALUE ...",
        help="a row of images with these options; without any, there is a row for each class",
    )
    arguments = parser.parse_args()

    path = max((MODELS / arguments.model).iterdir(), key=lambda version: int(version.name))
    model = contract.LoadedModel(path)
    rows = [parse(row, model.capabilities["sample"]) for row in arguments.row] or class_rows(model)
    images = []
    for row in rows:
        images.append(draw(model, row, arguments.columns))
        print(row.name or "samples", flush=True)
    sheet = grid(
        np.concatenate(images),
        columns=arguments.columns,
        scale=arguments.scale,
        gap=2,
        row_labels=[row.name for row in rows] if any(row.name for row in rows) else (),
    )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(arguments.output)
    print(arguments.output)


def parse(text: str, capability: capability_pb2.Capability) -> Row:
    """A row from text such as "DDIM, 50 steps: sampler=ddim steps=50"; a choice may be given by its name."""
    name, _, words = text.rpartition(":")
    choices = {
        option.name: {choice.name: choice.number for choice in option.choice.choices}
        for option in capability.options
    }
    options = {}
    for word in words.split():
        option, _, value = word.partition("=")
        options[option] = float(choices.get(option, {}).get(value, value))
    return Row(name.strip(), None, options)


def class_rows(model: contract.LoadedModel) -> list[Row]:
    """A row for each class, or a single one for a model without classes; options at their defaults."""
    if not model.card.conditional:
        return [Row("", None, {})]
    return [Row(name, label, {}) for label, name in enumerate(model.card.classes)]


def draw(model: contract.LoadedModel, row: Row, columns: int) -> Any:
    """The images of a row, uint8 [columns, h, w, c]."""
    classes = max(1, len(model.card.classes))
    labels = np.arange(columns) % classes if row.label is None else np.full(columns, row.label)
    return model.ask("sample", {"seed": np.arange(columns), "label": labels}, **row.options)["image"]


if __name__ == "__main__":
    main()
