"""Draws a sheet with one class a row, for the README and the family pages.

python benchmarks/class_sheet.py [--model ddpm_fashion_mnist] [-o docs/images/ddpm_classes.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

MODELS = Path(__file__).resolve().parents[1] / "saved_models"
SCALE, LEFT, TOP = 2, 110, 8


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="ddpm_fashion_mnist")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images/ddpm_classes.png"))
    parser.add_argument("--columns", type=int, default=14)
    parser.add_argument("--steps", type=int, default=50, help="DDIM steps")
    parser.add_argument("--guidance", type=float, default=1.0)
    arguments = parser.parse_args()

    from zoo import contract

    path = max((MODELS / arguments.model).iterdir(), key=lambda version: int(version.name))
    model = contract.LoadedModel(path)
    n, classes, side = arguments.columns, model.card.classes, model.card.image_shape.height * SCALE
    sheet = Image.new("L", (LEFT + n * (side + 2), TOP + len(classes) * (side + 2)), 255)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for label, name in enumerate(classes):
        top = TOP + label * (side + 2)
        draw.text((8, top + side // 2), name, fill=0, font=font, anchor="lm")
        inputs = {"seed": np.arange(n), "label": np.full(n, label)}
        options = {"sampler": 2, "steps": arguments.steps, "guidance": arguments.guidance}
        for column, image in enumerate(model.ask("sample", inputs, **options)["image"]):
            tile = Image.fromarray(image[..., 0]).resize((side, side), Image.Resampling.NEAREST)
            sheet.paste(tile, (LEFT + column * (side + 2), top))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(arguments.output)
    print(arguments.output)


if __name__ == "__main__":
    main()
