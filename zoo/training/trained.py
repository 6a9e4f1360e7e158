"""The model that a run has come to: finished, as a stage left it, or at its last checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from zoo import families
from zoo.training import checkpoints
from zoo.training.errors import TrainingError
from zoo.training.run_folder import RunFolder

if TYPE_CHECKING:
    from zoo.families.base import GenerativeModel


def load(run: RunFolder, stage: str = "") -> tuple[GenerativeModel, checkpoints.TrainingState]:
    """The finished model of `run`, or the newest checkpoint of an unfinished one, and how much training it has had.

    With `stage`, the model as the stage of that name left it. Raises TrainingError if there is none.
    """
    preset, _ = run.read_config()
    families.get(preset.family)  # registers the classes that the file names
    rows = run.read_metrics()
    path = run.model
    if stage:
        path = run.stage_model(stage)
        rows = [row for row in rows if row.get("stage") == stage]
    if path.is_file():
        try:
            model = keras.saving.load_model(path)
        except (ValueError, OSError) as error:
            remedy = f"Delete it and write it again: pixelzoo train --resume --run {run.path}"
            raise TrainingError(f"{path} is damaged ({error}). {remedy}") from error
        if not rows:
            raise TrainingError(
                f"{run.metrics} has no row of the training that made {path.name}; put it back"
            )
        last = rows[-1]
        return model, checkpoints.TrainingState(last["step"], last["wall_seconds"], last["cpu_seconds"])
    if stage:
        kept = [entry.stem.removeprefix("stage-") for entry in sorted(run.path.glob("stage-*.keras"))]
        raise TrainingError(
            f"{run.path} keeps no model of a stage {stage!r}; it has {', '.join(kept) or 'none of any stage'}"
        )
    newest = checkpoints.latest(run.checkpoints)
    if newest is None:
        raise TrainingError(
            f"{run.path} has no checkpoint yet; train it first: pixelzoo train --resume --run {run.path}"
        )
    return checkpoints.load(newest)
