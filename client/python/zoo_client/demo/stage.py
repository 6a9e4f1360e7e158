"""What every act of the demo needs: the server, held-out images, a clock, and a report to write into."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from rich.console import Console

from zoo_client import held_out
from zoo_client.client import Client
from zoo_client.demo.sheet import Panel
from zoo_client.errors import ZooError
from zoo_client.held_out import HeldOut, Photograph
from zoo_client.images import Pixels
from zoo_client.model import Model
from zoo_client.results import Samples

SEED = 7
TILE, SMALLEST_TILE = 96, 16  # Sides of pieces of a photograph: where a model takes any size, and at least.


@dataclass(frozen=True)
class Act:
    """One thing that was done: its name, of how many images, with which details, and in how many seconds."""

    name: str
    images: int
    details: str
    seconds: float


@dataclass(frozen=True)
class ScoreRow:
    """A score of three kinds of images, as text: its name, each value, its unit, and what it is."""

    name: str
    real: str
    own: str
    noise: str
    unit: str
    kind: str


@dataclass
class Report:
    """All that was done with a model, and the pictures that came of it."""

    model: Model
    acts: list[Act] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    samples: Samples | None = None
    scores: list[ScoreRow] = field(default_factory=list)
    failure: ZooError | None = None


@dataclass(frozen=True, eq=False)
class Audience:
    """Held-out images of the kind that a model was trained on; `labels` are empty where there are no classes."""

    images: Sequence[Pixels]
    labels: Sequence[int]
    classes: Sequence[str]

    def of_class(self, name: str) -> list[Pixels]:
        """The images of the class of this name."""
        return [
            image
            for image, label in zip(self.images, self.labels, strict=True)
            if self.classes[label] == name
        ]


class Stage:
    """A server to call, images that no model has seen, and a console that tells what is done."""

    def __init__(self, zoo: Client, console: Console) -> None:
        self.zoo = zoo
        self.console = console
        self.held_out: HeldOut = held_out.load()
        self.photographs: list[Photograph] = held_out.photographs()

    def audience(self, model: Model) -> Audience | None:
        """The bundled held-out images of the model's kind, or None."""
        data = self.held_out
        if model.image_shape == data.images.shape[1:] and model.card.data.name in ("", data.name):
            chosen = [
                (image, int(label))
                for image, label in zip(data.images, data.labels, strict=True)
                if not model.domains or data.classes[label] in model.domains
            ]
            images, labels = [image for image, _ in chosen], [label for _, label in chosen]
            return Audience(images, labels, data.classes) if images else None
        height, width, channels = model.image_shape
        size = (height or TILE, width or TILE)
        fits = min(size) >= SMALLEST_TILE and size[0] * size[1] <= model.card.limits.max_pixels_per_image
        if channels == 3 and fits and model.card.data.name in ("", "photos"):
            tiles = [tile for photograph in self.photographs for tile in _tiles(photograph.pixels, *size)]
            return Audience(tiles, [], ()) if tiles else None
        return None

    def leave_out(self, what: str) -> None:
        """Says that the demo has no images for this."""
        self.say(f"{what}: left out, the bundled held-out images are not its kind")

    def say(self, words: str) -> None:
        self.console.print(f"  {words}", highlight=False)

    @contextmanager
    def timed(self, report: Report, name: str, images: int, details: str = "") -> Iterator[None]:
        """Times an act, enters it into the report, and tells."""
        start = time.monotonic()
        yield
        act = Act(name, images, details, time.monotonic() - start)
        report.acts.append(act)
        within = f"({act.details}) " if act.details else ""
        self.say(f"{act.name}: {act.images} image{'s' * (act.images != 1)} {within}in {act.seconds:.1f} s")


def _tiles(image: Pixels, height: int, width: int) -> list[Pixels]:
    """The image in tiles of this size, as far as they are whole."""
    return [
        image[top : top + height, left : left + width]
        for top in range(0, image.shape[0] - height + 1, height)
        for left in range(0, image.shape[1] - width + 1, width)
    ]


def uniform_noise(images: Sequence[Pixels]) -> list[Pixels]:
    """Images of the same shapes of which every value is any of the 256 levels, the same ones each time."""
    generator = np.random.default_rng(SEED)
    return [generator.integers(0, 256, image.shape, np.uint8) for image in images]
