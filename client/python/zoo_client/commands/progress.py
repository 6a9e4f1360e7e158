"""A progress bar over the steps that a stream reports."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from zoo_client.results import Progress

Event = TypeVar("Event")


def following(
    events: Generator[Progress | Event, None, None], title: str, console: Console
) -> Iterator[Event]:
    """Passes a stream's events on, except for its progress, which moves a bar on the console.

    The bar is shown on terminals only. Whoever stops reading cancels the call.
    """
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        TextColumn("{task.completed:.0f}/{task.total:.0f} steps {task.fields[note]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    with bar, closing(events):
        task = bar.add_task(title, total=1, note="")
        for event in events:
            if isinstance(event, Progress):
                waiting = f"({event.queue_position} items before us)" if event.queue_position else ""
                bar.update(task, completed=event.step, total=max(event.steps, 1), note=waiting)
            else:
                yield event
