"""`pixelzoo translate`, and `pixelzoo upscale`: pictures from pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from zoo_client.client import Client
from zoo_client.commands.connection import Local, Models, Target, connect
from zoo_client.commands.pictures import Fit, Pictures, fitted, read, targets
from zoo_client.commands.progress import following
from zoo_client.commands.sample import summary
from zoo_client.errors import InvalidField
from zoo_client.model import Model
from zoo_client.options import TranslateOptions
from zoo_client.requests import check_enlarges
from zoo_client.results import Image, Samples

app = typer.Typer(add_completion=False)


@app.command()
def translate(
    model: Annotated[str, typer.Argument(help="The model: NAME, or NAME@VERSION.")],
    images: Pictures,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The picture to write; for several, a folder.")
    ] = Path("translated"),
    direction: Annotated[
        str | None, typer.Option(help="Which way between two domains: a_to_b or b_to_a.")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(help="How far a diffusion model noises first: 0 keeps, 1 forgets.")
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A grey picture: white is painted anew, black is kept."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first picture; the others count up.")] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class", "--label", metavar="NAME|NUMBER", help="The class of all pictures, or of each in turn."
        ),
    ] = None,
    sampler: Annotated[str | None, typer.Option(help="How a diffusion model steps: ddpm, ddim, ...")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of a whole run from noise.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Strength of guidance towards the class.")] = None,
    fit: Fit = False,
    target: Target = None,
    local: Local = False,
    models: Models = None,
) -> None:
    """Turn pictures into others: of another domain, a variation, or with a part painted anew.

    What a model can do stands in `pixelzoo models`. Try it:

    pixelzoo translate cyclegan_fashion_mnist sneaker.png -o boot.png

    pixelzoo translate cyclegan_fashion_mnist boots/ -o sneakers/ --direction b_to_a

    pixelzoo translate ddpm_fashion_mnist shirt.png -o variation.png --class Shirt --strength 0.6

    pixelzoo translate ddpm_fashion_mnist shirt.png -o mended.png --class Shirt --mask hole.png --strength 1
    """
    options: TranslateOptions = {
        "direction": direction,
        "strength": strength,
        "mask": None if mask is None else read([mask])[0][1],
        "sampler": sampler,
        "steps": steps,
        "guidance": guidance,
    }
    named = read(images)
    with connect(target, local, models) as zoo:
        described = zoo.model(model)
        spec = described.capability("translate")
        if fit and spec is not None:
            shape = spec.translation.input_shape
            pictures = fitted([picture for _, picture in named], (shape.height, shape.width, shape.channels))
            named = [(name, picture) for (name, _), picture in zip(named, pictures, strict=True)]
        run(zoo, model, named, output, seed, classes, options)


@app.command()
def upscale(
    images: Pictures,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The picture to write; for several, a folder.")
    ] = Path("upscaled"),
    model: Annotated[
        str | None, typer.Option(help="The model, where the server has several that enlarge.")
    ] = None,
    target: Target = None,
    local: Local = False,
    models: Models = None,
) -> None:
    """Enlarge pictures of any size, with a model that invents the detail.

    Large pictures go through the model tile by tile. Try it:

    pixelzoo upscale holiday.jpg -o large.png

    pixelzoo upscale thumbnails/ -o large/ --local
    """
    named = read(images)
    with connect(target, local, models) as zoo:
        chosen = zoo.model(model) if model else enlarging(zoo)
        check_enlarges(chosen)
        run(zoo, model or chosen.name, named, output, None, None, {})


def enlarging(zoo: Client) -> Model:
    """The server's one model that enlarges. Raises InvalidField if there is none, or a choice."""
    found = [model for model in zoo.models() if model.scale > 1]
    if len(found) != 1:
        names = [model.name for model in found]
        rule = (
            f"several models enlarge, say which with --model: {', '.join(names)}"
            if names
            else "no model enlarges"
        )
        raise InvalidField.of("model.name", rule)
    return found[0]


def run(
    zoo: Client,
    model: str,
    named: Sequence[tuple[str, Any]],
    output: Path,
    seed: int | None,
    classes: list[str] | None,
    options: TranslateOptions,
) -> None:
    """Translates pictures and writes each as soon as it is done."""
    pictures = [picture for _, picture in named]
    events = zoo.stream_translate(model, pictures, seed=seed, labels=classes, **options)
    written: list[Image] = []
    paths: list[Path] = []
    for event in following(events, model, Console(stderr=True)):
        if isinstance(event, Image):
            paths = paths or targets(
                output, [name for name, _ in named]
            )  # No folder for a call that is refused.
            event.save(paths[event.index])
            written.append(event)
    typer.echo(f"{output}: {summary(Samples(written))}")
