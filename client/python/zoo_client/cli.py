"""The one command, `pixelzoo`: a table of subcommands, each imported only when it is used.

`pixelzoo --help` and `pixelzoo sample` must start at once and without TensorFlow, and yet `pixelzoo train`
belongs to the same command. So this module imports Typer and nothing else of weight; the table below names,
for every subcommand, the Typer app that has it and the extra whose packages it needs.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from zoo_client.errors import MissingExtra, ZooError


@dataclass(frozen=True)
class Entry:
    """Where a subcommand lives, as `module:app`; the extra that it needs; and its line in the help."""

    app: str
    extra: str | None
    help: str


CALL, SERVE, TRAIN = "Call a server", "Run a server", "Train a model"

TABLE: dict[str, dict[str, Entry]] = {
    CALL: {
        "demo": Entry("zoo_client.demo.command:app", None, "Show what the bundled models can do."),
        "models": Entry("zoo_client.commands.models:app", None, "List the models of a server."),
        "sample": Entry("zoo_client.commands.sample:app", None, "Make images."),
        "complete": Entry("zoo_client.commands.complete:app", None, "Draw the rest of a picture."),
        "translate": Entry("zoo_client.commands.translate:app", None, "Turn pictures into others."),
        "upscale": Entry("zoo_client.commands.translate:app", None, "Enlarge pictures of any size."),
        "interpolate": Entry("zoo_client.commands.latents:app", None, "Draw what lies between pictures."),
        "traverse": Entry("zoo_client.commands.latents:app", None, "Show what entries of a latent mean."),
        "reproduce": Entry("zoo_client.commands.reproduce:app", None, "Make an image again, by its recipe."),
        "score": Entry("zoo_client.commands.score:app", None, "Score images: likelihoods and the like."),
    },
    SERVE: {
        "serve": Entry("zoo_server.cli:app", "server", "Serve a folder of SavedModels over gRPC."),
        "token": Entry("zoo_server.token_command:app", "server", "Make a bearer token for a server."),
    },
    TRAIN: {
        "train": Entry("zoo.cli:app", "train", "Train a preset."),
        "evaluate": Entry(
            "zoo.evaluation.command:app", "train", "Measure a trained model on its test split."
        ),
        "train-extractor": Entry(
            "zoo.evaluation.command:app",
            "train",
            "Train the classifier in whose features samples are measured.",
        ),
        "export": Entry("zoo.cli:app", "train", "Write a run as a SavedModel with its card."),
        "check": Entry("zoo.cli:app", "train", "Check a SavedModel folder against the contract."),
        "data": Entry("zoo.cli:app", "train", "Look at a source of images."),
    },
}

ENTRIES = {name: entry for panel in TABLE.values() for name, entry in panel.items()}

# Packages by which an installed extra is recognised; they are looked for, not imported.
EXTRA_PACKAGES = {
    "server": ("tensorflow", "grpc_health", "grpc_reflection"),
    "train": ("tensorflow", "keras", "tensorflow_probability"),
}


def load(name: str) -> TyperCommand:
    """Imports the subcommand `name`. Raises MissingExtra if packages that it needs are not installed."""
    entry = ENTRIES[name]
    if entry.extra is not None:
        missing = [p for p in EXTRA_PACKAGES[entry.extra] if importlib.util.find_spec(p) is None]
        if missing:
            raise MissingExtra(f"`pixelzoo {name}`", entry.extra, missing)
    module, attribute = entry.app.split(":")
    app = getattr(importlib.import_module(module), attribute)
    command: Any = typer.main.get_command(app)
    # A Typer app with one command *is* that command; with several it is a group of them.
    if isinstance(command, TyperGroup):
        command = command.commands[name]
    command.name = name
    assert isinstance(command, TyperCommand)
    return command


class LazyGroup(TyperGroup):
    """A group whose commands are known by name and help line, and imported when one of them is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for panel, entries in TABLE.items():
            for name, entry in entries.items():
                self.add_command(TyperCommand(name, help=entry.help, rich_help_panel=panel))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Finds the command as the base does (with its "did you mean"), and then imports the real one."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else load(name), rest


app = typer.Typer(
    cls=LazyGroup, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)


def _print_version(wanted: bool) -> None:
    if wanted:
        import importlib.metadata  # Not above: it costs as much as the rest of this module.

        typer.echo(f"pixelzoo {importlib.metadata.version('pixelzoo')}")
        raise typer.Exit


@app.callback()
def pixelzoo(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """A zoo of image generators: train them, serve them over gRPC, and make images."""


def main() -> None:
    """The console script. What went wrong is one line on the standard error, with exit status 1."""
    try:
        app(prog_name="pixelzoo")
    except ZooError as error:
        typer.echo(f"pixelzoo: {error}", err=True)
        sys.exit(1)
