"""Stages: one after the other on the same model, and stopped and resumed anywhere as if nothing had been."""

import json
import shutil
import tomllib

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

from zoo.cli import app
from zoo.training import (
    PresetError,
    RunFolder,
    StartError,
    Stopped,
    TrainingError,
    load_preset,
    train,
    warm_start,
)
from zoo.training.exporting import export_run
from zoo.training.presets import check_preset
from zoo.training.stages import Stage, stage_at

# Tiny crops, so that two batches are an epoch.
PRESET = """
title = "A tiny SRGAN"
family = "srgan"
[model]
features = 4
blocks = 1
upsample_features = 2
end_size = 3
discriminator_widths = [4]
hidden = 4
[data]
source = "photos"
size = 16
[train]
batch_size = 1000
learning_rate = 1e-3
log_every = 1
[[stage]]
name = "reconstruction"
epochs = 1
[[stage]]
name = "adversarial"
epochs = 2
batch_size = 900
learning_rate = 1e-4
[sample]
rows = 2
"""


@pytest.fixture(scope="module")
def srgan_preset(tmp_path_factory):
    path = tmp_path_factory.mktemp("presets") / "tiny_srgan.toml"
    path.write_text(PRESET)
    return path


@pytest.fixture(scope="module")
def staged(srgan_preset, tmp_path_factory):
    """A run that was trained through both stages without a stop. Do not change it."""
    run = RunFolder.create(load_preset(str(srgan_preset)), tmp_path_factory.mktemp("runs") / "staged")
    train(run)
    return run


def numbers(path):
    """Every number in a .keras file: both networks with their twins and their optimizers."""
    model = keras.saving.load_model(path)
    variables = [*model.weights, *model.optimizer.variables, *model.discriminator_optimizer.variables]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def test_steps_count_over_the_stages_and_rows_name_theirs(staged):
    rows = [row for row in staged.read_metrics() if row["kind"] == "epoch"]
    first, second = (row["step"] for row in rows[:2])
    per_epoch = second - first
    assert [row["stage"] for row in rows] == ["reconstruction", "adversarial", "adversarial"]
    assert [row["step"] for row in rows] == [first, first + per_epoch, first + 2 * per_epoch]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert [row["images"] for row in rows] == [
        1000 * first, 1000 * first + 900 * per_epoch, 1000 * first + 1800 * per_epoch
    ]  # fmt: skip
    assert "discriminator_loss" not in rows[0]
    assert rows[1]["discriminator_loss"] > 0
    intervals = [row for row in staged.read_metrics() if row["kind"] == "interval"]
    assert [row["step"] for row in intervals] == list(range(1, rows[-1]["step"] + 1))


def test_each_stage_has_a_learning_rate_of_its_own_that_falls_to_zero(staged):
    rows = staged.read_metrics()
    for name, peak in (("reconstruction", 1e-3), ("adversarial", 1e-4)):
        rates = [row["learning_rate"] for row in rows if row["stage"] == name]
        assert max(rates) <= peak
        assert rates[0] > 0.2 * peak
        assert rates[-1] == pytest.approx(0, abs=1e-3 * peak)


def test_the_model_is_kept_as_the_first_stage_left_it(staged):
    kept = keras.saving.load_model(staged.stage_model("reconstruction"))
    final = keras.saving.load_model(staged.model)
    assert (kept.stage, final.stage) == ("reconstruction", "adversarial")
    pairs = zip(kept.network.weights, final.network.weights, strict=True)
    assert any((one.numpy() != other.numpy()).any() for one, other in pairs)
    assert not list(staged.path.glob("stage-adversarial*"))


