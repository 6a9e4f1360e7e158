"""Checkpoints while training, and stopping in good order: on a signal, or when the time given is up."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import keras

from zoo.training import checkpoints
from zoo.training.errors import Stopped
from zoo.training.recorder import Recorder


class StopRequest:
    """Set by the first SIGINT or SIGTERM; a second SIGINT interrupts at once."""

    def __init__(self) -> None:
        self.reason = ""
        self.signal = 0

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Catches both signals while the block runs."""
        if threading.current_thread() is not threading.main_thread():  # only the main thread may take signals
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.reason and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.reason, self.signal = signal.Signals(number).name, number


class Checkpointer(keras.callbacks.Callback):
    """Writes a checkpoint every few minutes and when the training must stop."""

    def __init__(
        self, recorder: Recorder, every_minutes: float, stop: StopRequest, minutes: float | None
    ) -> None:
        super().__init__()
        self.recorder, self.every, self.stop = recorder, every_minutes * 60, stop
        self._last = time.monotonic()
        self._end = None if minutes is None else time.monotonic() + minutes * 60

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # After the last step of an epoch, wait for `on_epoch_end`: the epoch's row and grid belong to the checkpoint.
        if not self.recorder.ends_epoch and self._is_due():
            self.recorder.measure(logs or {})
            self._save()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._is_due():
            self.recorder.clock.tick()
            self._save()

    def _is_due(self) -> bool:
        now = time.monotonic()
        if self._end is not None and now >= self._end and not self.stop.reason:
            self.stop.reason = "the time given is up"
        return bool(self.stop.reason) or now - self._last >= self.every

    def _save(self) -> None:
        state, run = self.recorder.state, self.recorder.run
        checkpoints.save(self.model, state, run.checkpoints)
        self._last = time.monotonic()
        if self.stop.reason:
            raise Stopped(
                f"stopped at step {state.step} ({self.stop.reason}); "
                f"go on with: pixelzoo train --resume --run {run.path}",
                self.stop.signal,
            )
