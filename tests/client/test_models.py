"""What the client says about models."""

from pathlib import Path

import pytest

from pixelzoo.v1 import card_pb2
from zoo_client import Client, errors, held_out
from zoo_client.options import describe


def test_all_models_by_name(zoo: Client, models: Path) -> None:
    found = zoo.models()
    assert [model.name for model in found] == sorted(folder.name for folder in models.iterdir())
    assert [model.name for model in found if not model.available] == ["damaged"]


def test_a_card_is_typed_and_answers_questions(zoo: Client) -> None:
    model = zoo.model("quarters")

    assert isinstance(model.card, card_pb2.ModelCard)
    assert (model.version, model.family, model.image_shape) == (1, "ddpm", (28, 28, 1))
    assert model.title == "quarters, made by hand"
    assert model.capabilities == ("sample", "score")
    assert model.classes == held_out.load().classes
    assert model.conditional
    assert model.class_name(8) == "Bag"
    assert model.class_name(-1) == model.class_name(None) == ""
    assert [(version.version, version.state) for version in model.versions] == [(1, "AVAILABLE")]
    assert model.versions[0].digest == model.digest
    assert model.capability("decode") is None
    sample = model.capability("sample")
    assert sample is not None
    assert [describe(option) for option in sample.options] == [
        "sampler ddpm | ddim | dpm_solver_pp_2m, default ddim",
        "steps 1 to 100, default 10",
        "guidance 0 to 10, default 1",
    ]


def test_a_damaged_model_is_listed_and_refused_with_its_reason(zoo: Client) -> None:
    [damaged] = [model for model in zoo.models() if not model.available]

    assert (damaged.name, damaged.available, damaged.capabilities) == ("damaged", False, ())
    assert damaged.versions[0].state == "FAILED"
    assert damaged.versions[0].message
    for labels in (None, "Bag"):
        with pytest.raises(errors.ModelFailed, match="left out"):
            zoo.sample("damaged", labels=labels)
