"""`pixelzoo interpolate`, and `pixelzoo traverse`: walks through the latents of a model, as grids."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast

import numpy as np
import typer

from pixelzoo.v1 import capability_pb2
from zoo_client.client import Client
from zoo_client.commands.connection import Local, Models, Target, connect
from zoo_client.commands.pictures import Fit, fitted, read
from zoo_client.errors import InvalidField, ModelFailed
from zoo_client.grid import grid
from zoo_client.images import DATA_TYPES, Latents, as_list
from zoo_client.model import Model
from zoo_client.requests import METHODS, Method
from zoo_client.traversal import strongest
from zoo_client.traversal import traverse as walk

app = typer.Typer(add_completion=False)

Scale: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Whole factor of enlargement.")]


@app.command()
def interpolate(
    model: Annotated[str, typer.Argument(help="A model with continuous latents: NAME, or NAME@VERSION.")],
    images: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, help="Pictures to go between; without any, points drawn from the prior."),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", min=2, help="Pictures on each way, both ends included.")
    ] = 10,
    rows: Annotated[int, typer.Option(min=1, help="Ways, where their ends are drawn from the prior.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the points drawn from the prior.")] = 0,
    method: Annotated[
        str, typer.Option(help="linear, or spherical, which keeps the length that the prior makes typical.")
    ] = "spherical",
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture to write.")] = Path(
        "interpolated.png"
    ),
    scale: Scale = None,
    fit: Fit = False,
    target: Target = None,
    local: Local = False,
    models: Models = None,
) -> None:
    """Draw the pictures between two pictures, through the latents of a model: a row for each way.

    Of several pictures there is a way from each to the next. Try it:

    pixelzoo interpolate vae_fashion_mnist boot.png sneaker.png sandal.png

    pixelzoo interpolate vae_fashion_mnist --rows 6 --seed 3
    """
    if method not in METHODS:
        raise typer.BadParameter(f"--method must be {' or '.join(METHODS)}, and is {method}")
    with connect(target, local, models) as zoo:
        described = continuous(zoo.model(model))
        if images:
            points = ends(described, images, fit)
            ways = list(pairwise(points))
        else:
            drawn = from_prior(described, 2 * rows, seed)
            ways = list(zip(drawn[::2], drawn[1::2], strict=True))
        if not ways:
            raise InvalidField.of("images", "one picture has no way to go: give two or more, or none")
        found = [zoo.interpolate(model, a, b, count, method=cast("Method", method)) for a, b in ways]
    output.parent.mkdir(parents=True, exist_ok=True)
    grid(np.concatenate(found), columns=count, scale=scale).save(output)
    typer.echo(f"{output}: {len(ways)} ways of {count} pictures, {method}")


@app.command()
def traverse(
    model: Annotated[str, typer.Argument(help="A model with continuous latents: NAME, or NAME@VERSION.")],
    image: Annotated[
        Path | None,
        typer.Argument(
            exists=True, help="The picture to begin with; without one, a point drawn from the prior."
        ),
    ] = None,
    entries: Annotated[
        list[int] | None,
        typer.Option(
            "--entry", min=0, help="An entry of the latent to walk along; say it again for several."
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option(min=1, help="How many entries, where none are named: those that change most.")
    ] = 8,
    count: Annotated[int, typer.Option("-n", "--count", min=2, help="Pictures along each entry.")] = 9,
    span: Annotated[float, typer.Option(min=0.0, help="How far to each side, in standard deviations.")] = 3.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the point drawn from the prior.")] = 0,
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture to write.")] = Path(
        "traversed.png"
    ),
    scale: Scale = None,
    fit: Fit = False,
    target: Target = None,
    local: Local = False,
    models: Models = None,
) -> None:
    """Show what single entries of a latent mean: a row for each, along which only that entry changes.

    Try it:

    pixelzoo traverse vae_fashion_mnist shirt.png

    pixelzoo traverse vae_fashion_mnist --entry 3 --entry 17 --span 2 --seed 5
    """
    with connect(target, local, models) as zoo:
        described = continuous(zoo.model(model))
        latent = start(zoo, model, described, image, fit, seed)
        if entries and max(entries) >= latent.size:
            raise typer.BadParameter(f"--entry must be 0 to {latent.size - 1}, and is {max(entries)}")

        def decode(latents: Latents) -> Any:
            return zoo.decode(model, latents)

        chosen = entries or strongest(decode, latent, rows, span=span)
        found = walk(decode, latent, chosen, span=span, n=count)
    output.parent.mkdir(parents=True, exist_ok=True)
    labels = [f"entry {entry}" for entry in chosen]
    grid(found, columns=count, scale=scale, row_labels=labels).save(output)
    typer.echo(f"{output}: entries {', '.join(map(str, chosen))}, each from {-span:g} to {span:g}")


def continuous(model: Model) -> Model:
    """The model itself; raises InvalidField if its latents are codes, or if it decodes none."""
    decoder = model.capability("decode")
    if model.available and (decoder is None or DATA_TYPES[decoder.latent.data_type].kind != "f"):
        raise InvalidField.of(
            "model.name", f"{model.name} decodes no continuous latents, and so has no ways between"
        )
    return model


def ends(model: Model, paths: list[Path], fit: bool) -> list[Any]:
    """The pictures of these files, as the model takes them."""
    pictures = [picture for _, picture in read(paths)]
    return fitted(pictures, model.image_shape) if fit else pictures


def start(zoo: Client, name: str, model: Model, path: Path | None, fit: bool, seed: int) -> Latents:
    """The latent of the picture by the model called `name`, or one drawn from the prior."""
    if path is None:
        drawn: Latents = from_prior(model, 1, seed)[0]
        return drawn
    [pixels] = as_list(ends(model, [path], fit)[:1], model.image_shape[2])
    latent: Latents = zoo.encode(name, pixels)[0]
    return latent


def from_prior(model: Model, count: int, seed: int) -> Latents:
    """`count` latents drawn from the model's prior; raises InvalidField if it has none that can be drawn from here."""
    decoder = model.capability("decode")
    if decoder is None:  # `continuous` lets a model pass that the server could not load.
        why = "; ".join(version.message for version in model.versions if version.message)
        raise ModelFailed(f"{model.name} could not be loaded by the server: {why}")
    if decoder.latent.prior != capability_pb2.LATENT_PRIOR_STANDARD_NORMAL:
        raise InvalidField.of("images", f"the prior of {model.name} is not a normal one: give pictures")
    shape = (count, *decoder.latent.shape)
    return np.random.default_rng(seed).standard_normal(shape, np.float32)
