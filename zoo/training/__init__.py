"""Trains presets into run folders.

    run = RunFolder.create(load_preset("ddpm_fashion_mnist", ["train.epochs=2"]))
    model = train(run)

`train` brings in TensorFlow; reading presets and run folders needs only what the family's module imports.
"""

from __future__ import annotations

from typing import Any

from zoo.training.errors import CheckpointError, PresetError, StartError, Stopped, TrainingError
from zoo.training.presets import Preset, load_preset
from zoo.training.run_folder import RunFolder

__all__ = [
    "CheckpointError",
    "Preset",
    "PresetError",
    "RunFolder",
    "StartError",
    "Stopped",
    "TrainingError",
    "load_preset",
    "train",
]


def train(run: RunFolder, **options: Any) -> Any:
    """Trains a run; see `zoo.training.runner.train`."""
    from zoo.training.runner import train

    return train(run, **options)
