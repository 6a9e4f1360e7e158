"""Grids of samples: drawn while training, always with the same seeds, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
from PIL import Image, ImageDraw

from zoo.training.checkpoints import TrainingState
from zoo.training.errors import PresetError
from zoo.training.presets import SampleTable
from zoo.training.run_folder import RunFolder
from zoo.training.tensorboard import TensorBoardLog

if TYPE_CHECKING:
    from zoo.families.base import GenerativeModel

_GAP = 2
_SHORTEST_SIDE = 28


def draw(model: GenerativeModel, table: SampleTable, class_names: Sequence[str]) -> Image.Image:
    """The grid of the preset's [sample] table: one labelled row for each class if the model is conditional."""
    classes = model.num_classes
    rows = classes or table.rows
    labels = np.repeat(np.arange(classes, dtype=np.int32), table.columns) if classes else None
    images = model.sample(rows * table.columns, seed=table.seed, label=labels, **table.options)
    return grid(images, table.columns, class_names if classes else ())


def grid(images: np.ndarray, columns: int, row_names: Sequence[str] = ()) -> Image.Image:
    """`images` uint8 [n, h, w, c] (c is 1 or 3) in rows of `columns`, with the rows' names at their left if given.

    Images whose shorter side is under 28 pixels are enlarged by a whole factor, pixel by pixel.
    """
    images = np.asarray(images)
    factor = max(1, -(-_SHORTEST_SIDE // min(images.shape[1:3])))
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = images.shape[1:3]
    rows = -(-len(images) // columns)
    margin = _widest(row_names) + 2 * _GAP if row_names else 0
    colour = images.shape[3] == 3
    size = (margin + columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP)
    sheet = Image.new("RGB" if colour else "L", size, "white")
    write = ImageDraw.Draw(sheet)
    for row, name in enumerate(row_names):
        write.text((_GAP, _GAP + row * (height + _GAP) + height // 2), name, fill="black", anchor="lm")
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        place = (margin + _GAP + column * (width + _GAP), _GAP + row * (height + _GAP))
        sheet.paste(Image.fromarray(image if colour else image[..., 0]), place)
    return sheet


def _widest(texts: Sequence[str]) -> int:
    """Pixels that the longest of `texts` takes when it is drawn."""
    ruler = ImageDraw.Draw(Image.new("L", (1, 1)))
    return max(int(ruler.textlength(text)) for text in texts)


def rehearse(model: GenerativeModel, table: SampleTable) -> None:
    """Draws one sample before the training, so that a wrong option shows now and not after the first epoch."""
    if table.every_epochs:
        try:
            model.sample(1, seed=table.seed, label=0 if model.num_classes else None, **table.options)
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
        names: Sequence[str],
    ) -> None:
        super().__init__()
        self.state, self.run, self.board, self.table, self.names = state, run, board, table, names

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        every = self.table.every_epochs
        if every and (epoch + 1) % every == 0:
            path: Path = self.run.samples / f"step-{self.state.step:08d}.png"
            draw(self.model, self.table, self.names).save(path)
            self.board.grid(path)
