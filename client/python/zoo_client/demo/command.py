"""`pixelzoo demo`: start a server on the bundled models, have it do all it can, and draw a contact sheet."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from zoo_client import held_out
from zoo_client.commands import models as models_command
from zoo_client.commands.connection import connect
from zoo_client.demo.acts import perform
from zoo_client.demo.report import (
    SCORE_HEADINGS,
    SCORE_TEXT,
    markdown,
    score_rows,
    score_section,
    screen_table,
    section,
)
from zoo_client.demo.sheet import Panel, contact_sheet
from zoo_client.demo.stage import SEED, Report, Stage, uniform_noise
from zoo_client.errors import ZooError
from zoo_client.grid import grid

app = typer.Typer(add_completion=False)

TITLE = "pixelzoo"


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the pictures and the table.")] = Path(
        "demo"
    ),
    target: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="A server that runs already, instead of one of our own."),
    ] = None,
    models: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Models to serve, instead of those that come along.")
    ] = None,
) -> None:
    """Show what the bundled models can do, and draw a contact sheet of it.

    Each does what its card says: samples, by class where there are classes; completions; pictures of another domain,
    varied, mended and enlarged; ways through its latents; and scores. Try it:

    pixelzoo demo --out demo

    pixelzoo demo --target localhost:50051
    """
    console = Console()
    start = time.monotonic()
    with connect(target, local=target is None, models=models) as zoo:
        console.print(f"The server at {zoo.target} is ready after {time.monotonic() - start:.1f} s. It has:")
        found = zoo.models()
        console.print(models_command.table(found))
        available = [model for model in found if model.available]
        if not available:
            raise ZooError("the server has no model that works: name a folder of models with --models DIR")
        stage = Stage(zoo, console)
        reports = []
        for model in available:
            console.print(f"[bold]{model.name}[/]")
            reports.append(perform(stage, model))

    write(out, [report for report in reports if report.acts], stage.held_out)
    if scores := score_rows(reports):
        console.print(f"\n{SCORE_TEXT}")
        console.print(screen_table(SCORE_HEADINGS[:-2], [row[:-2] for row in scores]))
    console.print(f"Done in {time.monotonic() - start:.0f} s. Look at:")
    typer.echo(f"  {out / 'contact_sheet.png'}   everything on one page")
    typer.echo(f"  {out / 'table.md'}   scores and times")
    if any(report.failure for report in reports):
        raise typer.Exit(1)


def write(out: Path, reports: list[Report], data: held_out.HeldOut) -> None:
    """Draws the contact sheet and a sheet for each model, and writes the table."""
    out.mkdir(parents=True, exist_ok=True)
    pictures = [
        Panel(
            grid(data.images, columns=16, scale=1, gap=2, margin=0),
            "held out",
            f"{data.name}, © {data.holder}",
        ),
        Panel(
            grid(np.stack(uniform_noise(list(data.images))), columns=16, scale=1, gap=2, margin=0),
            "noise",
            "uniform",
        ),
    ]
    sections = [section(report) for report in reports]
    scores = score_section(reports, pictures)
    text = f"{len(reports)} model{'s' * (len(reports) != 1)} · seeds from {SEED} · every image came over gRPC"
    contact_sheet(TITLE, text, [*sections, *([scores] if scores else [])]).save(out / "contact_sheet.png")
    for report, part in zip(reports, sections, strict=True):
        contact_sheet(TITLE, text, [part]).save(out / f"{report.model.name}.png")
    (out / "table.md").write_text(markdown(reports), "utf-8")
