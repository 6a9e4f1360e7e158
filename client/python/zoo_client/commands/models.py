"""`pixelzoo models`: what a server has."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zoo_client.commands.connection import Local, Models, Target, connect
from zoo_client.model import Model
from zoo_client.options import describe

app = typer.Typer(add_completion=False)


@app.command("models")
def list_models(target: Target = None, local: Local = False, models: Models = None) -> None:
    """List the models of a server: what each can do, and with which options."""
    with connect(target, local, models) as zoo:
        found = zoo.models()
    console = Console()
    console.print(table(found))
    for model in found:
        for version in model.versions:
            if version.message:
                console.print(
                    f"[red]{model.name}@{version.version}[/] {version.state}: {escape(version.message)}"
                )


def table(models: list[Model]) -> Table:
    """One row for each model."""
    rows = Table(box=box.SIMPLE_HEAD)
    for heading in ("model", "image", "classes", "can"):
        rows.add_column(heading, overflow="fold")
    for model in models:
        if not model.available:
            rows.add_row(model.name, "", "", "[red]no version is available[/]")
            continue
        rows.add_row(
            f"[bold]{model.name}[/]@{model.version}\n[dim]{escape(model.title)}[/]",
            "×".join(str(size) if size else "any" for size in model.image_shape),
            str(len(model.classes)) if model.conditional else "",
            "\n".join(_abilities(model)),
        )
    return rows


def _abilities(model: Model) -> Iterator[str]:
    """A line for each capability, and one for each of its options."""
    for name in model.capabilities:
        yield name
        capability = model.capability(name)
        for option in capability.options if capability is not None else ():
            yield f"[dim]  {escape(describe(option))}[/]"
