"""A run: one training, and the folder that holds everything about it.

config.toml        the whole effective preset, frozen, and where the run came from
metrics.jsonl      one JSON object per line: every interval and every epoch
checkpoints/       the last two checkpoints (see zoo.training.checkpoints)
samples/           step-N.png, a grid of samples
tensorboard/       the same numbers and grids for TensorBoard
model.keras        the finished model
stage-NAME.keras   the model as each stage but the last left it, where the preset has stages
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.training import toml_text
from zoo.training.errors import TrainingError
from zoo.training.presets import Preset, check_preset
from zoo.training.provenance import provenance


class RunFolder:
    """The files of one run. Make one with `create` or `open`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.toml"
        self.metrics = path / "metrics.jsonl"
        self.checkpoints = path / "checkpoints"
        self.samples = path / "samples"
        self.tensorboard = path / "tensorboard"
        self.model = path / "model.keras"
        self.lock_file = path / ".lock"

    def stage_model(self, stage: str) -> Path:
        """Where the model is kept as the stage of that name left it."""
        return self.path / f"stage-{stage}.keras"

    @classmethod
    def create(cls, preset: Preset, path: Path | None = None, *, start: Path | None = None) -> RunFolder:
        """A new run of `preset`, in `path` or in runs/<preset>-<time>. Raises TrainingError unless that is free.

        `start` is the run folder whose weights it will start from; see `zoo.training.warm_start`.
        """
        run = cls(path or Path("runs") / f"{preset.name}-{time.strftime('%Y%m%d-%H%M%S')}")
        if run.path.exists() and any(run.path.iterdir()):
            raise TrainingError(
                f"{run.path} is not empty; add --resume to go on with the run in it, or choose another folder"
            )
        run.samples.mkdir(parents=True)
        run.checkpoints.mkdir()
        origin = provenance() | ({"start": str(start.resolve())} if start else {})
        write_atomically(run.config, toml_text.dumps({**preset.as_tables(), "provenance": origin}))
        return run

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The run in `path`. Raises TrainingError if there is none."""
        run = cls(path)
        if not run.config.is_file():
            raise TrainingError(
                f"{path} holds no run: it has no config.toml. Runs lie in runs/, one folder each"
            )
        return run

    @classmethod
    def latest(cls, preset_name: str, parent: Path = Path("runs")) -> RunFolder:
        """The newest run of a preset. Raises TrainingError if there is none."""
        candidates = [path.parent for path in parent.glob(f"{preset_name}-*/config.toml")]
        if not candidates:
            raise TrainingError(
                f"there is no run of {preset_name} in {parent}/ to resume; start one without --resume"
            )
        return cls(max(candidates, key=lambda path: (path / "config.toml").stat().st_mtime))

    def discard(self) -> None:
        """Removes the folder of a run that could not start; one that has trained is left alone."""
        if self.read_metrics() or any(self.checkpoints.iterdir()):
            return
        for file in (self.config, self.lock_file, self.metrics):
            file.unlink(missing_ok=True)
        shutil.rmtree(self.tensorboard, ignore_errors=True)
        for folder in (self.samples, self.checkpoints, self.path):
            folder.rmdir()

    def read_config(self) -> tuple[Preset, dict[str, Any]]:
        """The frozen preset, and the run's provenance."""
        try:
            tables = tomllib.loads(self.config.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise TrainingError(f"{self.config} is damaged: {error}") from error
        origin = tables.pop("provenance", {})
        return check_preset(tables), origin

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run for this process. Raises TrainingError if another one is training it."""
        with self.lock_file.open("w", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TrainingError(f"another process is training {self.path}; stop it first") from None
            yield

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """Adds one line to metrics.jsonl."""
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """Every row of metrics.jsonl. A last line that a crash cut short is left out."""
        rows = []
        if self.metrics.exists():
            for line in self.metrics.read_text(encoding="utf-8").splitlines():
                try:
                    rows.append(json.loads(line))
                except json.JSONDecodeError:
                    break
        return rows

    def forget_after(self, step: int) -> None:
        """Drops the rows and grids of later steps: a resume makes them again."""
        rows = [row for row in self.read_metrics() if row["step"] <= step]
        write_atomically(self.metrics, "".join(json.dumps(row) + "\n" for row in rows))
        for grid in self.samples.glob("step-*.png"):
            if grid_step(grid) > step:
                grid.unlink()


def grid_step(grid: Path) -> int:
    """The step in the name of a sample grid, samples/step-N.png."""
    return int(grid.stem.partition("-")[2])


def write_atomically(path: Path, text: str) -> None:
    """Replaces the file's whole content, so that a reader or a crash sees the old text or the new one."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
