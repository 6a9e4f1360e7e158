"""`pixelzoo score`: what a model thinks of images on disk."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from zoo_client.commands.connection import Local, Models, Target, connect
from zoo_client.commands.progress import following
from zoo_client.errors import InvalidField
from zoo_client.options import ScoreOptions
from zoo_client.results import Scores

app = typer.Typer(add_completion=False)

SUFFIXES = {".png", ".jpg", ".jpeg"}
MAX_ROWS = 20  # In the table on the screen; files and summary have every image.


@app.command()
def score(
    model: Annotated[str, typer.Argument(help="The model: NAME, or NAME@VERSION.")],
    images: Annotated[
        list[Path], typer.Argument(exists=True, help="PNG or JPEG files, folders of them, or .npy arrays.")
    ],
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
    """Score images: likelihoods, their bounds, and the like."""
    named = list(read(images))
    if not named:
        raise InvalidField.of("images", f"no .png, .jpg or .npy file in {', '.join(map(str, images))}")
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


def read(paths: Iterable[Path]) -> Iterable[tuple[str, Any]]:
    """(name, image) of every image in files, folders and arrays; an array of several gives a name to each."""
    from PIL import Image, UnidentifiedImageError

    for path in paths:
        if path.is_dir():
            yield from read(
                sorted((p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES), key=_natural)
            )
        elif path.suffix.lower() == ".npy":
            array = np.load(path, allow_pickle=False)
            if array.ndim < 4:
                yield path.name, array
            else:
                yield from ((f"{path.name}[{index}]", image) for index, image in enumerate(array))
        else:
            try:
                with Image.open(path) as picture:
                    picture.load()
            except UnidentifiedImageError:
                raise InvalidField.of("images", f"{path} is no image file that can be read") from None
            yield path.name, picture


def _natural(path: Path) -> list[tuple[bool, int | str]]:
    """A key that sorts 2.png before 10.png."""
    parts = re.split(r"(\d+)", str(path))
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in parts]


def table(names: list[str], scores: Scores) -> Table:
    """The scores of the first images, and the mean of all, with the unit and kind of each score."""
    infos = [info for info in scores.infos if scores.values(info.name).ndim == 1]
    rows = Table(box=box.SIMPLE_HEAD, show_footer=True)
    rows.add_column("image", footer=f"mean of {len(names)}", overflow="fold")
    for info in infos:
        words = [info.name, info.unit, info.kind.lower().replace("_", " "), "" if info.exact else "not exact"]
        heading = "\n".join(word for word in words if word)
        rows.add_column(heading, footer=f"{scores.values(info.name).mean():.4f}", justify="right")
    for name, one in list(zip(names, scores, strict=True))[:MAX_ROWS]:
        rows.add_row(name, *(f"{one[info.name]:.4f}" for info in infos))
    if len(names) > MAX_ROWS:
        rows.add_row(f"... and {len(names) - MAX_ROWS} more")
    return rows


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
