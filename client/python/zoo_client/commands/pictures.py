"""Pictures on disk: those that a subcommand is given, and those that it writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import typer

from zoo_client.errors import InvalidField

SUFFIXES = {".png", ".jpg", ".jpeg"}

Pictures: TypeAlias = Annotated[
    list[Path], typer.Argument(exists=True, help="PNG or JPEG files, folders of them, or .npy arrays.")
]
Fit: TypeAlias = Annotated[
    bool, typer.Option("--fit", help="Resize pictures that have not the size that the model takes.")
]


def read(paths: Iterable[Path]) -> list[tuple[str, Any]]:
    """(name, image) of every image in files, folders and arrays; an array of several gives a name to each.

    Raises InvalidField for a file that is no image, and if there is none at all.
    """
    paths = list(paths)
    found = list(_read(paths))
    if not found:
        raise InvalidField.of("images", f"no .png, .jpg or .npy file in {', '.join(map(str, paths))}")
    return found


def _read(paths: Iterable[Path]) -> Iterable[tuple[str, Any]]:
    from PIL import Image, ImageOps

    for path in paths:
        if path.is_dir():
            inside = (entry for entry in path.rglob("*") if entry.suffix.lower() in SUFFIXES)
            yield from _read(sorted(inside, key=_natural))
        elif path.suffix.lower() == ".npy":
            try:
                array = np.load(path, allow_pickle=False)
            except (EOFError, OSError, ValueError):
                raise InvalidField.of("images", f"{path} is no .npy array that can be read") from None
            # [h, w] and [h, w, c] are one picture, [n, h, w] and [n, h, w, c] are several.
            if array.ndim == 4 or (array.ndim == 3 and array.shape[-1] not in (1, 3)):
                yield from ((f"{path.name}[{index}]", image) for index, image in enumerate(array))
            else:
                yield path.name, array
        else:
            try:
                with Image.open(path) as picture:
                    # Telephones store pictures lying on their side, and note how to turn them.
                    yield path.name, ImageOps.exif_transpose(picture)
            except (OSError, SyntaxError, ValueError):  # Pillow's errors for no image, and for half of one.
                raise InvalidField.of("images", f"{path} is no image file that can be read") from None


def _natural(path: Path) -> list[tuple[bool, int | str]]:
    """A key that sorts 2.png before 10.png."""
    parts = re.split(r"(\d+)", str(path))
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in parts]


def fitted(pictures: Iterable[Any], shape: Sequence[int]) -> list[Any]:
    """The pictures with the height and width of `shape`, as far as it states them: resized with a smooth filter."""
    from PIL import Image

    from zoo_client.images import as_list, to_pil

    height, width, channels = shape
    found = []
    for picture in pictures:
        image = picture
        if isinstance(picture, np.ndarray):
            image = to_pil(as_list(picture, picture.shape[-1] if picture.ndim == 3 else channels)[0])
        size = (width or image.width, height or image.height)
        found.append(image if image.size == size else image.resize(size, Image.Resampling.LANCZOS))
    return found


def targets(output: Path, names: Sequence[str]) -> list[Path]:
    """Where to write the pictures made from those of these names.

    A single one goes to `output` if that ends like a picture; otherwise `output` is a folder, and each keeps its name.
    """
    if len(names) == 1 and output.suffix.lower() in SUFFIXES:
        output.parent.mkdir(parents=True, exist_ok=True)
        return [output]
    output.mkdir(parents=True, exist_ok=True)
    return [output / f"{stem}.png" for stem in distinct_stems(names)]


def distinct_stems(names: Sequence[str]) -> list[str]:
    """The names of pictures as names for files, without ending; those that would be equal get their number."""
    stems = [
        re.sub(r"[^\w.-]+", "_", re.sub(r"\.(png|jpe?g|npy)(?=\[|$)", "", name)).strip("_") for name in names
    ]
    return [stem if stems.count(stem) == 1 else f"{stem}_{number}" for number, stem in enumerate(stems)]
