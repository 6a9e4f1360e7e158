"""`pixelzoo reproduce`: an image made again, by the recipe in its file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from zoo_client.commands.connection import Local, Models, Target, connect
from zoo_client.commands.pictures import read
from zoo_client.commands.sample import summary
from zoo_client.images import Pixels, as_list
from zoo_client.recipe import Recipe
from zoo_client.results import Image, Samples
from zoo_client.session import Session

app = typer.Typer(add_completion=False)


@app.command()
def reproduce(
    picture: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A PNG file that the server made.")
    ],
    source: Annotated[
        Path | None,
        typer.Option("--from", exists=True, dir_okay=False, help="What it was translated from, if it was."),
    ] = None,
    any_weights: Annotated[
        bool, typer.Option("--any-weights", help="Take the version by its number, whatever its files are.")
    ] = False,
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture to write.")] = Path("again.png"),
    target: Target = None,
    local: Local = False,
    models: Models = None,
) -> None:
    """Make an image again, by the recipe in its file, and say whether it is the same. Try it:

    pixelzoo reproduce sneakers/conditional_gan_fashion_mnist_7.png -o again.png

    pixelzoo reproduce boot.png --from sneaker.png
    """
    recipe = Recipe.from_png(picture)
    given = None if source is None else read([source])[0][1]
    with connect(target, local, models) as zoo:
        image = Session(zoo, any_weights=any_weights).reproduce(recipe, given)
    [original] = as_list(read([picture])[0][1], image.pixels.shape[2])
    output.parent.mkdir(parents=True, exist_ok=True)
    image.save(output)
    typer.echo(f"{output}: {summary(Samples([image]))}; {compared(original, image)}")


def compared(original: Pixels, image: Image) -> str:
    """How far the image is from the one that it should be, in words."""
    if original.shape != image.pixels.shape:
        return "of another size than the file"
    most = int(np.abs(original.astype(int) - image.pixels.astype(int)).max())
    return f"pixels differ by up to {most} of 255" if most else "the same pixels"
