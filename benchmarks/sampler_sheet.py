"""Draws the same seeds by 1000 ancestral steps, DDIM and DPM-Solver++, one row each, to compare by eye.

python benchmarks/sampler_sheet.py [--model ddpm_fashion_mnist] [-o docs/images/ddpm_samplers.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

MODELS = Path(__file__).resolve().parents[1] / "saved_models"
ROWS = [
    ("DDPM, 1000 steps", 1, 1000),
    ("DDIM, 250 steps", 2, 250),
    ("DDIM, 50 steps", 2, 50),
    ("DPM-Solver++, 20 steps", 3, 20),
    ("DPM-Solver++, 10 steps", 3, 10),
]
SCALE, LEFT, TOP = 2, 190, 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="ddpm_fashion_mnist")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images/ddpm_samplers.png"))
    parser.add_argument("--columns", type=int, default=20)
    arguments = parser.parse_args()

    from zoo import contract

    path = max((MODELS / arguments.model).iterdir(), key=lambda version: int(version.name))
    model = contract.LoadedModel(path)
    n, side = arguments.columns, model.card.image_shape.height * SCALE
    sheet = Image.new("L", (LEFT + n * (side + 2), TOP + len(ROWS) * (side + 6)), 255)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    inputs = {"seed": np.arange(n), "label": np.arange(n) % max(1, len(model.card.classes))}
    for row, (name, sampler, steps) in enumerate(ROWS):
        top = TOP + row * (side + 6)
        draw.text((8, top + side // 2), name, fill=0, font=font, anchor="lm")
        for column, image in enumerate(model.ask("sample", inputs, sampler=sampler, steps=steps)["image"]):
            tile = Image.fromarray(image[..., 0]).resize((side, side), Image.Resampling.NEAREST)
            sheet.paste(tile, (LEFT + column * (side + 2), top))
        print(name, flush=True)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(arguments.output)
    print(arguments.output)


if __name__ == "__main__":
    main()
