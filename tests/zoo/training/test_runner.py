"""Trainings of a tiny model on digits: what they write, and that a stopped one goes on as if nothing had been."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import keras
import numpy as np
import pytest
from PIL import Image

from zoo.training import (
    CheckpointError,
    PresetError,
    RunFolder,
    Stopped,
    TrainingError,
    checkpoints,
    load_preset,
    train,
)

STEPS_PER_EPOCH, STEPS = 10, 20


TIMES = {"wall_seconds", "cpu_seconds"}


def numbers(path):
    """Every number in a .keras file: both twins, and the optimizer with its moments and its step."""
    model = keras.saving.load_model(path)
    return [keras.ops.convert_to_numpy(variable) for variable in [*model.weights, *model.optimizer.variables]]


def test_a_run_folder_holds_all_that_it_should(finished):
    assert {path.name for path in finished.path.iterdir()} == {
        "config.toml", "metrics.jsonl", "checkpoints", "samples", "tensorboard", "model.keras", ".lock",
    }  # fmt: skip
    assert sorted(path.name for path in finished.checkpoints.iterdir()) == [
        "step-00000020.json",
        "step-00000020.keras",
    ]
    assert sorted(path.name for path in finished.samples.iterdir()) == [
        "step-00000010.png",
        "step-00000020.png",
    ]


def test_metrics_have_a_row_for_every_interval_and_epoch(finished):
    rows = finished.read_metrics()
    assert [(row["kind"], row["step"]) for row in rows] == [
        ("interval", 4), ("interval", 8), ("interval", 10), ("epoch", 10),
        ("interval", 12), ("interval", 16), ("interval", 20), ("epoch", 20),
    ]  # fmt: skip
    for row in rows:
        assert row["images"] == row["step"] * 128
        assert row["epoch"] == math.ceil(row["step"] / STEPS_PER_EPOCH)
        assert row["loss"] == pytest.approx(row["bits_per_dim"] * 64 * math.log(2), rel=1e-4)  # of 8x8 pixels
        assert row["learning_rate"] >= 0
    for key in ("wall_seconds", "cpu_seconds"):
        times = [row[key] for row in rows]
        assert times == sorted(times)
        assert times[0] > 0
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_an_interval_speaks_of_itself_and_an_epoch_of_all_its_steps(finished):
    first, second, third, epoch = finished.read_metrics()[:4]
    mean = (4 * first["loss"] + 4 * second["loss"] + 2 * third["loss"]) / 10
    assert epoch["loss"] == pytest.approx(mean, rel=1e-6)


def test_the_learning_rate_falls_to_zero(finished):
    assert finished.read_metrics()[-1]["learning_rate"] == pytest.approx(0, abs=1e-9)


def test_the_frozen_config_is_the_whole_recipe_and_says_where_it_came_from(finished, preset_file):
    preset, origin = finished.read_config()
    assert preset == load_preset(str(preset_file))
    assert preset.train.checkpoint_minutes == 5.0  # a default, written out
    assert origin["versions"]["keras"] == keras.__version__
    assert "cores" in origin["hardware"]
    assert origin["command"]
    assert origin["started"].endswith("Z")


def test_sample_grids_have_the_stated_rows_and_columns(finished):
    with Image.open(finished.samples / "step-00000020.png") as grid:
        # 8x8 pictures are shown four times as large, two pixels apart.
        assert grid.size == (3 * 34 + 2, 2 * 34 + 2)


def test_tensorboard_has_the_same_numbers(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(finished.tensorboard)).Reload()
    written = {
        (event.step, round(float(make_ndarray(event.tensor_proto)), 4))
        for event in events.Tensors("epoch/loss")
    }
    assert written == {
        (row["step"], round(row["loss"], 4)) for row in finished.read_metrics() if row["kind"] == "epoch"
    }
    assert [event.step for event in events.Tensors("samples")] == [10, 20]


def test_the_saved_model_samples_and_has_its_optimizer(finished):
    model = keras.saving.load_model(finished.model)
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == STEPS
    assert model.sample(2, seed=1).shape == (2, 8, 8, 1)


def test_a_signal_stops_with_a_checkpoint(preset_file, tmp_path):
    settings = ["train.epochs=1000", "train.validation_images=0", "sample.every_epochs=0"]
    run = RunFolder.create(load_preset(str(preset_file), settings), tmp_path / "run")

    def interrupt_once_it_trains():
        while not run.read_metrics():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt_once_it_trains, daemon=True).start()
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(
        Stopped, match=r"stopped at step \d+ \(SIGTERM\); go on with: pixelzoo train --resume"
    ) as stopped:
        train(run)
    assert stopped.value.signal == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before
    (state,) = run.checkpoints.glob("*.json")
    assert json.loads(state.read_text())["step"] >= 4
    assert not run.model.exists()


@pytest.fixture(scope="module")
def killed(preset_file, tmp_path_factory):
    """A run in a process of its own that was killed in its second epoch, with a checkpoint after every step."""
    path = tmp_path_factory.mktemp("killed") / "run"
    command = [
        sys.executable, "-c", "from zoo.cli import app; app()", "train", str(preset_file),
        "--run", str(path), "--set", "train.checkpoint_minutes=0",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while not (path / "checkpoints" / "step-00000013.json").exists():
            assert process.poll() is None, process.stdout.read().decode()
            time.sleep(0.01)
        process.kill()
    return RunFolder.open(path)


@pytest.fixture
def killed_run(killed, tmp_path):
    return RunFolder.open(shutil.copytree(killed.path, tmp_path / "run"))


def test_a_killed_run_goes_on_bit_for_bit(killed_run, finished):
    state = max(killed_run.checkpoints.glob("*.json"))
    assert 13 <= json.loads(state.read_text())["step"] < STEPS  # inside the second epoch
    # What a run with rarer checkpoints leaves: rows from after the last of them, and half a row.
    with killed_run.metrics.open("a") as file:
        file.write('{"kind": "interval", "step": 19, "loss": 0.0}\n{"kind": "inter')
    train(killed_run, resume=True)

    for expected, found in zip(numbers(finished.model), numbers(killed_run.model), strict=True):
        np.testing.assert_array_equal(expected, found)
    rows, expected_rows = killed_run.read_metrics(), finished.read_metrics()
    assert len(rows) == len(expected_rows)
    for row, expected_row in zip(rows, expected_rows, strict=True):
        assert row.keys() == expected_row.keys()
        for name in row.keys() - TIMES:
            # A mean that was carried over a stop is rounded once more.
            assert row[name] == expected_row[name] or row[name] == pytest.approx(expected_row[name], rel=1e-5)
    times = [row["wall_seconds"] for row in rows]
    assert times == sorted(times)
    for grid in finished.samples.iterdir():
        assert (killed_run.samples / grid.name).read_bytes() == grid.read_bytes()


def test_a_truncated_checkpoint_is_named_and_the_one_before_it_serves(killed_run):
    newest = max(killed_run.checkpoints.glob("*.keras"))
    newest.write_bytes(newest.read_bytes()[:1000])
    files = sorted(killed_run.path.rglob("*"))
    remedy = f"Delete {newest.name} and {newest.stem}.json in .* goes on from step-"
    with pytest.raises(CheckpointError, match=f"{newest.name} is damaged: .* {remedy}"):
        train(killed_run, resume=True)
    assert sorted(killed_run.path.rglob("*")) == files  # nothing is lost by trying
    newest.unlink()
    newest.with_suffix(".json").unlink()
    _, state = checkpoints.load(checkpoints.latest(killed_run.checkpoints))
    assert state.step == int(newest.stem.removeprefix("step-")) - 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda state: state.with_suffix(".keras").unlink(), r"\.keras is missing. Delete"),
        (lambda state: state.write_text("{"), r"\.json is damaged .* Delete"),
        (lambda state: state.write_text('{"step": 3}'), r"\.json is damaged .* Delete"),
    ],
)
def test_other_damage_is_named_too(killed_run, damage, message):
    damage(max(killed_run.checkpoints.glob("*.json")))
    with pytest.raises(CheckpointError, match=message):
        train(killed_run, resume=True)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_checkpoint(preset_file, tmp_path):
    settings = [
        "train.learning_rate=1e30",
        "train.log_every=5",
        "train.checkpoint_minutes=0",
        "sample.every_epochs=0",
    ]
    run = RunFolder.create(load_preset(str(preset_file), settings), tmp_path / "run")
    remedy = "is kept. Start a new run with a lower learning rate"
    with pytest.raises(TrainingError, match=f"became NaN or infinite at or before step .* {remedy}"):
        train(run)
    states = list(run.checkpoints.glob("*.json"))
    assert states
    for state in states:
        assert all(math.isfinite(total) for total in json.loads(state.read_text())["epoch_sums"].values())
    assert not run.model.exists()


def test_held_out_images_are_watched_and_not_trained_on(finished):
    first, last = (row for row in finished.read_metrics() if row["kind"] == "epoch")
    assert "validation_loss" not in first  # validate_every = 2
    assert last["validation_loss"] > 0
    assert last["step"] == 2 * ((1350 - 70) // 128)


def test_a_run_is_trained_by_one_process_at_a_time(finished):
    with finished.lock(), pytest.raises(TrainingError, match="another process is training"):
        train(finished, resume=True)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.num_classes=7", "model.num_classes is 7, but digits has 10 classes; set it to 10, or to 0"),
        ("model.components=0", r"\[model\] does not suit vae: components must be at least 1"),
        ("sample.options.temperature=99", r"\[sample\] does not suit vae: .*temperature"),
        ("sample.options.colour=3", r"\[sample\] does not suit vae: .*colour"),
    ],
)
def test_what_does_not_fit_together_is_said_before_training(preset_file, tmp_path, setting, message):
    run = RunFolder.create(load_preset(str(preset_file), [setting]), tmp_path / "run")
    with pytest.raises(PresetError, match=message):
        train(run)
    assert not run.metrics.exists()
    run.discard()
    assert not run.path.exists()


def test_an_unknown_strategy_lists_the_known_ones(finished):
    with pytest.raises(TrainingError, match="unknown strategy 'magic'; there are none, mirrored"):
        train(finished, strategy="magic")
