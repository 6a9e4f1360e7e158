"""Enlarges the held-out photographs, whole, by each of some exported models; prints PSNR and SSIM and draws a sheet.

The low resolution is that of training and of `pixelzoo evaluate`: antialiased bicubic, rounded. The first row of the
table is bicubic interpolation; Y is BT.601, and 4 pixels along each edge are left out.

python benchmarks/enlarged_photographs.py saved_models/srgan_photos/1 -o docs/images/srgan_photos.png
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from zoo import contract
from zoo.contact_sheet import grid
from zoo.data import degradation, photos
from zoo.metrics import fidelity

# Side of the part that the sheet shows of each photograph, and where its top left corner is.
SIDE = 160
PARTS = {"chelsea": (60, 140), "coffee": (100, 200), "flower": (130, 240)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "models", nargs="+", type=Path, help="version folders, such as saved_models/srgan_photos/1"
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="write a sheet here: bicubic, each model, the original"
    )
    arguments = parser.parse_args()
    models = {path.resolve().parent.name: contract.LoadedModel(path) for path in arguments.models}
    rows = []
    print(f"{'photograph':12} {'':16} {'PSNR-Y':>7} {'PSNR':>7} {'SSIM-Y':>7}")
    for name, original in held_out():
        low = degradation.low_resolution(original[None]).numpy()
        pictures = {"bicubic": degradation.bicubic(low).numpy()[0]}
        for model in models:
            pictures[model] = models[model].ask("translate", {"image": low})["image"][0]
        for method, picture in pictures.items():
            print(f"{name:12} {method:16} {figures(picture, original)}", flush=True)
        top, left = PARTS[name]
        rows += [picture[top : top + SIDE, left : left + SIDE] for picture in (*pictures.values(), original)]
    if arguments.output:
        sheet = grid(np.stack(rows), len(models) + 2)
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        # Twice as large, pixel by pixel: what is compared are single pixels.
        sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST).save(arguments.output)
        print(arguments.output)


def held_out() -> Iterator[tuple[str, np.ndarray]]:
    """The name and the pixels, uint8 [h, w, 3] with sides that 4 divides, of each photograph of the test split."""
    for photograph in photos.photographs(held_out=True):
        yield photograph.name, degradation.whole_multiple(photograph.pixels())


def figures(picture: np.ndarray, original: np.ndarray) -> str:
    """PSNR of Y and of RGB in dB, and SSIM of Y."""
    luma, true_luma = fidelity.luma(picture), fidelity.luma(original)
    values = (
        fidelity.psnr(luma, true_luma, shave=4),
        fidelity.psnr(picture, original, shave=4),
        fidelity.ssim(luma, true_luma, shave=4),
    )
    return " ".join(f"{value:7.4g}" for value in values)


if __name__ == "__main__":
    main()
