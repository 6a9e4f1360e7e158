"""The stages of a training: one `compile` and `fit` each, on the same model, counted by one global step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.data import ImageData
from zoo.training.presets import Preset


@dataclass(frozen=True)
class Stage:
    """Global steps `first_step` .. `end` - 1 of a training; a training without stages is one that has no name.

    Attributes:
        name: what `model.begin_stage` is given; "" for a training without stages.
        seed: of the stage's stream of batches: each stage has orders and noise of its own.
        steps_per_epoch: full batches in one pass over the training images.
        first_step, first_epoch, first_image: what came before, in steps, epochs and images seen.
    """

    name: str
    epochs: int
    learning_rate: float
    batch_size: int
    seed: int
    steps_per_epoch: int
    first_step: int = 0
    first_epoch: int = 0
    first_image: int = 0

    @property
    def steps(self) -> int:
        """Optimizer steps of this stage."""
        return self.epochs * self.steps_per_epoch

    @property
    def end(self) -> int:
        """The global step after its last."""
        return self.first_step + self.steps

    def position(self, step: int) -> tuple[int, int]:
        """Whole epochs of this stage done before global `step`, and steps done of the next one."""
        return divmod(step - self.first_step, self.steps_per_epoch)

    def epoch(self, step: int) -> int:
        """The number of the epoch, from 1, that global `step` belongs to or ends."""
        return self.first_epoch - (self.first_step - step) // self.steps_per_epoch

    def images(self, step: int) -> int:
        """Images seen before global `step`, an image counted each time."""
        return self.first_image + (step - self.first_step) * self.batch_size


def stages_of(preset: Preset, images: ImageData) -> tuple[Stage, ...]:
    """The stages that `preset` says, laid out over the steps that `images` give. Raises DataError."""
    found: list[Stage] = []
    step = epoch = image = 0
    for index, table in enumerate(preset.stages):
        stage = Stage(
            table.name,
            table.epochs,
            table.learning_rate,
            table.batch_size,
            preset.train.seed + index,
            images.steps_per_epoch(table.batch_size),
            step,
            epoch,
            image,
        )
        found.append(stage)
        step, epoch, image = stage.end, epoch + stage.epochs, stage.images(stage.end)
    return tuple(found)


def stage_at(stages: Sequence[Stage], step: int) -> Stage:
    """The stage that global `step` belongs to or ends."""
    return next((stage for stage in stages if step <= stage.end), stages[-1])
