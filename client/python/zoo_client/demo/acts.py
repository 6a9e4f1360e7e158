"""What the demo does with one model: sample it, go through its latents and back, and score with it.

Nothing here knows a model by name: the card says what a model can do, and how its options are called.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape

from pixelzoo.v1 import capability_pb2
from zoo_client.client import Client
from zoo_client.commands.film import film
from zoo_client.commands.progress import following
from zoo_client.demo.sheet import Panel
from zoo_client.errors import ZooError
from zoo_client.grid import grid
from zoo_client.held_out import HeldOut
from zoo_client.images import Pixels
from zoo_client.model import Model
from zoo_client.options import SampleOptions
from zoo_client.results import Image, Preview, Samples, ScoreInfo, Scores

SEED = 7
COLUMNS, ROWS = 12, 4  # Of samples without classes.
EACH_CLASS, MOST_CLASSES = 5, 12  # A row for each class, for so many of them.
FILM_ROWS, FILM_FRAMES = 4, 10  # How some images came about, in so many previews.
RECONSTRUCTED = FRAMES = 12

# Samplers that are good in few steps: the demo is to be watched, not waited for.
FEW_STEPS = {"ddim": 50, "dpm_solver_pp_2m": 20}


@dataclass(frozen=True)
class Act:
    """One thing that was done: its name, of how many images, with which details, and in how many seconds."""

    name: str
    images: int
    details: str
    seconds: float


@dataclass(frozen=True)
class ScoreRow:
    """One score of the held-out images beside that of noise: means over the images."""

    info: ScoreInfo
    real: float
    noise: float


@dataclass
class Report:
    """All that was done with a model, and the pictures that came of it."""

    model: Model
    acts: list[Act] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    films: list[Panel] = field(default_factory=list)
    scores: list[ScoreRow] = field(default_factory=list)
    failure: ZooError | None = None


class Performer:
    """Goes through the capabilities of models, telling on the console what it does."""

    def __init__(self, zoo: Client, held_out: HeldOut, console: Console) -> None:
        self._zoo = zoo
        self._held_out = held_out
        self._console = console

    def perform(self, model: Model) -> Report:
        """Everything that the model can do, or what it did before it failed."""
        report = Report(model)
        try:
            self._perform(report)
        except ZooError as error:
            report.failure = error
            self._console.print(f"  [red]failed:[/] {escape(str(error))}", highlight=False)
        if not report.acts:
            self._console.print("  nothing of what this demo shows")
        return report

    def _perform(self, report: Report) -> None:
        model = report.model
        sample = model.capability("sample")
        if sample is not None:
            for number, options in enumerate(fast_options(sample)):
                self._sample(report, sample, options, film=number == 0)
        if {"encode", "decode"} <= set(model.capabilities) and self._fits(model, "encode"):
            self._latents(report)
        if "score" in model.capabilities and self._fits(model, "score"):
            self._score(report)

    def _fits(self, model: Model, name: str) -> bool:
        """Whether the held-out images are such as the model was trained on; if not, says what is left out."""
        held_out = self._held_out
        same_data = model.card.data.name in ("", held_out.name)
        if same_data and model.image_shape == held_out.images.shape[1:]:
            return True
        self._console.print(
            f"  {name}: left out, the bundled held-out images ({held_out.name}) are not its kind"
        )
        return False

    def _sample(
        self, report: Report, capability: capability_pb2.Capability, options: SampleOptions, *, film: bool
    ) -> None:
        model = report.model
        classes = model.classes[:MOST_CLASSES] if model.conditional else ()
        columns = EACH_CLASS if classes else COLUMNS
        count = columns * (len(classes) or ROWS)
        labels = [label for label in range(len(classes)) for _ in range(columns)]
        steps = steps_of(model, capability, options)
        interval = max(1, steps // FILM_FRAMES) if film and capability.previews and steps > 1 else 0
        details = ", ".join(
            str(value) if name == "sampler" else f"{value} {name}" for name, value in options.items()
        )

        with self._timed(report, "sample", count, details):
            events = self._zoo.stream_sample(
                model.name, count, seed=SEED, labels=labels, preview_interval=interval, **options
            )
            title = f"  sample {details}".rstrip()
            told: list[Preview | Image] = list(following(events, title, self._console))
        samples = Samples([event for event in told if isinstance(event, Image)])
        used = {name: value for name, value in samples[0].recipe.options.items() if name not in options}
        others = [f"{name} {value:g}" for name, value in used.items() if isinstance(value, int | float)]
        seeds, seconds = (
            f"seeds {samples.seeds[0]} to {samples.seeds[-1]}",
            f"{report.acts[-1].seconds:.1f} s",
        )
        caption = " · ".join([seeds, *others, seconds])
        picture = grid(samples.images, columns=columns, margin=0, row_labels=classes)
        report.panels.append(Panel(picture, details or "samples", caption))
        if interval:
            report.films.append(film_panel(told, samples, columns, details, model))

    def _latents(self, report: Report) -> None:
        name, images = report.model.name, self._held_out.images[:RECONSTRUCTED]
        with self._timed(report, "encode and decode", len(images), ""):
            latents = self._zoo.encode(name, images)
            decoded = self._zoo.decode(name, latents)
        both = np.concatenate([images, decoded])
        picture = grid(both, columns=len(images), margin=0, row_labels=["held out", "decoded"])
        numbers = latents[0].size
        report.panels.append(
            Panel(picture, "encoded and decoded", f"held-out images through {numbers} numbers each and back")
        )
        if latents.dtype.kind != "f":
            return  # There is nothing between two codes of a codebook.
        pairs = different_pairs(self._held_out.labels, 3)
        with self._timed(report, "interpolate", len(pairs) * FRAMES, "spherical"):
            ways = [
                self._zoo.interpolate(
                    name, self._held_out.images[a], self._held_out.images[b], FRAMES, method="spherical"
                )
                for a, b in pairs
            ]
        picture = grid(np.concatenate(ways), columns=FRAMES, margin=0)
        report.panels.append(Panel(picture, "interpolated", "from one held-out image to another"))

    def _score(self, report: Report) -> None:
        held_out, model = self._held_out, report.model
        noise = uniform_noise(held_out.images.shape)
        labels = held_out.labels.tolist() if model.card.label_required else None
        with self._timed(report, "score", 2 * len(noise), "held out, and noise"):
            real_scores, noise_scores = (
                Scores(
                    list(
                        following(
                            self._zoo.stream_score(model.name, images, labels, seed=SEED),
                            f"  score {what}",
                            self._console,
                        )
                    )
                )
                for what, images in (("held-out images", held_out.images), ("noise", noise))
            )
        report.scores += [
            ScoreRow(info, float(real_scores[info.name].mean()), float(noise_scores[info.name].mean()))
            for info in real_scores.infos
            if info.kind not in ("DETAIL", "CLASS_PROBABILITY")
        ]

    @contextmanager
    def _timed(self, report: Report, name: str, images: int, details: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        act = Act(name, images, details, time.monotonic() - start)
        report.acts.append(act)
        words = f"{act.name}: {act.images} images {f'({act.details}) ' if act.details else ''}in {act.seconds:.1f} s"
        self._console.print(f"  {words}", highlight=False)


def fast_options(capability: capability_pb2.Capability) -> list[SampleOptions]:
    """The option sets to sample with: each sampler that is good in few steps, or else the card's defaults."""
    options = {option.name: option for option in capability.options}
    if not {"sampler", "steps"} <= options.keys():
        return [{}]
    choices = {choice.name for choice in options["sampler"].choice.choices}
    most = options["steps"].integer.max
    return [
        {"sampler": sampler, "steps": min(steps, most)}
        for sampler, steps in FEW_STEPS.items()
        if sampler in choices
    ] or [{}]


