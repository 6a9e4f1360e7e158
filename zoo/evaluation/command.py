"""`pixelzoo evaluate | train-extractor`: measuring, and the feature spaces to measure in."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from zoo.console import fail, say

if TYPE_CHECKING:
    from zoo.evaluation.subjects import Progress as Report
    from zoo.metrics.measurement import Measurement

# TensorFlow's start-up notes are not for the person at the prompt.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Measure image generators.")


@app.command()
def evaluate(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model version, such as saved_models/vae_fashion_mnist/2; or a data source.",
        ),
    ],
    only: Annotated[
        str, typer.Option(metavar="NAMES", help="Take these measures only, such as cas,frechet.")
    ] = "",
    samples: Annotated[
        int, typer.Option(help="Draw this many images for measures of samples.", min=2)
    ] = 10_000,
    seeds: Annotated[
        int, typer.Option(help="Repeat what depends on luck with so many sets of seeds.", min=1)
    ] = 1,
    images: Annotated[
        int | None,
        typer.Option(help="Score or translate this many test images at most; by default all.", min=2),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--option", metavar="NAME=VALUE", help="An option of sample, such as steps=20. May be repeated."
        ),
    ] = None,
    extractor: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="Measure in this feature space: a file of train-extractor, or 'inception'."
        ),
    ] = "",
    baseline: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Measure real, pca_gaussian, class_mean or constant on the data source MODEL instead.",
        ),
    ] = "",
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Also draw samples, and samples beside the nearest training images."
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write/--no-write", help="Write the numbers into the model's card.")
    ] = True,
) -> None:
    """Measure an exported model by what it can do; print the numbers and write them into its card."""
    from zoo.data import DataError
    from zoo.evaluation import Bench, EvaluationError, ExportedModel, measure, open_baseline, open_model
    from zoo.evaluation.sheets import write_sheets
    from zoo.metrics.extractor import ExtractorError

    try:
        if baseline and options:
            raise EvaluationError(f"--option is for the sampler of a model; {baseline} has none")
        measured, data = (
            open_baseline(baseline, subject) if baseline else open_model(subject, _pairs(options or ()))
        )
        with _bars() as report:
            bench = Bench(
                measured,
                data,
                samples=samples,
                repeats=seeds,
                images=images,
                space=extractor,
                progress=report,
            )
            figures, left_out = measure(bench, [name for name in only.split(",") if name])
            sheets = list(write_sheets(bench, sheet)) if sheet and measured.draws else []
    except (DataError, EvaluationError, ExtractorError, ValueError) as error:
        fail(error)
    _print_tables(figures)
    for line in [*left_out, *(f"Wrote {path}" for path in sheets)]:
        say(line)
    if write and isinstance(measured, ExportedModel):
        flags = {
            "--only": only,
            "--samples": samples if samples != 10_000 else "",
            "--seeds": seeds if seeds != 1 else "",
            "--images": images or "",
            "--extractor": Path(extractor).name,
        }
        _write(measured.model.path, figures, flags, options or ())


def _write(
    path: Path, figures: Sequence[Measurement], flags: Mapping[str, object], options: Sequence[str]
) -> None:
    from zoo.evaluation import as_metric, write_metrics

    folder = path.resolve()
    words = ["pixelzoo", "evaluate", f"saved_models/{folder.parent.name}/{folder.name}"]
    words += [str(word) for flag, value in flags.items() if value for word in (flag, value)]
    words += [word for option in options for word in ("--option", option)]
    write_metrics(path, [as_metric(figure, shlex.join(words)) for figure in figures])
    say(f"Wrote {len(figures)} numbers into the card of {path}")


@app.command()
def train_extractor(
    source: Annotated[str, typer.Argument(help="A data source, such as fashion_mnist or folder:PATH.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .npz file to write.")],
    size: Annotated[
        int, typer.Option(help="Crop and resize the images to this size, as data.size does.")
    ] = 0,
) -> None:
    """Train the classifier in whose features samples of SOURCE are measured: a few minutes."""
    from zoo import data
    from zoo.evaluation.extractor_training import train_extractor as train

    try:
        with _bars() as report:
            trained = train(
                data.load(source, size=size),
                output,
                progress=lambda done, total: report("steps", done, total),
            )
    except (data.DataError, OSError) as error:
        fail(error)
    say(f"Wrote {trained.path}: {trained.accuracy:.1%} of the test images right, SHA-256 {trained.digest}")
    if trained.accuracy < 2 * trained.chance:
        say(f"Chance is {trained.chance:.1%}: these features have learned little. More images would help.")


@contextmanager
def _bars() -> Iterator[Report]:
    """Progress bars, one for each thing that is being done, while they last."""
    with Progress(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield report


def _print_tables(figures: Sequence[Measurement]) -> None:
    """One table for each protocol, below the protocol."""
    for protocol in dict.fromkeys(figure.protocol_text for figure in figures):
        say(protocol)
        table = Table("number", "value", "standard error", "unit")
        for figure in figures:
            if figure.protocol_text == protocol:
                error = "" if figure.standard_error is None else f"{figure.standard_error:.4f}"
                table.add_row(figure.name, f"{figure.value:.4f}", error, figure.unit)
        Console().print(table)


def _pairs(assignments: Sequence[str]) -> dict[str, str]:
    pairs = dict(assignment.partition("=")[::2] for assignment in assignments)
    if not all(pairs.values()):
        raise ValueError(f"--option takes NAME=VALUE; got {' '.join(assignments)}")
    return pairs
