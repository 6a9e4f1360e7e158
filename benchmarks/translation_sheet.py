"""Draws what a bundled model of two domains does with test images, in this process.

Rows: images of A, their translations, and those translated back; then the same from B. The sheet of docs/cyclegan.md:

python benchmarks/translation_sheet.py --model cyclegan_fashion_mnist -o docs/images/cyclegan_shoes.png
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import numpy as np

from zoo import contract, data
from zoo_client.grid import grid

MODELS = Path(__file__).resolve().parents[1] / "saved_models"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="cyclegan_fashion_mnist", help="a folder of saved_models/")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument(
        "--columns", type=int, default=14, help="images of each domain, the first of the test split"
    )
    parser.add_argument("--scale", type=int, default=2, help="whole factor of enlargement")
    arguments = parser.parse_args()

    path = max((MODELS / arguments.model).iterdir(), key=lambda version: int(version.name))
    model = contract.LoadedModel(path)
    source = data.load(**tomllib.loads(model.card.recipe.config_toml)["data"])
    images, domain = source.arrays("test")
    rows, names = [], []
    for place, name in enumerate(source.domains):
        other, there, back = source.domains[1 - place], 1 + place, 2 - place
        image = images[domain == place][: arguments.columns]
        translated = model.ask("translate", {"image": image}, direction=there)["image"]
        returned = model.ask("translate", {"image": translated}, direction=back)["image"]
        rows += [image, translated, returned]
        names += [name, f"as {other}", "and back"]
    sheet = grid(
        np.concatenate(rows), columns=arguments.columns, scale=arguments.scale, gap=2, row_labels=names
    )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(arguments.output)
    print(arguments.output)


if __name__ == "__main__":
    main()
