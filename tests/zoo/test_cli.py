"""The commands of the extra [train], as typed."""

import re

import pytest
from typer.testing import CliRunner

from zoo.cli import app
from zoo.training import RunFolder


def pixelzoo(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def test_every_command_has_a_help_text():
    listing = pixelzoo("--help").stdout
    for command in ("train", "export", "check", "data"):
        assert command in listing
        result = pixelzoo(command, "--help")
        assert result.exit_code == 0
        assert "Usage" in result.stdout


def test_a_dry_run_prints_the_plan_and_writes_nothing(preset_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = pixelzoo("train", preset_file, "--dry-run", "--set", "train.epochs=50")
    assert result.exit_code == 0, result.output
    plan = dict(
        re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in result.stdout.splitlines() if line.strip()
    )
    assert plan["family"] == "vae"
    assert re.fullmatch(r"([\d,]+) trained, and \1 in their average \(EMA\)", plan["parameters"])
    assert plan["data"] == (
        "digits: 1,280 training images of 8x8x1, 70 held out to watch; 447 test images, never trained on"
    )
    assert plan["steps"] == "500 = 50 epochs of 10 batches of 128"
    assert re.match(r"about [\d:]+ at \d+ ms a step \(\d+ images/s\), measured here", plan["time"])
    assert not list(tmp_path.iterdir())


def test_train_stop_resume_export_check(preset_file, finished, tmp_path):
    run, model = tmp_path / "run", tmp_path / "models" / "tiny"
    stopped = pixelzoo("train", preset_file, "--run", run, "--minutes", 0)
    assert stopped.exit_code == 0, stopped.output
    assert "stopped at step 1 (the time given is up)" in stopped.stdout
    assert f"go on with: pixelzoo train --resume --run {run}" in stopped.stdout

    resumed = pixelzoo("train", "--resume", "--run", run)
    assert resumed.exit_code == 0, resumed.output
    # Not a terminal: lines, and the last one at the last step.
    assert re.search(r"epoch 2  step 20/20  loss \d+\.\d{4}  .* images/s  0:00 left", resumed.stdout)
    assert f"pixelzoo export {run}" in resumed.stdout
    losses = [[row["loss"] for row in folder.read_metrics()] for folder in (RunFolder.open(run), finished)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)

    exported = pixelzoo("export", run, model)
    assert exported.exit_code == 0, exported.output

    checked = pixelzoo("check", model / "1")
    assert checked.exit_code == 0, checked.output
    assert "keeps the contract" in checked.stdout
    with (model / "1" / "saved_model.pb").open("ab") as file:
        file.write(b"x")
    broken = pixelzoo("check", model / "1")
    assert broken.exit_code == 1
    assert "saved_model.pb was changed" in broken.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train",), "name a preset: the zoo has"),
        (("train", "no_such"), "unknown preset 'no_such'"),
        (("train", "PRESET", "--set", "train.epoch=1"), "unknown key 'train.epoch' (did you mean 'epochs'?)"),
        (
            ("train", "PRESET", "--set", "data.source=digit"),
            "unknown data source 'digit'. Did you mean digits",
        ),
        (("train", "--resume"), "name the run to resume: --run DIR"),
        (("train", "--resume", "--run", "/no/such"), "/no/such holds no run"),
        (
            ("train", "--resume", "--run", "x", "--set", "train.epochs=2"),
            "--set cannot change a run that has begun",
        ),
        (("export", "/no/such", "tiny"), "/no/such holds no run"),
        (("data", "digit"), "unknown data source 'digit'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_1(preset_file, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = pixelzoo(*(preset_file if argument == "PRESET" else argument for argument in arguments))
    assert result.exit_code == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("pixelzoo: ")
    assert message in line
    # Nothing is left behind by a training that could not start.
    assert not list(tmp_path.glob("runs/*"))


def test_data_shows_a_source_and_lists_them(tmp_path):
    assert "folder:PATH" in pixelzoo("data").stdout
    result = pixelzoo("data", "digits", "--grid", tmp_path / "grid.png")
    assert "1,350 images" in result.stdout
    assert (tmp_path / "grid.png").is_file()