def test_a_run_stopped_in_each_stage_and_between_them_goes_on_bit_for_bit(srgan_preset, staged, tmp_path):
    run = RunFolder.create(load_preset(str(srgan_preset)), tmp_path / "run")
    last = staged.read_metrics()[-1]["step"]
    stops = []
    for attempt in range(2 * last):
        try:
            # No time at all: one step, and stop. From inside the second stage on, run to the end.
            train(run, resume=attempt > 0, minutes=None if stops and stops[-1] > last // 2 else 0)
        except Stopped:
            stops.append(json.loads(max(run.checkpoints.glob("*.json")).read_text())["step"])
        else:
            break
    border = next(row["step"] for row in staged.read_metrics() if row["kind"] == "epoch")
    assert {1, border, border + 1} <= set(stops)
    for path in (run.stage_model("reconstruction"), run.model):
        pairs = zip(numbers(staged.path / path.name), numbers(path), strict=True)
        for expected, found in pairs:
            np.testing.assert_array_equal(expected, found)
    rows = [
        [(row["kind"], row["stage"], row["step"]) for row in folder.read_metrics()]
        for folder in (staged, run)
    ]
    assert rows[0] == rows[1]


def test_either_stage_can_be_exported(staged, tmp_path):
    final = export_run(staged.path, tmp_path / "srgan")
    first = export_run(staged.path, tmp_path / "srresnet", stage="reconstruction")
    from zoo import contract

    cards = [contract.read_card(path) for path in (first, final)]
    assert cards[0].title == "A tiny SRGAN, after the stage reconstruction"
    assert "no perceptual and no adversarial loss" in cards[0].description
    assert "in the features of photo_features (SHA-256 " in cards[1].description
    rows = staged.read_metrics()
    ends = [next(row for row in rows if row["kind"] == "epoch"), rows[-1]]
    for card, row in zip(cards, ends, strict=True):
        assert (card.recipe.steps, card.recipe.images_seen) == (row["step"], row["images"])
    with pytest.raises(TrainingError, match="keeps no model of a stage 'warm_up'; it has reconstruction"):
        export_run(staged.path, tmp_path / "other", stage="warm_up")


def test_a_dry_run_plans_every_stage(srgan_preset):
    result = CliRunner().invoke(app, ["train", str(srgan_preset), "--dry-run"], env={"COLUMNS": "300"})
    assert result.exit_code == 0, result.output
    assert "epochs of 2 batches of 1000 (reconstruction) + " in result.stdout
    assert "batches of 900 (adversarial)" in result.stdout


# --- presets --------------------------------------------------------------------------------------------------


def test_stages_take_what_they_leave_open_from_train(srgan_preset):
    first, second = load_preset(str(srgan_preset)).stages
    assert (first.batch_size, first.learning_rate) == (1000, 1e-3)
    assert (second.batch_size, second.learning_rate) == (900, 1e-4)


def test_a_preset_without_stages_is_one_without_a_name():
    (stage,) = load_preset("vae_digits").stages
    assert (stage.name, stage.epochs, stage.batch_size, stage.learning_rate) == ("", 60, 50, 5e-3)


def test_stages_survive_being_frozen_and_can_be_overridden_by_name(staged, srgan_preset):
    preset = load_preset(str(srgan_preset), ["stage.adversarial.epochs=7", "perceptual=vgg19"])
    assert [stage.epochs for stage in preset.stage] == [1, 7]
    assert preset.model["perceptual"] == "vgg19"  # a bare key is one of [model]
    assert check_preset(preset.as_tables()) == preset
    assert staged.read_config()[0] == load_preset(str(srgan_preset))
    assert len(tomllib.loads(staged.config.read_text())["stage"]) == 2


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.epochs=3", r"train.epochs does not apply here: each \[\[stage\]\] has epochs of its own"),
        ("stage.warm_up.epochs=3", "there is no 'warm_up'; there are reconstruction, adversarial"),
        ("stage.reconstruction.epochs=0", "stage.reconstruction.epochs must be at least 1; got 0"),
        ("stage.adversarial.name=reconstruction", "stage.reconstruction is there more than once"),
        ("stage.adversarial.name=last", "srgan has the stages reconstruction, adversarial; got 'last'"),
        ("stage.adversarial.speed=1", r"unknown key 'stage\[1\].speed'"),
        ("stage.adversarial=1", "say which one, as in stage.NAME.key=value"),
        ("stage=[]", "train.epochs must be at least 1; got 0"),
        ("stage=1", r"stage must be a list of tables, each headed \[\[stage\]\]; got 1"),
    ],
)
def test_wrong_stages_name_the_key_and_the_rule(srgan_preset, assignment, message):
    with pytest.raises(PresetError, match=message):
        load_preset(str(srgan_preset), [assignment])


def test_a_stage_that_lacks_what_it_needs_says_so_and_leaves_no_run_behind(srgan_preset, tmp_path):
    run, weights = tmp_path / "run", tmp_path / "missing.h5"
    result = CliRunner().invoke(
        app, ["train", str(srgan_preset), "--run", str(run), "--set", f"perceptual={weights}"]
    )
    assert result.exit_code == 1
    assert "stage reconstruction: perceptual=" in " ".join(result.output.split())
    assert not run.exists()


def test_a_family_without_stages_refuses_them(tmp_path):
    path = tmp_path / "staged_vae.toml"
    path.write_text(
        'title = "x"\nfamily = "vae"\n[data]\nsource = "digits"\n[train]\nbatch_size = 8\n'
        '[[stage]]\nname = "first"\nepochs = 1\n'
    )
    with pytest.raises(PresetError, match=r"stage\.name: vae has no stages; got 'first'"):
        load_preset(str(path))


