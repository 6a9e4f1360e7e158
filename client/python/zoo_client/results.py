"""What comes back: images and scores with the recipes that make them again, and the events of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from pixelzoo.v1 import (
    capability_pb2,
    progress_pb2,
    recipe_pb2,
    sampling_service_pb2,
    scoring_service_pb2,
    translation_service_pb2,
)
from zoo_client import images
from zoo_client.images import Pixels
from zoo_client.model import Model, enum_name
from zoo_client.recipe import PNG_KEY, Recipe
from zoo_client.requests import Part

if TYPE_CHECKING:
    from PIL import Image as PilImage


@dataclass(frozen=True)
class Progress:
    """How far a request has come. `step` of `steps`, and `items_done` of `items`, are sums over its items."""

    queue_position: int
    step: int
    steps: int
    items_done: int
    items: int


@dataclass(frozen=True, eq=False)
class Preview:
    """An unfinished image: `pixels` uint8 [h, w, c] of item `index`, after `step` of its `steps` steps."""

    index: int
    step: int
    steps: int
    pixels: Pixels

    def pil(self) -> PilImage.Image:
        return images.to_pil(self.pixels)


@dataclass(frozen=True, eq=False)
class Image:
    """A finished image.

    Attributes:
        index: which item of the request it is.
        pixels: uint8 [h, w, c].
        recipe: how to make it again.
        encoded: the server's file (a PNG has the recipe in its text), or None if the image came raw.
        mime_type: of `encoded`; empty if it came raw.
    """

    index: int
    pixels: Pixels
    recipe: Recipe
    encoded: bytes | None
    mime_type: str

    def pil(self) -> PilImage.Image:
        return images.to_pil(self.pixels)

    def save(self, path: str | Path) -> None:
        """Writes the image in the format of the path's suffix: the server's own file, where that fits.

        A PNG file has the recipe in its text, unless the image came as a JPEG file, whose pixels no recipe gives.
        """
        path = Path(path)
        suffixes = {"image/png": (".png",), "image/jpeg": (".jpg", ".jpeg")}
        if self.encoded is not None and path.suffix.lower() in suffixes.get(self.mime_type, ()):
            path.write_bytes(self.encoded)
        elif self.encoded is None and path.suffix.lower() == ".png":
            path.write_bytes(images.to_png(self.pixels, {PNG_KEY: self.recipe.text}))
        else:
            self.pil().save(path)


SampleEvent: TypeAlias = Progress | Preview | Image


class Samples(Sequence[Image]):
    """The images of one call, in the order of their index."""

    def __init__(self, items: Sequence[Image]) -> None:
        self._items = tuple(sorted(items, key=lambda image: image.index))

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> Samples: ...
    def __getitem__(self, index: int | slice) -> Image | Samples:
        return Samples(self._items[index]) if isinstance(index, slice) else self._items[index]

    def __iter__(self) -> Iterator[Image]:
        return iter(self._items)

    def __repr__(self) -> str:
        return f"Samples({len(self)} images of {self._items[0].recipe.model})" if self._items else "Samples()"

    @property
    def images(self) -> Pixels:
        """uint8 [n, h, w, c]. Images of several sizes cannot be stacked: iterate instead."""
        return np.stack([image.pixels for image in self._items])

    @property
    def recipes(self) -> list[Recipe]:
        return [image.recipe for image in self._items]

    @property
    def seeds(self) -> list[int]:
        return [image.recipe.seed for image in self._items]

    @property
    def labels(self) -> list[int | None]:
        return [image.recipe.label for image in self._items]

    def pil(self) -> list[PilImage.Image]:
        return [image.pil() for image in self._items]

    def save_grid(self, path: str | Path, *, columns: int | None = None, scale: int | None = None) -> None:
        """Writes all images as one picture; `scale` is the whole factor by which they are enlarged."""
        from zoo_client.grid import grid

        grid(self.images, columns=columns, scale=scale).save(path)


@dataclass(frozen=True)
class ScoreInfo:
    """What a score means.

    Attributes:
        name: its name, such as "bits_per_dim".
        kind: such as "EVIDENCE_LOWER_BOUND" or "EXACT_LOG_LIKELIHOOD"; "DETAIL" is a part of another score.
        unit: such as "bits/dim"; empty for a pure number.
        exact: False for a bound, and for a random estimate.
        description: one sentence for people.
        primary: whether it is the one to show where only one is shown.
        entries: names of the entries of a score that has several, such as the classes of a CLASS_PROBABILITY.
    """

    name: str
    kind: str
    unit: str
    exact: bool
    description: str = ""
    primary: bool = False
    entries: tuple[str, ...] = ()

    @property
    def meaning(self) -> str:
        """The kind in words; of a bound or an estimate, that it is not exact. (What a network says is what it says.)"""
        words = self.kind.lower().replace("_", " ")
        says = self.kind in ("DISCRIMINATOR_LOGIT", "CLASS_PROBABILITY")
        return words if self.exact or says else f"{words}, not exact"


@dataclass(frozen=True, eq=False)
class ImageScores:
    """The scores of one image: `values[name]` is a float, or a list of floats for a score with entries."""

    index: int
    values: dict[str, float | list[float]]
    infos: tuple[ScoreInfo, ...]
    recipe: Recipe

    def __getitem__(self, name: str) -> float | list[float]:
        return self.values[name]


ScoreEvent: TypeAlias = Progress | ImageScores


class Scores(Sequence[ImageScores]):
    """The scores of several images; `scores["bits_per_dim"]` is float64 [n], or [n, k] with k entries."""

    def __init__(self, items: Sequence[ImageScores]) -> None:
        self._items = tuple(sorted(items, key=lambda scores: scores.index))

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, key: str) -> npt.NDArray[np.float64]: ...
    @overload
    def __getitem__(self, key: int) -> ImageScores: ...
    @overload
    def __getitem__(self, key: slice) -> Scores: ...
    def __getitem__(self, key: str | int | slice) -> npt.NDArray[np.float64] | ImageScores | Scores:
        if isinstance(key, str):
            return self.values(key)
        return Scores(self._items[key]) if isinstance(key, slice) else self._items[key]

    def __iter__(self) -> Iterator[ImageScores]:
        return iter(self._items)

    def __repr__(self) -> str:
        return f"Scores({len(self)} images; {', '.join(self.names)})"

    @property
    def infos(self) -> tuple[ScoreInfo, ...]:
        """What each score means, in the order of the model's card."""
        return self._items[0].infos if self._items else ()

    @property
    def names(self) -> list[str]:
        return [info.name for info in self.infos]

    @property
    def primary(self) -> ScoreInfo:
        """The score to show where only one is shown."""
        return next((info for info in self.infos if info.primary), self.infos[0])

    def values(self, name: str) -> npt.NDArray[np.float64]:
        """float64 [n], or [n, k], of the score of this name."""
        if name not in self.names:
            raise KeyError(f"no score {name!r}; there are: {', '.join(self.names)}")
        return np.array([scores.values[name] for scores in self._items], np.float64)

    @property
    def recipes(self) -> list[Recipe]:
        return [scores.recipe for scores in self._items]


