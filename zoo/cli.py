"""`pixelzoo train | export | check | data`: the commands that need the extra [train]."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zoo.console import fail, say

if TYPE_CHECKING:
    from zoo.training import Preset, RunFolder

# TensorFlow's start-up notes are not for the person at the prompt.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Train, export and check image generators."
)


@app.command()
def train(
    preset: Annotated[
        str, typer.Argument(help="A preset of the zoo, or the path of a .toml file of your own.")
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Override one key, such as train.epochs=3. May be repeated."
        ),
    ] = None,
    run: Annotated[Path | None, typer.Option(help="The run folder; by default runs/<preset>-<time>.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run from its last checkpoint.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and the time it takes; train nothing.")
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option(help="Stop after this much wall time, with a checkpoint to resume from.", min=0.0),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="RUN", help="Start from the weights of another run of the same family."
        ),
    ] = None,
    strategy: Annotated[
        str, typer.Option(help="'none' trains on one device, 'mirrored' on every GPU of this machine.")
    ] = "none",
) -> None:
    """Train PRESET into a run folder: checkpoints, metrics.jsonl, sample grids, TensorBoard, model.keras."""
    from zoo.data import DataError
    from zoo.training import RunFolder, Stopped, TrainingError, load_preset

    try:
        if resume:
            if settings:
                raise TrainingError(
                    "--set cannot change a run that has begun; leave out --resume to start a new one"
                )
            if start:
                raise TrainingError("--from begins a new run; leave out --resume, or --from")
            if run is None and not preset:
                raise TrainingError("name the run to resume: --run DIR, or a PRESET for its latest run")
            folder = RunFolder.open(run) if run else RunFolder.latest(preset)
            recipe, _ = folder.read_config()
        else:
            recipe = load_preset(preset, settings or ())
            if start:
                RunFolder.open(start)  # a wrong name shows before anything is made
        if dry_run:
            _print_plan(recipe, strategy)
        else:
            if not resume:
                folder = RunFolder.create(recipe, run, start=start)
            _train(folder, recipe.name, resume, minutes, strategy)
    except Stopped as stopped:
        say(str(stopped))
        raise typer.Exit(128 + stopped.signal if stopped.signal else 0) from None
    except (DataError, TrainingError) as error:
        fail(error)


def _train(run: RunFolder, name: str, resume: bool, minutes: float | None, strategy: str) -> None:
    from zoo.data import DataError
    from zoo.training import PresetError, StartError
    from zoo.training.runner import train

    say(f"{'Resuming' if resume else 'Training'} {name} in {run.path}")
    try:
        train(run, resume=resume, minutes=minutes, strategy=strategy)
    except (DataError, PresetError, StartError):
        if not resume:
            run.discard()  # nothing was trained, and the next attempt may want the name
        raise
    say(f"Done: {run.model}. Export it with: pixelzoo export {run.path} saved_models/{name}")


def _print_plan(preset: Preset, strategy: str) -> None:
    from zoo.training.plan import plan
    from zoo.training.runner import prepare

    with Console(stderr=True).status("Measuring a few steps ..."):
        lines = plan(prepare(preset, strategy))
    _print_pairs(lines)


@app.command()
def export(
    run: Annotated[
        Path, typer.Argument(help="A run folder, such as runs/vae_fashion_mnist-20260101-120000.")
    ],
    model: Annotated[
        Path, typer.Argument(help="The model's folder, such as saved_models/vae_fashion_mnist.")
    ],
    version: Annotated[
        int | None, typer.Option(help="The version; by default the next free one.", min=1)
    ] = None,
    stage: Annotated[
        str,
        typer.Option(help="Export the model as this stage of the training left it, such as reconstruction."),
    ] = "",
) -> None:
    """Export RUN's model as the SavedModel MODEL/VERSION, with the card that describes it."""
    from zoo.training import TrainingError

    try:
        from zoo.training.exporting import export_run

        path = export_run(run, model, version, stage=stage)
    except TrainingError as error:
        fail(error)
    say(f"Exported {path}. Check it with: pixelzoo check {path}")


@app.command()
def check(
    folder: Annotated[
        Path, typer.Argument(help="A model version, such as saved_models/vae_fashion_mnist/2.")
    ],
) -> None:
    """Check a SavedModel folder against the contract: its card, signatures and digests. Exit status 1 if it fails."""
    from zoo import contract

    problems = contract.check(folder)
    if not problems:
        say(f"{folder} keeps the contract")
        return
    table = Table("", "problem", title=f"{folder}: {len(problems)} problems", title_justify="left")
    for number, problem in enumerate(problems, 1):
        table.add_row(str(number), Text(str(problem)))
    Console().print(table)
    raise typer.Exit(1)


@app.command()
def data(
    source: Annotated[
        str, typer.Argument(help="Such as digits, fashion_mnist, cifar10 or folder:PATH.")
    ] = "",
    grid: Annotated[
        Path | None, typer.Option(help="Also write a picture of the first training images here.")
    ] = None,
) -> None:
    """Show what a data source holds; without SOURCE, list the sources."""
    from zoo import data as sources

    try:
        if not source:
            _print_pairs(sources.SOURCES)
            return
        images = sources.load(source)
    except sources.DataError as error:
        fail(error)
    height, width, channels = images.image_shape
    _print_pairs(
        {
            "source": images.name,
            "images": f"{height}x{width}x{channels}",
            "train": f"{images.train_size:,} images",
            "test": f"{images.test_size:,} images, never trained on",
            "split": images.splits,
            "classes": ", ".join(images.class_names) or "none",
            "licence": str(images.licence),
            "from": images.uri,
        }
    )
    if grid is not None:
        from zoo.contact_sheet import grid as draw_grid

        first = next(images.train_split.ordered(64).as_numpy_iterator())["image"]
        draw_grid(first, 8).save(grid)
        say(f"Wrote {grid}")


def _print_pairs(pairs: Mapping[str, str]) -> None:
    table = Table.grid(padding=(0, 2))
    for what, value in pairs.items():
        table.add_row(what, Text(value))
    Console().print(table)
