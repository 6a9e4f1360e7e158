"""Running a preset: data, model, `fit`, and the callbacks that write the run folder."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from zoo import data, families
from zoo.families.base import GenerativeModel
from zoo.training import checkpoints, samples, warm_start
from zoo.training.errors import PresetError, TrainingError
from zoo.training.presets import Preset
from zoo.training.progress import ProgressReport, note
from zoo.training.recorder import Recorder
from zoo.training.run_folder import RunFolder
from zoo.training.stages import Stage, stages_of
from zoo.training.stopping import Checkpointer, StopRequest
from zoo.training.tensorboard import TensorBoardLog

STRATEGIES = ("none", "mirrored")


@dataclass(frozen=True)
class Workshop:
    """What a preset becomes before training: opened data, the number of steps, and where its variables live."""

    preset: Preset
    data: data.ImageData
    stages: tuple[Stage, ...]
    strategy: tf.distribute.Strategy

    @property
    def total_steps(self) -> int:
        return self.stages[-1].end

    def build(self) -> GenerativeModel:
        """A new model with weights from the preset's seed; each stage compiles it."""
        train = self.preset.train
        keras.utils.set_random_seed(train.seed)
        family = families.get(self.preset.family)
        with self.scope():
            try:
                return family(
                    image_shape=self.data.image_shape, learning_rate=train.learning_rate, **self.preset.model
                )
            except (TypeError, ValueError) as error:
                raise PresetError(f"[model] does not suit {family.family}: {error}") from error

    def begin(self, stage: Stage, model: GenerativeModel) -> None:
        """Makes the model ready for the first step of `stage`. Raises PresetError if it lacks what the stage needs."""
        with self.scope():
            if stage.name:
                try:
                    model.begin_stage(stage.name)
                except ValueError as error:  # what the stage needs, such as perceptual features, is missing
                    raise PresetError(f"stage {stage.name}: {error}") from error
            model.compile_for(stage.learning_rate, stage.steps)

    def scope(self) -> AbstractContextManager[Any]:
        """Variables made in this scope are those of the strategy."""
        return self.strategy.scope()


def prepare(preset: Preset, strategy: str = "none") -> Workshop:
    """Opens the preset's data and checks that model and data suit each other. Raises PresetError or DataError."""
    train = preset.train
    if train.deterministic:
        keras.utils.set_random_seed(train.seed)  # determinism wants a seed before the first random op
        tf.config.experimental.enable_op_determinism()
    images = data.load(**preset.data_options()).hold_out(train.validation_images)
    classes = preset.num_classes
    if classes not in (0, images.num_classes):
        raise PresetError(
            f"model.num_classes is {classes}, but {images.name} has {images.num_classes} classes; "
            f"set it to {images.num_classes}, or to 0 for a model without classes"
        )
    return Workshop(preset, images, stages_of(preset, images), make_strategy(strategy))


def make_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy of that name: "none" trains on one device, "mirrored" on every GPU of this machine."""
    if name not in STRATEGIES:
        raise TrainingError(f"unknown strategy {name!r}; there are {', '.join(STRATEGIES)}")
    return tf.distribute.MirroredStrategy() if name == "mirrored" else tf.distribute.get_strategy()


def train(
    run: RunFolder, *, resume: bool = False, minutes: float | None = None, strategy: str = "none"
) -> GenerativeModel:
    """Trains the run to its end, or for `minutes` of wall time, and returns the model.

    With `resume` it goes on from the last checkpoint, with the same batches, noise and learning rates as if it had
    never stopped.

    Raises:
        Stopped: a signal came, or the minutes are over; a checkpoint has been written.
        TrainingError: the loss is not finite, a checkpoint is damaged, or the data and the preset do not fit.
    """
    preset, origin = run.read_config()
    with run.lock():
        workshop = prepare(preset, strategy)
        checkpoint = checkpoints.latest(run.checkpoints) if resume else None
        if checkpoint is None:
            model, state = workshop.build(), checkpoints.TrainingState()
            if "start" in origin:
                taken = warm_start.take(model, RunFolder.open(Path(origin["start"])))
                note(f"Starting from {origin['start']}: {taken}")
            samples.rehearse(model, preset.sample, workshop.data)
        else:
            families.get(preset.family)  # registers the classes that the file names
            with workshop.scope():
                model, state = checkpoints.load(checkpoint)
        run.forget_after(state.step)
        _fit(model, state, run, workshop, minutes)
        checkpoints.save_model(model, run.model)
    return model


def _fit(
    model: GenerativeModel,
    state: checkpoints.TrainingState,
    run: RunFolder,
    workshop: Workshop,
    minutes: float | None,
) -> None:
    preset, table, stages = workshop.preset, workshop.preset.train, workshop.stages
    board, stop = TensorBoardLog(run), StopRequest()
    recorder = Recorder(state, run, board, stages[0], log_every=table.log_every)
    report = ProgressReport(recorder, workshop.total_steps)
    grids = samples.SampleGrids(state, run, board, preset.sample, workshop.data)
    checkpointer = Checkpointer(recorder, table.checkpoint_minutes, stop, minutes)
    try:
        with stop.watch():
            for previous, stage in zip((None, *stages), stages, strict=False):
                if state.step == stage.first_step:
                    if previous is not None:
                        checkpoints.save_model(model, run.stage_model(previous.name))
                    workshop.begin(stage, model)
                recorder.stage = stage
                while state.step < stage.end:
                    # All epochs of one `fit` have the same number of steps, so the rest of an interrupted epoch is a
                    # `fit` of its own.
                    epoch, done = stage.position(state.step)
                    model.fit(
                        workshop.data.train(
                            stage.batch_size,
                            stage.seed,
                            stage.epochs,
                            start_step=state.step - stage.first_step,
                        ),
                        initial_epoch=stage.first_epoch + epoch,
                        epochs=stage.first_epoch + (epoch + 1 if done else stage.epochs),
                        steps_per_epoch=stage.steps_per_epoch - done,
                        validation_data=workshop.data.validation(stage.batch_size),
                        validation_freq=table.validate_every,
                        callbacks=[recorder, report, grids, checkpointer],
                        shuffle=False,  # the stream is shuffled already
                        verbose=0,
                    )
            recorder.clock.tick()
            checkpoints.save(model, state, run.checkpoints)
    finally:
        report.close()
        board.close()
