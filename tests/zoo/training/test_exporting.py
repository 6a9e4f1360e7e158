import shutil

import pytest
from google.protobuf import json_format

from pixelzoo.v1 import card_pb2
from zoo.training import RunFolder, TrainingError, load_preset
from zoo.training.exporting import export_run


def read_card(path):
    return json_format.Parse((path / "assets.extra" / "card.json").read_text(), card_pb2.ModelCard())


def test_a_finished_run_is_exported_with_its_story(finished, tmp_path):
    path = export_run(finished.path, tmp_path / "tiny")
    assert path == tmp_path / "tiny" / "1"
    card = read_card(path)
    assert (card.model, card.family, card.title) == ("tiny", "ddpm", "A tiny diffusion model of digits")
    assert list(card.classes) == list("0123456789")
    assert (card.data.name, card.data.licence, card.data.train_images) == ("digits", "CC-BY-4.0", 1350)
    recipe, last = card.recipe, finished.read_metrics()[-1]
    assert (recipe.preset, recipe.steps, recipe.images_seen) == ("tiny", 20, 20 * 128)
    assert recipe.training_seconds == pytest.approx(last["wall_seconds"], abs=0.1)
    assert recipe.cpu_seconds == pytest.approx(last["cpu_seconds"], abs=0.1)
    assert "cores" in recipe.hardware
    assert {entry.name for entry in recipe.framework_versions} >= {"python", "tensorflow", "keras"}
    assert [licence.applies_to for licence in card.licences] == ["training images"]


def test_the_recipe_in_the_card_trains_the_same_thing_again(finished, tmp_path):
    path = export_run(finished.path, tmp_path / "tiny")
    again = tmp_path / "tiny.toml"
    again.write_text(read_card(path).recipe.config_toml.replace('name = "tiny"\n', ""))
    assert load_preset(str(again)) == finished.read_config()[0]
    assert "provenance" not in again.read_text()  # it may name paths of the machine


def test_versions_count_up_and_are_never_overwritten(finished, tmp_path):
    (tmp_path / "tiny" / "4").mkdir(parents=True)
    with pytest.raises(TrainingError, match=r"4 exists already, and versions are never changed"):
        export_run(finished.path, tmp_path / "tiny", version=4)
    assert export_run(finished.path, tmp_path / "tiny").name == "5"


def test_an_unfinished_run_gives_its_last_checkpoint(finished, tmp_path):
    run = RunFolder.open(shutil.copytree(finished.path, tmp_path / "run"))
    run.model.unlink()
    assert read_card(export_run(run.path, tmp_path / "tiny")).recipe.steps == 20


def test_what_cannot_be_exported_is_said(finished, tmp_path):
    with pytest.raises(TrainingError, match="'Tiny-1' cannot name a model: use lower-case letters"):
        export_run(finished.path, tmp_path / "Tiny-1")
    with pytest.raises(TrainingError, match="holds no run"):
        export_run(tmp_path, tmp_path / "tiny")
    fresh = RunFolder.create(finished.read_config()[0], tmp_path / "run")
    with pytest.raises(TrainingError, match="has no checkpoint yet; train it first"):
        export_run(fresh.path, tmp_path / "tiny")
    run = RunFolder.open(shutil.copytree(finished.path, tmp_path / "damaged"))
    run.model.write_bytes(run.model.read_bytes()[:5000])
    with pytest.raises(TrainingError, match=r"model.keras is damaged .* pixelzoo train --resume --run"):
        export_run(run.path, tmp_path / "tiny")
    assert not (tmp_path / "tiny").exists()
