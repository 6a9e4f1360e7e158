"""`pixelzoo sample`: images from the prompt."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from zoo_client.commands.connection import Local, Models, Target, connect
from zoo_client.commands.film import film
from zoo_client.commands.progress import following
from zoo_client.errors import InvalidField
from zoo_client.grid import grid
from zoo_client.model import Model
from zoo_client.options import SampleOptions
from zoo_client.results import Image, Preview, Samples

app = typer.Typer(add_completion=False)


@app.command()
def sample(
    model: Annotated[str, typer.Argument(help="The model: NAME, or NAME@VERSION.")],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many images.")] = 16,
    seed: Annotated[int | None, typer.Option(help="Seed of the first image; image i has seed + i.")] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            "--label",
            metavar="NAME|NUMBER",
            help='A class to draw; say it again for several, or "all" for every one.',
        ),
    ] = None,
    sampler: Annotated[str | None, typer.Option(help="How a diffusion model steps: ddpm, ddim, ...")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps from noise to image.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Strength of guidance towards the class.")] = None,
    eta: Annotated[float | None, typer.Option(help="Share of fresh noise in a DDIM step.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Below 1 more cautious, above 1 more varied.")
    ] = None,
    truncation: Annotated[
        float | None, typer.Option(help="Bound on the entries of a GAN's latent: less is safer, and duller.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture to write.")] = Path("grid.png"),
    each: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write every image by itself.")
    ] = None,
    previews: Annotated[
        int, typer.Option(metavar="STEPS", min=0, help="Also write how the images look each STEPS steps.")
    ] = 0,
    columns: Annotated[int | None, typer.Option(min=1, help="Images in a row.")] = None,
    scale: Annotated[int | None, typer.Option(min=1, help="Whole factor of enlargement.")] = None,
    target: Target = None,
    local: Local = False,
    models: Models = None,
) -> None:
    """Make images, and write them as one picture.

    Equal seeds make equal images, and the line that is printed says how to make them again. Try it:

    pixelzoo sample ddpm_fashion_mnist -n 20 --class Sneaker --sampler ddim --steps 50 -o sneakers.png

    pixelzoo sample ddpm_fashion_mnist -n 4 --class all --previews 5

    pixelzoo sample vae_fashion_mnist -n 64 --temperature 0.7 --seed 7
    """
    options: SampleOptions = {
        "sampler": sampler,
        "steps": steps,
        "guidance": guidance,
        "eta": eta,
        "temperature": temperature,
        "truncation": truncation,
    }
    with connect(target, local, models) as zoo:
        labels = labels_for(zoo.model(model), classes or [], count)
        events = zoo.stream_sample(
            model, count, seed=seed, labels=labels, preview_interval=previews, **options
        )
        told: list[Preview | Image] = list(following(events, model, Console(stderr=True)))
    samples = Samples([event for event in told if isinstance(event, Image)])

    output.parent.mkdir(parents=True, exist_ok=True)
    samples.save_grid(output, columns=columns, scale=scale)
    typer.echo(f"{output}: {summary(samples)}")
    if previews:
        way = film(told)
        film_file = output.with_stem(f"{output.stem}_steps")
        grid(way.frames, columns=way.columns, scale=scale).save(film_file)
        typer.echo(f"{film_file}: the same after steps {', '.join(map(str, way.steps))}, and at the end")
    if each is not None:
        each.mkdir(parents=True, exist_ok=True)
        for image in samples:
            image.save(each / f"{image.recipe.model}_{image.recipe.seed}.png")
        typer.echo(f"{each}: each image by itself, with its recipe in the file")


def labels_for(model: Model, classes: list[str], count: int) -> list[int]:
    """A label for each image: the classes in equal blocks if they divide the count, or else in turn."""
    if not classes or not model.available:
        return []
    if [name.casefold() for name in classes] == ["all"]:
        if not model.conditional:
            raise InvalidField.of("labels", f"{model.name} has no classes: leave --class away")
        labels = list(range(len(model.classes)))
    else:
        labels = model.labels(classes)
    if count % len(labels) == 0:
        return [label for label in labels for _ in range(count // len(labels))]
    return list(islice(cycle(labels), count))


def summary(samples: Samples) -> str:
    """How to make the images again, in one line."""
    recipe = samples[0].recipe
    plain = {name: value for name, value in recipe.options.items() if not isinstance(value, np.ndarray)}
    options = "".join(f", {name} {_short(value)}" for name, value in plain.items())
    return f"{len(samples)} images of {recipe.model}@{recipe.version}, seeds from {recipe.seed}{options}"


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
