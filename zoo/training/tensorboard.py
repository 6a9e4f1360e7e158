"""The TensorBoard view of a run, which holds nothing that metrics.jsonl and samples/ do not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from zoo.training.run_folder import RunFolder, grid_step

_NOT_CURVES = {"kind", "stage", "step", "images"}


class TensorBoardLog:
    """Writes a run's scalars and sample grids, through one writer.

    It starts by writing again what the run has so far: after a resume, the curves then have no second branch.
    """

    def __init__(self, run: RunFolder) -> None:
        shutil.rmtree(run.tensorboard, ignore_errors=True)
        self._writer = tf.summary.create_file_writer(str(run.tensorboard))
        for row in run.read_metrics():
            self.row(row)
        for path in sorted(run.samples.glob("step-*.png")):
            self.grid(path)

    def row(self, row: dict[str, Any]) -> None:
        """One row of metrics.jsonl: its numbers as scalars, under the row's kind."""
        with self._writer.as_default(step=row["step"]):
            for name, value in row.items():
                if name not in _NOT_CURVES:
                    tf.summary.scalar(f"{row['kind']}/{name}", value)
        if row["kind"] == "epoch":
            self._writer.flush()

    def grid(self, path: Path) -> None:
        """One sample grid, samples/step-N.png."""
        with self._writer.as_default(step=grid_step(path)), Image.open(path) as image:
            tf.summary.image("samples", np.asarray(image.convert("RGB"))[np.newaxis])
        self._writer.flush()

    def close(self) -> None:
        """Writes everything out."""
        self._writer.close()
