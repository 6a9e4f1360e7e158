import os

import pytest

from zoo.training import RunFolder, TrainingError, load_preset


@pytest.fixture
def preset(preset_file):
    return load_preset(str(preset_file))


def test_a_new_run_is_named_after_its_preset_and_the_time(preset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = RunFolder.create(preset)
    assert run.path.parent.name == "runs"
    assert run.path.name.startswith("tiny-20")


def test_a_run_never_starts_in_a_folder_that_is_in_use(preset, tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(TrainingError, match="is not empty; add --resume"):
        RunFolder.create(preset, tmp_path)


def test_a_folder_without_a_run_is_said_to_be_one(tmp_path):
    with pytest.raises(TrainingError, match=r"holds no run: it has no config.toml"):
        RunFolder.open(tmp_path)


def test_the_latest_run_of_a_preset_is_found(preset, tmp_path):
    for number, name in enumerate(["tiny-2", "tiny-1", "other-9"]):
        run = RunFolder.create(preset, tmp_path / name)
        os.utime(run.config, (number, number))
    assert RunFolder.latest("tiny", tmp_path).path.name == "tiny-1"
    with pytest.raises(TrainingError, match="there is no run of absent"):
        RunFolder.latest("absent", tmp_path)


def test_a_damaged_config_is_named(preset, tmp_path):
    run = RunFolder.create(preset, tmp_path / "run")
    run.config.write_text("title = ")
    with pytest.raises(TrainingError, match=r"config.toml is damaged"):
        run.read_config()


def test_rows_after_a_step_are_forgotten_and_a_half_written_one_too(preset, tmp_path):
    run = RunFolder.create(preset, tmp_path / "run")
    for step in (1, 2, 3):
        run.append_metrics({"step": step})
        (run.samples / f"step-{step:08d}.png").touch()
    with run.metrics.open("a") as file:
        file.write('{"step": 3, "lo')
    run.forget_after(2)
    assert run.metrics.read_text() == '{"step": 1}\n{"step": 2}\n'
    assert sorted(path.name for path in run.samples.iterdir()) == ["step-00000001.png", "step-00000002.png"]


def test_a_run_that_has_trained_is_not_discarded(preset, tmp_path):
    run = RunFolder.create(preset, tmp_path / "run")
    run.append_metrics({"step": 1})
    run.discard()
    assert run.config.exists()