def steps_of(model: Model, capability: capability_pb2.Capability, options: SampleOptions) -> int:
    """How many steps an image takes: as asked, or as the card says."""
    defaults = [option.integer.default for option in capability.options if option.name == "steps"]
    return options.get("steps") or next(iter(defaults), model.card.limits.max_steps)


def film_panel(
    told: list[Preview | Image], samples: Samples, columns: int, details: str, model: Model
) -> Panel:
    """How the first image of some rows came about."""
    chosen = [row * columns for row in range(min(FILM_ROWS, len(samples) // columns))]
    way = film(told, chosen)
    names = [model.class_name(samples[index].recipe.label) for index in chosen]
    picture = grid(way.frames, columns=way.columns, margin=0, row_labels=names if any(names) else ())
    steps = ", ".join(str(step) for step in way.steps)
    return Panel(picture, f"from noise to image: {details}", f"previews after step {steps}, and the image")


def uniform_noise(shape: tuple[int, ...]) -> Pixels:
    """Images of which every pixel is any of the 256 levels, the same ones each time."""
    return np.random.default_rng(SEED).integers(0, 256, shape, np.uint8)


def different_pairs(labels: Any, count: int) -> list[tuple[int, int]]:
    """Pairs of images of different classes: neighbours in the list, as far as there are enough."""
    pairs = ((a, a + 1) for a in range(0, len(labels) - 1, 2) if labels[a] != labels[a + 1])
    return [pair for pair, _ in zip(pairs, range(count), strict=False)]
