"""Real images that no bundled model was trained on: 64 of Fashion-MNIST's test split, and two photographs.

They come with the client, and with their licences, so that `pixelzoo demo`, or a reader with no data at hand, has
something to score, to complete and to enlarge.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from importlib import resources

import numpy as np

from zoo_client.images import Pixels


@dataclass(frozen=True)
class HeldOut:
    """Held-out images.

    Attributes:
        name: the data set, as in a card's `data.name`.
        images: uint8 [64, 28, 28, 1].
        labels: int32 [64], each an index of `classes`.
        classes: class names.
        sha256: hex digest of `images.tobytes()`.
        licence, holder, uri: the terms of the images, who holds them, and where they come from.
    """

    name: str
    images: Pixels
    labels: np.ndarray[tuple[int], np.dtype[np.int32]]
    classes: tuple[str, ...]
    sha256: str
    licence: str
    holder: str
    uri: str


@dataclass(frozen=True)
class Photograph:
    """Part of a photograph that the source `photos` of the zoo holds out.

    Attributes:
        name: its name in that source; `title` says what it shows.
        pixels: uint8 [256, 256, 3].
        licence, holder, uri: the terms of the photograph, its photographer, and where it comes from.
        sha256: hex digest of `pixels.tobytes()`.
    """

    name: str
    title: str
    pixels: Pixels
    licence: str
    holder: str
    uri: str
    sha256: str


def photographs() -> list[Photograph]:
    """Reads the bundled photographs."""
    entries = json.loads((resources.files(__name__) / "photographs.json").read_text("utf-8"))
    fields = ("name", "title", "licence", "holder", "uri", "sha256")
    return [
        Photograph(pixels=_pixels(entry["file"]), **{name: entry[name] for name in fields})
        for entry in entries
    ]


def load() -> HeldOut:
    """Reads the bundled sheet of 8 x 8 images and its labels."""
    about = json.loads((resources.files(__name__) / "fashion_mnist.json").read_text("utf-8"))
    sheet = _pixels("fashion_mnist.png")
    height, width, channels = about["image_shape"]
    rows, columns = sheet.shape[0] // height, sheet.shape[1] // width
    tiles = sheet.reshape(rows, height, columns, width, channels).swapaxes(1, 2)
    return HeldOut(
        name=about["name"],
        images=np.ascontiguousarray(tiles).reshape(-1, height, width, channels),
        labels=np.array(about["labels"], np.int32),
        classes=tuple(about["classes"]),
        sha256=about["sha256"],
        licence=about["licence"],
        holder=about["holder"],
        uri=about["uri"],
    )


def _pixels(file: str) -> Pixels:
    from PIL import Image

    with Image.open(io.BytesIO((resources.files(__name__) / file).read_bytes())) as picture:
        return np.asarray(picture)
