import json
import shutil

import pytest
from google.protobuf import json_format

from pixelzoo.v1 import card_pb2
from zoo.training import RunFolder, TrainingError, load_preset
from zoo.training.checkpoints import latest
from zoo.training.exporting import export_run


def read_card(path):
    return json_format.Parse((path / "assets.extra" / "card.json").read_text(), card_pb2.ModelCard())


@pytest.fixture(scope="module")
def exported(finished, tmp_path_factory):
    """The export of an unfinished run, beside an older version."""
    folder = tmp_path_factory.mktemp("exports")
    run = RunFolder.open(shutil.copytree(finished.path, folder / "run"))
    run.model.unlink()
    (folder / "tiny" / "4").mkdir(parents=True)
    return export_run(run.path, folder / "tiny")


def test_versions_count_up_and_are_never_overwritten(finished, exported):
    assert exported.name == "5"
    with pytest.raises(TrainingError, match="4 exists already, and versions are never changed"):
        export_run(finished.path, exported.parent, version=4)


def test_the_card_tells_the_runs_story(finished, exported):
    card = read_card(exported)
    assert (card.model, card.family, card.title) == ("tiny", "vae", "A tiny VAE of digits")
    assert not card.classes  # the model has none, though the data have
    assert (card.data.name, card.data.licence, card.data.train_images) == ("digits", "CC-BY-4.0", 1350 - 70)
    recipe, last = card.recipe, finished.read_metrics()[-1]
    assert (recipe.preset, recipe.steps, recipe.images_seen) == ("tiny", 20, 20 * 128)
    # The export reads the last checkpoint, whose clocks have gone on since the last row: by the time that grids and
    # files took, which on a busy machine is long.
    content = json.loads(latest(finished.checkpoints).read_text())
    assert recipe.training_seconds == round(content["wall_seconds"], 1) >= last["wall_seconds"] - 0.1
    assert recipe.cpu_seconds == round(content["cpu_seconds"], 1) >= last["cpu_seconds"] - 0.1
    assert "cores" in recipe.hardware
    assert {entry.name for entry in recipe.framework_versions} >= {"python", "tensorflow", "keras"}
    assert [licence.applies_to for licence in card.licences] == ["training images"]


def test_the_recipe_in_the_card_trains_the_same_thing_again(finished, exported, tmp_path):
    again = tmp_path / "tiny.toml"
    again.write_text(read_card(exported).recipe.config_toml.replace('name = "tiny"\n', ""))
    assert load_preset(str(again)) == finished.read_config()[0]
    assert "provenance" not in again.read_text()  # it may name paths of the machine


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
