"""Grids of samples: drawn while training, always with the same seeds, so that they can be compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
from PIL import Image

from zoo.contact_sheet import grid
from zoo.data import ImageData
from zoo.training.checkpoints import TrainingState
from zoo.training.errors import PresetError
from zoo.training.presets import SampleTable
from zoo.training.run_folder import RunFolder
from zoo.training.tensorboard import TensorBoardLog

if TYPE_CHECKING:
    from zoo.families.base import GenerativeModel


def draw(model: GenerativeModel, table: SampleTable, images: ImageData) -> Image.Image:
    """The grid of the preset's [sample] table.

    One labelled row for each class if the model is conditional. A model that does not sample has a row for each of the
    first `rows` images set aside for validation (else of the training split): before and after.
    """
    if "sample" not in model.capabilities:
        sheets = model.before_and_after(_specimens(images, table.rows), seed=table.seed, **table.options)
        return grid(np.stack(sheets, axis=1).reshape(-1, *sheets[0].shape[1:]), len(sheets))
    classes = model.num_classes
    rows = classes or table.rows
    labels = np.repeat(np.arange(classes, dtype=np.int32), table.columns) if classes else None
    pictures = model.sample(rows * table.columns, seed=table.seed, label=labels, **table.options)
    return grid(pictures, table.columns, images.class_names if classes else ())


def _specimens(images: ImageData, count: int) -> dict[str, np.ndarray]:
    split = images.validation_split or images.train_split
    return next(iter(split.ordered(count).as_numpy_iterator()))


def rehearse(model: GenerativeModel, table: SampleTable, images: ImageData) -> None:
    """Draws one sample before the training, so that a wrong option shows now and not after the first epoch."""
    if table.every_epochs:
        try:
            if "sample" in model.capabilities:
                model.sample(1, seed=table.seed, label=0 if model.num_classes else None, **table.options)
            else:
                model.before_and_after(_specimens(images, 1), seed=table.seed, **table.options)
        except (TypeError, ValueError) as error:
            raise PresetError(f"[sample] does not suit {model.family}: {error}") from error


class SampleGrids(keras.callbacks.Callback):
    """Writes samples/step-N.png every few epochs."""

    def __init__(
        self,
        state: TrainingState,
        run: RunFolder,
        board: TensorBoardLog,
        table: SampleTable,
        images: ImageData,
    ) -> None:
        super().__init__()
        self.state, self.run, self.board, self.table, self.images = state, run, board, table, images

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        every = self.table.every_epochs
        if every and (epoch + 1) % every == 0:
            path: Path = self.run.samples / f"step-{self.state.step:08d}.png"
            draw(self.model, self.table, self.images).save(path)
            self.board.grid(path)
