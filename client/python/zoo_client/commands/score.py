"""`pixelzoo score`: what a model thinks of images on disk."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from zoo_client.commands.connection import Local, Models, Target, connect
from zoo_client.commands.pictures import Pictures, read
from zoo_client.commands.progress import following
from zoo_client.options import ScoreOptions
from zoo_client.results import ImageScores, ScoreInfo, Scores

app = typer.Typer(add_completion=False)

MAX_ROWS = 20  # In the table on the screen; files and summary have every image.


@app.command()
def score(
    model: Annotated[str, typer.Argument(help="The model: NAME, or NAME@VERSION.")],
    images: Pictures,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class", "--label", metavar="NAME|NUMBER", help="The class of all images, or of each in turn."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first image, for random estimates.")] = 0,
    timesteps: Annotated[
        int | None, typer.Option(min=1, help="Timesteps of a diffusion model's bound.")
    ] = None,
    importance_samples: Annotated[
        int | None, typer.Option(min=1, help="Latents for each image of a VAE.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write all scores as CSV.")
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write all scores, with what they mean, as JSON."),
    ] = None,
    target: Target = None,
    local: Local = False,
    models: Models = None,
) -> None:
    """Score images: likelihoods, their bounds, what a discriminator says, and how probable each class is.

    A score always says what it is: in bits/dim less is likelier; a discriminator's logit is above 0 for what it takes
    for real. Try it:

    pixelzoo score vae_fashion_mnist shirt.png bag.png --importance-samples 64

    pixelzoo score pixelcnn_fashion_mnist pictures/ --csv scores.csv
    """
    named = read(images)
    names, pictures = [name for name, _ in named], [picture for _, picture in named]
    options: ScoreOptions = {"timesteps": timesteps, "importance_samples": importance_samples}
    with connect(target, local, models) as zoo:
        events = zoo.stream_score(model, pictures, classes, seed=seed, **options)
        scores = Scores(list(following(events, model, Console(stderr=True))))

    Console().print(table(names, scores))
    if csv_file is not None:
        write_csv(csv_file, names, scores)
    if json_file is not None:
        write_json(json_file, names, scores)


def table(names: list[str], scores: Scores) -> Table:
    """The scores of the first images, and the mean of all, with the unit and kind of each score.

    Of the probabilities of classes it has the most probable class.
    """
    infos = [info for info in scores.infos if scores.values(info.name).ndim == 1]
    by_class = [info for info in scores.infos if info.entries]
    rows = Table(box=box.SIMPLE_HEAD, show_footer=True)
    rows.add_column("image", footer=f"mean of {len(names)}", overflow="fold")
    for info in infos:
        words = [info.name, info.unit, *info.meaning.split(", ")]
        heading = "\n".join(word for word in words if word)
        rows.add_column(heading, footer=f"{scores.values(info.name).mean():.4f}", justify="right")
    for info in by_class:
        rows.add_column(f"{info.name}\nmost probable", overflow="fold")
    for name, one in list(zip(names, scores, strict=True))[:MAX_ROWS]:
        cells = [f"{one[info.name]:.4f}" for info in infos]
        rows.add_row(name, *cells, *(most_probable(one, info) for info in by_class))
    if len(names) > MAX_ROWS:
        rows.add_row(f"... and {len(names) - MAX_ROWS} more")
    return rows


def most_probable(one: ImageScores, info: ScoreInfo) -> str:
    """The class that an image most probably has, and how probably."""
    values = one[info.name]
    assert isinstance(values, list)
    best = max(range(len(values)), key=values.__getitem__)
    return f"{info.entries[best]} {values[best]:.3f}"


def write_csv(path: Path, names: list[str], scores: Scores) -> None:
    """A row for each image; a score with several entries takes a column for each, `name[entry]`."""
    columns: dict[str, Any] = {}
    for name in scores.names:
        values = scores.values(name)
        if values.ndim == 1:
            columns[name] = values
        else:
            columns |= {f"{name}[{entry}]": values[:, entry] for entry in range(values.shape[1])}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "seed", *columns])
        for index, (name, recipe) in enumerate(zip(names, scores.recipes, strict=True)):
            writer.writerow([name, recipe.seed, *(repr(float(values[index])) for values in columns.values())])


def write_json(path: Path, names: list[str], scores: Scores) -> None:
    """The model, what each score means, and the scores of every image."""
    recipe = scores.recipes[0]
    content = {
        "model": recipe.model,
        "version": recipe.version,
        "digest": recipe.digest,
        "options": recipe.options,
        "scores": [vars(info) for info in scores.infos],
        "images": [
            {"image": name, "seed": one.recipe.seed, "label": one.recipe.label, "values": one.values}
            for name, one in zip(names, scores, strict=True)
        ],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
