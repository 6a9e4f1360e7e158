"""What commands print besides tables: plain lines, and an error as one red line."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console


def say(text: str) -> None:
    """Prints `text` as it is, without markup or wrapping."""
    Console().print(text, markup=False, highlight=False, soft_wrap=True)


def fail(error: Exception) -> NoReturn:
    """Prints the error to stderr and ends the command with status 1."""
    Console(stderr=True).print(
        f"pixelzoo: {error}", style="red", markup=False, highlight=False, soft_wrap=True
    )
    raise typer.Exit(1)
