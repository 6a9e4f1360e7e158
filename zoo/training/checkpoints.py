"""Checkpoints of a run: the whole model as one `.keras` file, and beside it a small state file.

The state file is written last, so a checkpoint exists once its state does: a crash at any moment leaves the earlier
ones whole. It names the model's SHA-256, so that a damaged file is noticed before anything is loaded from it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.training.errors import CheckpointError
from zoo.training.run_folder import write_atomically

if TYPE_CHECKING:
    from zoo.families.base import GenerativeModel

KEEP = 2


@dataclass
class TrainingState:
    """Where a training stands. Times are sums over all resumes of the run.

    Attributes:
        step: optimizer steps done.
        wall_seconds: wall time, sampling and checkpoints included, start-up left out.
        cpu_seconds: CPU time of the process and its children, over all threads.
        epoch_sums: for each metric, its sum over the steps of the unfinished epoch, so that a resume can report the
            whole epoch.
        epoch_steps: how many steps those sums hold.
        interval_sums, interval_steps: the same, as they were when the unfinished interval began.
        random_states: the state of each Keras seed generator in the model, which `.keras` files leave out.
    """

    step: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    epoch_sums: dict[str, float] = field(default_factory=dict)
    epoch_steps: int = 0
    interval_sums: dict[str, float] = field(default_factory=dict)
    interval_steps: int = 0
    random_states: list[list[int]] = field(default_factory=list)


def save(model: GenerativeModel, state: TrainingState, folder: Path) -> Path:
    """Writes the checkpoint of `state.step` and removes all but the last KEEP. Returns the model file."""
    path = folder / f"step-{state.step:08d}.keras"
    save_model(model, path)
    state.random_states = [np.asarray(variable).tolist() for variable in _random_states(model)]
    content = {**asdict(state), "sha256": _digest(path)}
    write_atomically(path.with_suffix(".json"), json.dumps(content, indent=2) + "\n")
    for old in _states(folder)[:-KEEP]:
        old.unlink()
        old.with_suffix(".keras").unlink(missing_ok=True)
    return path


def save_model(model: GenerativeModel, path: Path) -> None:
    """Writes the model with its optimizer and its EMA twin, replacing `path` in one move."""
    temporary = path.with_name(f".{path.stem}.tmp.keras")
    model.save(temporary)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def latest(folder: Path) -> Path | None:
    """The state file of the newest checkpoint, or None."""
    states = _states(folder)
    return states[-1] if states else None


def load(state_file: Path) -> tuple[GenerativeModel, TrainingState]:
    """The model and the state of one checkpoint. The family's module must have been imported.

    Raises CheckpointError if a file is missing or damaged.
    """
    import keras

    path = state_file.with_suffix(".keras")
    others = [file.stem for file in _states(state_file.parent) if file != state_file]
    remedy = f"Delete {path.stem}.keras and {path.stem}.json in {path.parent} and resume again: " + (
        f"the run goes on from {others[-1]}"
        if others
        else "there is no earlier checkpoint, so the run starts anew"
    )
    try:
        content = json.loads(state_file.read_text(encoding="utf-8"))
        digest = content.pop("sha256")
        state = TrainingState(**content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{state_file} is damaged ({error}). {remedy}") from error
    if not path.is_file():
        raise CheckpointError(f"{path} is missing. {remedy}")
    if _digest(path) != digest:
        raise CheckpointError(f"{path} is damaged: it is not the file that was written. {remedy}")
    model = keras.saving.load_model(path)
    for variable, value in zip(_random_states(model), state.random_states, strict=True):
        variable.assign(np.asarray(value, dtype=variable.dtype))
    return model, state


def _states(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.json"))


def _random_states(model: GenerativeModel) -> list:
    return [variable for variable in model.variables if variable.name == "seed_generator_state"]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
