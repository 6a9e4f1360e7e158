"""`--dry-run`: what a training would do, with its time measured from a few real steps."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np

from zoo.families.base import GenerativeModel
from zoo.training.progress import duration
from zoo.training.runner import Workshop
from zoo.training.stages import Stage

_WARM_UP_STEPS = 2
_TIMED_STEPS = 5


class _StepTimes(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seconds.append(time.perf_counter() - self._start)


def plan(workshop: Workshop) -> dict[str, str]:
    """The plan as lines of (what, how much). Trains a throw-away model for a few steps and writes nothing."""
    preset, images, table = workshop.preset, workshop.data, workshop.preset.train
    model = workshop.build()
    seconds = [_step_seconds(workshop, stage, model) for stage in workshop.stages]
    total = sum(step * stage.steps for step, stage in zip(seconds, workshop.stages, strict=True))
    trained, average = parameters(model)
    held_out = f", {table.validation_images} held out to watch" if table.validation_images else ""
    height, width, channels = images.image_shape
    return {
        "preset": f"{preset.name}: {preset.title}",
        "family": preset.family,
        "parameters": f"{trained:,} trained, and {average:,} in their average (EMA)",
        "data": f"{images.name}: {images.train_images:,} training images of {height}x{width}x{channels}{held_out}; "
        f"{images.test_images:,} test images, never trained on",
        "classes": ", ".join(images.class_names) if model.num_classes else "not used",
        "precision": str(preset.model.get("dtype", "float32")),
        "strategy": f"{type(workshop.strategy).__name__}, {workshop.strategy.num_replicas_in_sync} replicas",
        "steps": " + ".join(
            f"{stage.steps:,} = {stage.epochs} epochs of {stage.steps_per_epoch} batches of {stage.batch_size}"
            + (f" ({stage.name})" if stage.name else "")
            for stage in workshop.stages
        ),
        "time": f"about {duration(total)} at "
        + " + ".join(
            f"{step * 1000:.0f} ms a step ({stage.batch_size / step:.0f} images/s)"
            for step, stage in zip(seconds, workshop.stages, strict=True)
        )
        + ", measured here; grids and checkpoints come on top",
    }


def _step_seconds(workshop: Workshop, stage: Stage, model: GenerativeModel) -> float:
    """What one step of `stage` takes, from a few of them."""
    workshop.begin(stage, model)
    times = _StepTimes()
    steps = _WARM_UP_STEPS + _TIMED_STEPS
    epochs = -(-steps // stage.steps_per_epoch)
    batches = workshop.data.train(stage.batch_size, stage.seed, epochs)
    model.fit(batches, steps_per_epoch=steps, callbacks=[times], shuffle=False, verbose=0)
    # The first steps trace the graph and warm the caches up; the median leaves out what another process took.
    return float(np.median(times.seconds[_WARM_UP_STEPS:]))


def parameters(model: GenerativeModel) -> tuple[int, int]:
    """How many parameters are trained, and how many their moving average has."""
    trained = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    return trained, sum(network.count_params() for network in model.served_networks)
