"""Acts of the demo that draw: samples, by class where there are classes, how they came about, and completions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pixelzoo.v1 import capability_pb2
from zoo_client.commands.film import film
from zoo_client.commands.progress import following
from zoo_client.demo.sheet import Panel
from zoo_client.demo.stage import SEED, Report, Stage
from zoo_client.grid import blank_below, grid
from zoo_client.model import Model
from zoo_client.options import SampleOptions
from zoo_client.requests import completion
from zoo_client.results import Image, Preview, Samples

# Everything is laid out such that two panels of 28 x 28 images fit side by side.
COLUMNS, MOST_CLASSES = 10, 10  # Images in a row without classes; with classes, there is a column for each.
ROWS, ROWS_IN_STEPS, ROWS_TRUNCATED = 4, 3, 1  # What goes in steps takes longer.
FILM_ROWS, FILM_FRAMES = 3, 7  # How some images came about, in so many previews.
COMPLETED, COMPLETIONS = 4, 6  # Pictures, and how often each.

# Samplers that are good in few steps: the demo is to be watched, not waited for.
FEW_STEPS = {"ddim": 50, "dpm_solver_pp_2m": 20}
TRUNCATION = 0.7


def sample(stage: Stage, report: Report) -> None:
    """Samples with each set of options that is worth a look."""
    capability = report.model.capability("sample")
    if capability is not None:
        for number, options in enumerate(option_sets(capability)):
            _sample(stage, report, capability, options, first=number == 0)


def option_sets(capability: capability_pb2.Capability) -> list[SampleOptions]:
    """Each sampler that is good in few steps; without and with truncation; or else the card's defaults."""
    options = {option.name: option for option in capability.options}
    if "truncation" in options and options["truncation"].real.default > TRUNCATION:
        return [{}, {"truncation": max(TRUNCATION, options["truncation"].real.min)}]
    if not {"sampler", "steps"} <= options.keys():
        return [{}]
    choices = {choice.name for choice in options["sampler"].choice.choices}
    most = options["steps"].integer.max
    return [
        {"sampler": sampler, "steps": min(steps, most)}
        for sampler, steps in FEW_STEPS.items()
        if sampler in choices
    ] or [{}]


def _sample(
    stage: Stage,
    report: Report,
    capability: capability_pb2.Capability,
    options: SampleOptions,
    *,
    first: bool,
) -> None:
    model = report.model
    classes = model.classes[:MOST_CLASSES] if model.conditional else ()
    columns = len(classes) or COLUMNS
    rows = ROWS_IN_STEPS if capability.iterative else ROWS if first else ROWS_TRUNCATED
    labels = [label for _ in range(rows) for label in range(len(classes))]
    steps = steps_of(model, capability, options)
    interval = max(1, steps // FILM_FRAMES) if first and capability.previews and steps > 1 else 0
    details = ", ".join(
        f"{value} {name}" if name == "steps" else f"{value}" for name, value in options.items()
    )
    details = f"truncation {details}" if "truncation" in options else details

    with stage.timed(report, "sample", rows * columns, details):
        events = stage.zoo.stream_sample(
            model.name, rows * columns, seed=SEED, labels=labels, preview_interval=interval, **options
        )
        told: list[Preview | Image] = list(following(events, f"  sample {details}".rstrip(), stage.console))
    samples = Samples([event for event in told if isinstance(event, Image)])
    report.samples = report.samples or samples
    used = {name: value for name, value in samples[0].recipe.options.items() if name not in options}
    others = [f"{name} {value:g}" for name, value in used.items() if isinstance(value, int | float)]
    seeds = f"seeds {samples.seeds[0]} to {samples.seeds[-1]}"
    caption = " · ".join([seeds, *others, f"{report.acts[-1].seconds:.1f} s"])
    picture = grid(samples.images, columns=columns, margin=0, column_labels=classes)
    report.panels.append(Panel(picture, f"samples: {details}" if details else "samples", caption))
    if interval:
        report.panels.append(film_panel(told, samples, columns, details, model))


def steps_of(model: Model, capability: capability_pb2.Capability, options: SampleOptions) -> int:
    """How many steps an image takes: as asked, or as the card says."""
    defaults = [option.integer.default for option in capability.options if option.name == "steps"]
    return options.get("steps") or next(iter(defaults), model.card.limits.max_steps)


def film_panel(
    told: list[Preview | Image], samples: Samples, columns: int, details: str, model: Model
) -> Panel:
    """How the first image of some columns came about."""
    chosen = list(range(min(FILM_ROWS, columns)))
    way = film(told, chosen)
    names = [model.class_name(samples[index].recipe.label) for index in chosen]
    picture = grid(
        way.frames,
        columns=way.columns,
        margin=0,
        row_labels=names if any(names) else (),
        column_labels=[*(f"step {step}" for step in way.steps), "image"],
    )
    return Panel(picture, "how they came about", details)


def complete(stage: Stage, report: Report) -> None:
    """The top halves of held-out images, completed several times each."""
    model = report.model
    if not model.takes("sample", "image", "given_rows"):
        return
    audience = stage.audience(model)
    if audience is None:
        stage.leave_out("complete")
        return
    chosen = different(audience.labels, COMPLETED) or list(range(COMPLETED))
    tiles = []
    rows = model.image_shape[0] // 2
    with stage.timed(report, "complete", len(chosen) * COMPLETIONS, f"{rows} rows given"):
        for index in chosen:
            image = audience.images[index]
            labels = audience.labels[index] if model.conditional else None
            events = stage.zoo.stream_sample(
                model.name, COMPLETIONS, seed=SEED, labels=labels, **completion(model, image, rows, None)
            )
            told = [one for one in following(events, "  complete", stage.console) if isinstance(one, Image)]
            tiles += [image, blank_below(image, rows), *Samples(told).images]
    picture = grid(
        np.stack(tiles),
        columns=COMPLETIONS + 2,
        margin=0,
        column_labels=["held out", "given", *[""] * COMPLETIONS],
        row_labels=[audience.classes[audience.labels[index]] for index in chosen] if audience.labels else (),
    )
    caption = f"the upper {rows} rows are given, the rest is drawn · {report.acts[-1].seconds:.1f} s"
    report.panels.append(Panel(picture, "completed", caption))


def different(labels: Sequence[int], count: int) -> list[int]:
    """Where the first `count` different labels stand first."""
    seen: dict[int, int] = {}
    for index, label in enumerate(labels):
        seen.setdefault(label, index)
    return sorted(seen.values())[:count]
