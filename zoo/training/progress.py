"""Progress of a training: a bar on a terminal, and one line every half minute anywhere else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from zoo.training.recorder import Recorder

SECONDS_BETWEEN_LINES = 30.0


class ProgressReport(keras.callbacks.Callback):
    """Reads the recorder's state; it computes nothing of its own, so that a report never slows a step."""

    def __init__(self, recorder: Recorder, total_steps: int) -> None:
        super().__init__()
        self.recorder, self.total_steps = recorder, total_steps
        self._console = Console()
        self._bar: Progress | None = None
        self._first: tuple[float, int] | None = None
        self._last_line = time.monotonic()

    def on_train_begin(self, logs: Any = None) -> None:
        self._first = None  # another stage has another pace

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        step, now = self.recorder.state.step, time.monotonic()
        if (
            self._first is None
        ):  # the first step also traces and compiles; its time says nothing about the next ones
            self._first = (now, step)
        if self._console.is_terminal:
            self._show_bar(step)
        elif now - self._last_line >= SECONDS_BETWEEN_LINES or step == self.total_steps:
            self._last_line = now
            self._console.print(
                self._text(step, self._metric_names()), soft_wrap=True, markup=False, highlight=False
            )

    def close(self) -> None:
        """Leaves the bar where it stands."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show_bar(self, step: int) -> None:
        if self._bar is None:
            columns = (BarColumn(bar_width=20), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=self._console)
            self._task = self._bar.add_task("", total=self.total_steps)
            self._bar.start()
        # A line of a terminal has room for the loss; the other metrics are in metrics.jsonl and TensorBoard.
        self._bar.update(self._task, completed=step, description=self._text(step, self._metric_names()[:1]))

    def _text(self, step: int, metrics: Sequence[str]) -> str:
        row = self.recorder.last_row
        stage = self.recorder.stage
        parts = [f"epoch {stage.epoch(step)}", f"step {step}/{self.total_steps}"]
        if stage.name:
            parts.insert(0, stage.name)
        parts += [f"{name} {row[name]:.4f}" for name in metrics if name in row]
        now = time.monotonic()
        if self._first is not None and step > self._first[1]:
            rate = (step - self._first[1]) / (now - self._first[0])
            parts.append(f"{rate * stage.batch_size:.0f} images/s")
            parts.append(f"{duration((self.total_steps - step) / rate)} left")
        return "  ".join(parts)

    def _metric_names(self) -> list[str]:
        return [metric.name for metric in self.model.metrics]


def note(text: str) -> None:
    """One line for whoever watches the training."""
    Console().print(text, soft_wrap=True, markup=False, highlight=False)


def duration(seconds: float) -> str:
    """Seconds as 1:02:03 or 2:03."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
