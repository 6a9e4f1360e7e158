"""`--from RUN`: a new run that starts from the weights of another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np

from zoo.training import trained
from zoo.training.errors import StartError, TrainingError
from zoo.training.run_folder import RunFolder

if TYPE_CHECKING:
    from zoo.families.base import GenerativeModel


@dataclass(frozen=True)
class Taken:
    """How many numbers of how many were taken over, and the variables that kept their fresh values."""

    numbers: int
    of: int
    fresh: tuple[str, ...]

    def __str__(self) -> str:
        left = f"; fresh: {', '.join(self.fresh)}" if self.fresh else ""
        return f"{self.numbers:,} of {self.of:,} weights{left}"


def take(model: GenerativeModel, run: RunFolder) -> Taken:
    """Gives `model` the weights, averages included, of the finished model or the last checkpoint of `run`.

    Optimizers, steps and learning rates start afresh. Both models must be of one family and have equally many weights
    in each network; a weight of another shape, such as an embedding of other classes, keeps its fresh value.

    Raises StartError if `run` has nothing to take, or less than half of the numbers would fit.
    """
    preset, _ = run.read_config()
    if preset.family != model.family:
        raise StartError(
            f"cannot start from {run.path}: it is a {preset.family}, and this preset is a {model.family}"
        )
    try:
        source, _ = trained.load(run)
    except TrainingError as error:
        raise StartError(f"cannot start from {run.path}: {error}") from error
    pairs = list(zip(_networks(source), _networks(model), strict=True))
    for theirs, ours in pairs:
        if len(theirs.weights) != len(ours.weights):
            raise StartError(
                f"cannot start from {run.path}: its {theirs.name} has {len(theirs.weights)} weights, and that of this "
                f"preset has {len(ours.weights)}; set the [model] keys that it has in its config.toml"
            )
    fitting, fresh = [], []
    for theirs, ours in pairs:
        for given, wanted in zip(theirs.weights, ours.weights, strict=True):
            if given.shape == wanted.shape:
                fitting.append((given, wanted))
            else:
                fresh.append(f"{wanted.path} {tuple(wanted.shape)}, not {tuple(given.shape)}")
    taken = Taken(
        sum(_size(wanted) for _, wanted in fitting),
        sum(_size(weight) for _, ours in pairs for weight in ours.weights),
        tuple(fresh),
    )
    if 2 * taken.numbers < taken.of:
        raise StartError(f"cannot start from {run.path}: only {taken} would fit")
    for given, wanted in fitting:
        wanted.assign(keras.ops.convert_to_numpy(given))
    return taken


def _networks(model: GenerativeModel) -> list[keras.Model]:
    return [network for pair in model.twins for network in pair]


def _size(weight: keras.Variable) -> int:
    return int(np.prod(weight.shape))
