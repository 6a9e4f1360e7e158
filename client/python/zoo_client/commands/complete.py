"""`pixelzoo complete`: given the top of a picture, the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from zoo_client.commands.connection import Local, Models, Target, connect
from zoo_client.commands.pictures import Fit, Pictures, distinct_stems, fitted, read
from zoo_client.commands.progress import following
from zoo_client.commands.sample import labels_for, summary
from zoo_client.grid import blank_below, grid
from zoo_client.images import as_list
from zoo_client.requests import completion
from zoo_client.results import Image, Samples

app = typer.Typer(add_completion=False)


@app.command()
def complete(
    model: Annotated[str, typer.Argument(help="A model that draws row by row: NAME, or NAME@VERSION.")],
    images: Pictures,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Completions of each picture.")] = 8,
    given_rows: Annotated[
        int | None, typer.Option(min=0, help="Rows that are kept, from the top; half of them by default.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first completion of each picture.")] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", "--label", metavar="NAME|NUMBER", help="A class to draw; again for several."),
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Below 1 more cautious, above 1 more varied.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture to write.")] = Path(
        "completed.png"
    ),
    each: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write every completion by itself.")
    ] = None,
    scale: Annotated[int | None, typer.Option(min=1, help="Whole factor of enlargement.")] = None,
    fit: Fit = False,
    target: Target = None,
    local: Local = False,
    models: Models = None,
) -> None:
    """Keep the top of a picture, and draw the rest of it again and again.

    A row of the picture that is written begins with what was given. Try it:

    pixelzoo complete pixelcnn_fashion_mnist shirt.png -n 8 -o completed.png

    pixelzoo complete pixelcnn_fashion_mnist pictures/ --given-rows 7 --class Dress --seed 1
    """
    named = read(images)
    tiles = []
    with connect(target, local, models) as zoo:
        described = zoo.model(model)
        pictures = [picture for _, picture in named]
        if fit:
            pictures = fitted(pictures, described.image_shape)
        names = [name for name, _ in named]
        for name, stem, picture in zip(names, distinct_stems(names), pictures, strict=True):
            labels = labels_for(described, classes or [], count)
            options = completion(described, picture, given_rows, temperature)
            events = zoo.stream_sample(model, count, seed=seed, labels=labels, **options)
            found = [one for one in following(events, name, Console(stderr=True)) if isinstance(one, Image)]
            samples = Samples(found)
            [pixels] = as_list(picture, described.image_shape[2])
            tiles += [blank_below(pixels, options["given_rows"] or 0), *samples.images]
            if each is not None:
                each.mkdir(parents=True, exist_ok=True)
                for image in samples:
                    image.save(each / f"{stem}_{image.recipe.seed}.png")
            typer.echo(f"{name}: {summary(samples)}")

    output.parent.mkdir(parents=True, exist_ok=True)
    grid(np.stack(tiles), columns=count + 1, scale=scale).save(output)
    typer.echo(f"{output}: in each row what was given, and {count} completions")