def test_the_arithmetic_of_stages():
    first = Stage("first", 3, 1e-3, 8, 0, steps_per_epoch=5)
    second = Stage("second", 2, 1e-3, 4, 1, steps_per_epoch=10, first_step=15, first_epoch=3, first_image=120)
    assert (first.end, second.end) == (15, 35)
    assert [stage_at((first, second), step).name for step in (0, 15, 16, 35)] == [
        "first", "first", "second", "second"
    ]  # fmt: skip
    assert [first.epoch(step) for step in (1, 5, 6, 15)] == [1, 1, 2, 3]
    assert [second.epoch(step) for step in (16, 25, 26, 35)] == [4, 4, 5, 5]
    assert second.position(27) == (1, 2)
    assert (first.images(15), second.images(17)) == (120, 128)


# --- starting from another run --------------------------------------------------------------------------------


def weights(model):
    return [weight.numpy() for weight in (*model.network.weights, *model.ema_network.weights)]


def test_a_run_starts_from_the_weights_of_another(finished, preset_file, tmp_path, monkeypatch):
    """One step at a learning rate of nearly nothing: what it has is what it was given."""
    monkeypatch.chdir(tmp_path)
    arguments = ["train", str(preset_file), "--from", str(finished.path), "--run", "warm", "--set"]
    tiny = [*arguments, "train.learning_rate=1e-30", "--minutes", "0", "--set", "sample.every_epochs=0"]
    result = CliRunner().invoke(app, tiny, env={"COLUMNS": "300"})
    assert result.exit_code == 0, result.output
    assert f"Starting from {finished.path}" in result.output
    assert "weights" in result.output
    warm = RunFolder.open(tmp_path / "warm")
    (checkpoint,) = warm.checkpoints.glob("*.keras")
    given, found = keras.saving.load_model(finished.model), keras.saving.load_model(checkpoint)
    for expected, got in zip(weights(given)[: len(given.network.weights)], weights(found), strict=False):
        np.testing.assert_allclose(got, expected, atol=1e-6)
    # The optimizer is a new one.
    assert int(keras.ops.convert_to_numpy(found.optimizer.iterations)) == 1
    assert warm.read_config()[1]["start"] == str(finished.path.resolve())


def test_what_fits_is_taken_and_the_rest_stays_fresh(finished):
    from zoo.families.vae import VAE

    model = VAE(image_shape=(8, 8, 1), widths=[8], blocks=[1], latent_groups=[1], latent_channels=[1],
                top_latents=4, components=3)  # fmt: skip
    before = weights(model)
    taken = warm_start.take(model, finished)
    assert taken.fresh
    assert 0.5 < taken.numbers / taken.of < 1
    given = weights(keras.saving.load_model(finished.model))
    for old, source, new in zip(before, given, weights(model), strict=True):
        np.testing.assert_array_equal(new, source if source.shape == old.shape else old)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blocks": [3]}, r"its .* has \d+ weights, and that of this preset has \d+; set the \[model\] keys"),
        ({"widths": [64]}, "only .* weights; fresh: .* would fit"),
    ],
)
def test_another_network_is_refused(finished, settings, message):
    from zoo.families.vae import VAE

    model = VAE(**{"image_shape": (8, 8, 1), "widths": [8], "blocks": [1], "latent_groups": [1],
                   "latent_channels": [1], "top_latents": 4, "components": 2} | settings)  # fmt: skip
    before = weights(model)
    with pytest.raises(StartError, match=f"cannot start from .*: {message}"):
        warm_start.take(model, finished)
    for old, new in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_other_wrong_starts_are_one_line_and_leave_nothing_behind(
    finished, staged, preset_file, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    fresh = RunFolder.create(finished.read_config()[0], tmp_path / "fresh")
    damaged = RunFolder.open(shutil.copytree(finished.path, tmp_path / "damaged"))
    damaged.model.write_bytes(b"x")
    for start, message in (
        (tmp_path / "none", "holds no run"),
        (staged.path, "it is a srgan, and this preset is a vae"),
        (fresh.path, "has no checkpoint yet"),
        (damaged.path, "model.keras is damaged"),
    ):
        arguments = ["train", str(preset_file), "--from", str(start)]
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "300"})
        assert result.exit_code == 1
        assert message in result.stderr
        assert not list(tmp_path.glob("runs/*"))
    resumed = CliRunner().invoke(
        app, ["train", "--resume", "--run", str(fresh.path), "--from", str(staged.path)]
    )
    assert resumed.exit_code == 1
    assert "--from begins a new run" in resumed.stderr
