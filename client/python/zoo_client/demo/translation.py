"""Acts of the demo that make pictures from pictures: another domain, a variation, a hole mended, a larger picture."""

from __future__ import annotations

import numpy as np
from PIL import Image as PilImage

from zoo_client.commands.progress import following
from zoo_client.demo.sampling import FEW_STEPS, different
from zoo_client.demo.sheet import Panel
from zoo_client.demo.stage import SEED, Audience, Report, Stage
from zoo_client.grid import grid
from zoo_client.images import Images, Pixels
from zoo_client.model import Model
from zoo_client.options import TranslateOptions
from zoo_client.results import Image, Samples

PAIRS = 8  # Most pictures that are translated each way.
VARIED = 4  # Pictures that are varied, and that are mended.
STRENGTHS = (0.4, 0.6, 0.8)
MENDINGS = 3
DETAIL, DETAIL_SCALE = 56, 3  # Of enlarged pictures.
HOLE_LEVEL = 200  # The light grey by which a hole is shown.


def translate(stage: Stage, report: Report) -> None:
    """Whatever of all this the card says that the model can do."""
    model = report.model
    if model.scale > 1:
        _upscale(stage, report)
    if model.scale != 1:
        return
    audience = stage.audience(model)
    if audience is None:
        stage.leave_out("translate")
        return
    if model.domains:
        for number, (source, target) in enumerate((model.domains, model.domains[::-1])):
            _between(stage, report, audience, source, target, ("a_to_b", "b_to_a")[number])
    elif model.takes("translate", "strength"):
        _vary(stage, report, audience)
        if model.takes("translate", "mask"):
            _mend(stage, report, audience)
    else:
        _once(stage, report, audience)


def _run(
    stage: Stage, model: Model, pictures: Images, labels: list[int] | None, options: TranslateOptions
) -> Samples:
    events = stage.zoo.stream_translate(model.name, pictures, seed=SEED, labels=labels, **options)
    told = following(events, "  translate", stage.console)
    return Samples([event for event in told if isinstance(event, Image)])


def _between(
    stage: Stage, report: Report, audience: Audience, source: str, target: str, direction: str
) -> None:
    """Pictures of one domain as those of the other, and back."""
    images = np.stack(audience.of_class(source)[:PAIRS])
    back = {"a_to_b": "b_to_a", "b_to_a": "a_to_b"}[direction]
    with stage.timed(report, "translate", 2 * len(images), f"{source} to {target} and back"):
        there = _run(stage, report.model, images, None, {"direction": direction}).images
        again = _run(stage, report.model, there, None, {"direction": back}).images
    picture = grid(
        np.concatenate([images, there, again]),
        columns=len(images),
        margin=0,
        row_labels=[source, target, "and back"],
    )
    report.panels.append(Panel(picture, f"{source} to {target}", f"held-out images · {direction}"))


def _vary(stage: Stage, report: Report, audience: Audience) -> None:
    """Pictures noised part of the way and denoised again."""
    model, chosen = report.model, different(audience.labels, VARIED)
    images = [audience.images[index] for index in chosen]
    labels = [audience.labels[index] for index in chosen] if model.conditional else None
    with stage.timed(report, "translate", len(images) * len(STRENGTHS), "image to image"):
        varied = [
            list(_run(stage, model, images, labels, {**_few_steps(model), "strength": strength}).images)
            for strength in STRENGTHS
        ]
    columns = [images, *varied]
    picture = grid(
        _by_row(columns),
        columns=len(columns),
        margin=0,
        column_labels=["held out", *(f"strength {strength:g}" for strength in STRENGTHS)],
    )
    report.panels.append(Panel(picture, "image to image", "noised part of the way, and denoised again"))


