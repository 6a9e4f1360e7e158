"""What a training writes down: steps, times and metrics, to metrics.jsonl and TensorBoard."""

from __future__ import annotations

import math
import os
import time
from typing import Any

import keras

from zoo.training.checkpoints import TrainingState
from zoo.training.errors import TrainingError
from zoo.training.run_folder import RunFolder
from zoo.training.stages import Stage
from zoo.training.tensorboard import TensorBoardLog


class Clock:
    """Adds the time that passes to the wall and CPU seconds of a state."""

    def __init__(self, state: TrainingState) -> None:
        self._state = state
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()

    def tick(self) -> None:
        """Brings the state's times up to now."""
        wall, cpu = time.perf_counter(), _cpu_seconds()
        self._state.wall_seconds += wall - self._wall
        self._state.cpu_seconds += cpu - self._cpu
        self._wall, self._cpu = wall, cpu


class Recorder(keras.callbacks.Callback):
    """Counts steps, and writes a row for every `log_every` steps and for every epoch. `stage` is the one under way.

    Keras reports each metric as its mean since the epoch began; a row about an interval takes the difference of two
    such means, weighted by their steps, so that it speaks of the interval alone.
    """

    def __init__(
        self, state: TrainingState, run: RunFolder, board: TensorBoardLog, stage: Stage, *, log_every: int
    ) -> None:
        super().__init__()
        self.state, self.run, self.board = state, run, board
        self.stage, self.log_every = stage, log_every
        self.clock = Clock(state)
        self.last_row: dict[str, Any] = {}
        self._carried: dict[str, float] = {}
        self._carried_steps = 0
        self._steps = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        # What an interrupted epoch had summed up before the resume; the metrics in the model start from nothing.
        self._carried, self._carried_steps = dict(self.state.epoch_sums), self.state.epoch_steps
        self._steps = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.state.step += 1
        self._steps += 1
        if self.state.step % self.log_every == 0 or self.ends_epoch:
            self._interval(logs or {})

    @property
    def ends_epoch(self) -> bool:
        """Whether the last step done is the last of an epoch."""
        return self.stage.position(self.state.step)[1] == 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        steps = self.state.epoch_steps
        metrics = {name: total / steps for name, total in self.state.epoch_sums.items()}
        held_out = {
            f"validation_{name[4:]}": float(v) for name, v in (logs or {}).items() if name.startswith("val_")
        }
        self.state.epoch_sums, self.state.epoch_steps = {}, 0
        self.state.interval_sums, self.state.interval_steps = {}, 0
        self._write("epoch", {**metrics, **held_out})

    def measure(self, logs: dict[str, Any]) -> None:
        """Brings the state's sums and times up to this step. Raises TrainingError if the loss is not finite."""
        self.clock.tick()
        steps = self._steps
        sums = {name: self._carried.get(name, 0.0) + float(value) * steps for name, value in logs.items()}
        self.state.epoch_sums, self.state.epoch_steps = sums, self._carried_steps + steps
        broken = [name for name, total in sums.items() if not math.isfinite(total)]
        if broken:
            raise TrainingError(
                f"{', '.join(broken)} became NaN or infinite at or before step {self.state.step}. The last "
                f"checkpoint in {self.run.checkpoints} is from before that and is kept. Start a new run with a lower "
                "learning rate (--set train.learning_rate=...), or in float32 (--set model.dtype=float32)"
            )

    def _interval(self, logs: dict[str, Any]) -> None:
        self.measure(logs)
        state, before = self.state, self.state.interval_sums
        count = state.epoch_steps - state.interval_steps
        metrics = {name: (total - before.get(name, 0.0)) / count for name, total in state.epoch_sums.items()}
        state.interval_sums, state.interval_steps = dict(state.epoch_sums), state.epoch_steps
        self._write("interval", metrics)

    def _write(self, kind: str, metrics: dict[str, float]) -> None:
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.last_row = {
            "kind": kind,
            **({"stage": self.stage.name} if self.stage.name else {}),
            "step": self.state.step,
            "epoch": self.stage.epoch(self.state.step),
            "images": self.stage.images(self.state.step),
            "wall_seconds": round(self.state.wall_seconds, 3),
            "cpu_seconds": round(self.state.cpu_seconds, 3),
            "learning_rate": rate,
            **metrics,
        }
        self.run.append_metrics(self.last_row)
        self.board.row(self.last_row)


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