def image(message: recipe_pb2.GeneratedImage | recipe_pb2.TranslatedImage, first: int) -> Image:
    """A finished image; `first` is the index of the first item of the part of the call that it belongs to."""
    encoded = message.image.encoded if message.image.WhichOneof("payload") == "encoded" else None
    return Image(
        index=first + message.index,
        pixels=images.from_message(message.image),
        recipe=Recipe.from_message(message.recipe),
        encoded=encoded.data if encoded else None,
        mime_type=encoded.mime_type if encoded else "",
    )


def sample_events(
    message: sampling_service_pb2.StreamSampleResponse | translation_service_pb2.StreamTranslateResponse,
    part: Part[Any],
) -> Iterator[SampleEvent]:
    """The event of a stream's message; none, if it is of a kind that this client is too old to know."""
    match message.WhichOneof("event"):
        case "progress":
            yield progress(message.progress, part)
        case "preview":
            told = message.preview
            yield Preview(part.first + told.index, told.step, told.steps, images.from_message(told.image))
        case "image":
            yield image(message.image, part.first)


def score_events(
    message: scoring_service_pb2.StreamScoreResponse, part: Part[Any], model: Model
) -> Iterator[ScoreEvent]:
    """The event of a stream's message; none, if it is of a kind that this client is too old to know."""
    match message.WhichOneof("event"):
        case "progress":
            yield progress(message.progress, part)
        case "score":
            yield scores(message.score, part.first, model)


def progress(message: progress_pb2.Progress, part: Part[Any]) -> Progress:
    """Progress of the whole call, of which the message tells about one part; the others are taken to be like it."""
    each = message.steps / max(message.items, 1)
    before, others = part.first * each, (part.items - message.items) * each
    return Progress(
        queue_position=message.queue_position,
        step=round(before) + message.step,
        steps=round(others) + message.steps,
        items_done=part.first + message.items_done,
        items=part.items,
    )


def scores(message: scoring_service_pb2.ImageScore, first: int, model: Model) -> ImageScores:
    """All scores of one image; the card of `model` adds what each one is."""
    described = model.capability("score")
    outputs = {output.name: output for output in described.scores} if described is not None else {}
    values: dict[str, float | list[float]] = {}
    infos: dict[str, ScoreInfo] = {}
    for value in message.values:
        if value.HasField("entry"):
            entries = values.setdefault(value.name, [])
            assert isinstance(entries, list)
            entries.append(value.value)
        else:
            values[value.name] = value.value
        output = outputs.get(value.name)
        by_class = value.kind == capability_pb2.SCORE_KIND_CLASS_PROBABILITY
        infos[value.name] = ScoreInfo(
            name=value.name,
            kind=enum_name(capability_pb2.ScoreKind.DESCRIPTOR, value.kind),
            unit=value.unit,
            exact=value.exact,
            description=output.description if output is not None else "",
            primary=output.primary if output is not None else False,
            entries=model.classes if by_class else (),
        )
    return ImageScores(
        first + message.index, values, tuple(infos.values()), Recipe.from_message(message.recipe)
    )