def _mend(stage: Stage, report: Report, audience: Audience) -> None:
    """Pictures with a hole that is drawn anew, several times."""
    model, chosen = report.model, different(audience.labels, VARIED)
    images = np.stack([audience.images[index] for index in chosen])
    height, width = images.shape[1:3]
    mask = np.zeros((height, width), bool)
    mask[height // 4 : -height // 4, width // 4 : -width // 4] = True
    shown = images.copy()
    shown[:, mask] = HOLE_LEVEL
    repeated = images.repeat(MENDINGS, axis=0)  # Item by item, so that each has a seed of its own.
    labels = [audience.labels[index] for index in chosen for _ in range(MENDINGS)]
    with stage.timed(report, "translate", len(repeated), "inpainting"):
        options: TranslateOptions = {**_few_steps(model), "strength": 1.0, "mask": mask}
        drawn = _run(stage, model, repeated, labels if model.conditional else None, options).images
    columns = [list(images), list(shown), *(list(drawn[number::MENDINGS]) for number in range(MENDINGS))]
    picture = grid(
        _by_row(columns),
        columns=len(columns),
        margin=0,
        column_labels=["held out", "given", *[""] * MENDINGS],
    )
    report.panels.append(
        Panel(picture, "inpainting", "what is grey is drawn anew, the rest is kept to the bit")
    )


def _once(stage: Stage, report: Report, audience: Audience) -> None:
    """Some pictures, and what becomes of them."""
    model, images = report.model, np.stack(audience.images[:PAIRS])
    labels = list(audience.labels[: len(images)]) if model.card.label_required else None
    with stage.timed(report, "translate", len(images)):
        after = _run(stage, model, images, labels, {}).images
    picture = grid(
        np.concatenate([images, after]), columns=len(images), margin=0, row_labels=["held out", "translated"]
    )
    report.panels.append(Panel(picture, "translated", "held-out images, before and after"))


def _upscale(stage: Stage, report: Report) -> None:
    """Photographs made small, and large again: by bicubic interpolation, and by the model."""
    scale = report.model.scale
    columns: list[list[Pixels]] = [[], [], [], []]
    with stage.timed(report, "upscale", len(stage.photographs), f"x{scale}"):
        for photograph in stage.photographs:
            full = PilImage.fromarray(photograph.pixels)
            small = full.resize((full.width // scale, full.height // scale), PilImage.Resampling.BICUBIC)
            [large] = _run(stage, report.model, small, None, {})
            size = (small.width * scale, small.height * scale)
            columns[0].append(np.asarray(small.resize(size, PilImage.Resampling.NEAREST)))
            columns[1].append(np.asarray(small.resize(size, PilImage.Resampling.BICUBIC)))
            columns[2].append(large.pixels)
            columns[3].append(photograph.pixels[: size[1], : size[0]])
    before = f"{columns[0][0].shape[1] // scale} x {columns[0][0].shape[0] // scale} pixels"
    names = [before, "bicubic", report.model.name, "photograph"]
    picture = grid(_by_row(columns), columns=len(columns), scale=1, gap=8, margin=0, column_labels=names)
    terms = ", ".join(
        f"{photograph.name} © {photograph.holder}, {photograph.licence}" for photograph in stage.photographs
    )
    report.panels.append(Panel(picture, f"enlarged {scale} times", f"held-out photographs: {terms}"))
    corners = [finest(photograph, DETAIL) for photograph in columns[3]]
    details = [
        [image[y : y + DETAIL, x : x + DETAIL] for image, (y, x) in zip(column, corners, strict=True)]
        for column in columns
    ]
    picture = grid(
        _by_row(details), columns=len(details), scale=DETAIL_SCALE, gap=8, margin=0, column_labels=names
    )
    report.panels.append(
        Panel(picture, "a detail", f"{DETAIL} x {DETAIL} pixels of each, {DETAIL_SCALE} times as large")
    )


def finest(image: Pixels, size: int) -> tuple[int, int]:
    """Top and left of the square of this size in which neighbouring pixels differ most."""
    grey = image.astype(np.float64).mean(axis=2)
    steps = np.abs(np.diff(grey, axis=0))[:, :-1] + np.abs(np.diff(grey, axis=1))[:-1]
    sums = np.pad(steps, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    inside = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    return int(top), int(left)


def _few_steps(model: Model) -> TranslateOptions:
    """A sampler that is good in few steps, if the model has it; the quickest of them."""
    if not model.takes("translate", "sampler", "steps"):
        return {}
    described = model.capability("translate")
    assert described is not None
    options = {option.name: option for option in described.options}
    choices = {choice.name for choice in options["sampler"].choice.choices}
    most = options["steps"].integer.max
    quick = [(steps, sampler) for sampler, steps in FEW_STEPS.items() if sampler in choices]
    return {"sampler": min(quick)[1], "steps": min(min(quick)[0], most)} if quick else {}


def _by_row(columns: list[list[Pixels]]) -> Pixels:
    """Columns of equally many images as one array, row by row."""
    return np.stack([image for row in zip(*columns, strict=True) for image in row])
