"""64 real images that no bundled model was trained on, from Fashion-MNIST's test split, with its licence.

They come with the client so that `pixelzoo demo`, or a reader with no data at hand, has something to score.
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


def load() -> HeldOut:
    """Reads the bundled sheet of 8 x 8 images and its labels."""
    from PIL import Image

    folder = resources.files(__name__)
    about = json.loads((folder / "fashion_mnist.json").read_text("utf-8"))
    with Image.open(io.BytesIO((folder / "fashion_mnist.png").read_bytes())) as picture:
        sheet = np.asarray(picture)
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
