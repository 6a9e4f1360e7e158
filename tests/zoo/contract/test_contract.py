"""The contract from outside: stock TensorFlow loads what was written, and the checker sees what is broken."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pixelzoo.v1 import capability_pb2, card_pb2
from zoo import contract

STOCK = """
import sys
for name in ("zoo", "zoo_server", "zoo_client", "pixelzoo", "keras"):
    sys.modules[name] = None  # Importing any of them fails.
import numpy as np
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
image = loaded.signatures["sample"](seed=tf.constant([5, 6], tf.int64), label=tf.constant([1, 2]))["image"]
np.save(sys.argv[2], image.numpy())
"""


def test_stock_tensorflow_without_our_packages_draws_the_same_images(
    small_ddpm: Any, exported: Path, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-c", STOCK, str(exported), str(tmp_path / "image.npy")], check=True)
    here = small_ddpm.sample(2, seed=5, label=[1, 2])
    # The whole run in one call is another graph than the steps one by one, which may move a rounding.
    assert np.abs(np.load(tmp_path / "image.npy").astype(int) - here).max() <= 1
    assert here.std() > 10


def test_the_loaded_model_answers_like_the_one_that_was_exported(small_ddpm: Any, exported: Path) -> None:
    loaded = contract.LoadedModel(exported)
    inputs = {"seed": np.array([3, 4]), "label": np.array([0, 9])}
    np.testing.assert_array_equal(
        loaded.ask("sample", inputs, steps=7, sampler=1)["image"],
        small_ddpm.sample(2, seed=3, label=[0, 9], steps=7, sampler="ddpm"),
    )
    image = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1), np.uint8)
    here = small_ddpm.score(image, [0, -1], seed=3, timesteps=5)
    there = loaded.ask("score", {"image": image, "label": [0, -1], "seed": [3, 4]}, timesteps=5)
    for name, value in here.items():
        np.testing.assert_allclose(there[name], value, rtol=1e-5)


def test_float_states_agree_before_and_after_export_and_beside_strangers(
    small_ddpm: Any, exported: Path
) -> None:
    """8-bit images hide differences: the states themselves must be equal at the same batch shape."""
    loaded = contract.LoadedModel(exported)
    sample = small_ddpm.capability("sample")

    def state_of(signatures: Any, seeds: list[int], labels: list[int]) -> dict[str, tf.Tensor]:
        n = len(seeds)
        state = signatures["sample_begin"](
            seed=tf.constant(seeds, tf.int64),
            label=tf.constant(labels, tf.int32),
            sampler=tf.fill([n], 2),
            steps=tf.fill([n], 10),
            eta=tf.zeros([n]),
            guidance=tf.ones([n]),
        )
        for _ in range(4):
            state = signatures["sample_advance"](**state)
        return state

    here = state_of(sample.signatures, [1, 2, 3, 4], [0, 1, 2, 3])
    there = state_of(loaded.signatures, [9, 8, 1, 7], [5, 5, 0, 5])
    for name in ("x", "x0_prev"):
        np.testing.assert_array_equal(here[name][0], there[name][2])
        assert float(tf.math.reduce_std(here[name][0])) > 0.01


def test_a_preview_shows_the_state_at_that_step(small_ddpm: Any, exported: Path) -> None:
    loaded = contract.LoadedModel(exported)
    n = 1
    state = loaded.signatures["sample_begin"](
        seed=tf.constant([1], tf.int64),
        label=tf.constant([2]),
        sampler=tf.fill([n], 2),
        steps=tf.fill([n], 6),
        eta=tf.zeros([n]),
        guidance=tf.ones([n]),
    )
    for _ in range(3):
        state = loaded.signatures["sample_advance"](**state)
    preview = loaded.signatures["sample_preview"](**state)["image"].numpy()
    estimate = np.clip(np.round(np.clip(state["x0_prev"].numpy(), -1, 1) * 127.5 + 127.5), 0, 255)
    np.testing.assert_array_equal(preview, estimate.astype(np.uint8))


def test_the_card_describes_the_model(exported: Path) -> None:
    card = contract.read_card(exported)
    assert (card.contract_version, card.model, card.family, card.conditional) == (1, "small", "ddpm", True)
    assert list(card.classes) == [str(label) for label in range(10)]
    sample, translate, score = card.capabilities
    assert [option.name for option in sample.options] == ["sampler", "steps", "eta", "guidance"]
    assert [option.name for option in translate.options][:2] == ["strength", "mask"]
    assert translate.options[1].image.default_level == 255
    assert (translate.translation.input_shape.height, translate.translation.scale) == (8, 1)
    assert (sample.iterative, sample.previews, score.iterative) == (True, True, True)
    assert [output.name for output in score.scores if output.primary] == ["bits_per_dim"]
    assert card.limits.max_steps == 20
    assert card.recipe.parameters > 0
    assert {file.path for file in card.files} >= {"saved_model.pb", "variables/variables.index"}


def test_a_sound_model_has_no_problems(exported: Path) -> None:
    assert contract.check(exported) == []


def test_versions_are_never_overwritten_and_must_be_numbers(small_ddpm: Any, exported: Path) -> None:
    with pytest.raises(FileExistsError, match="versions are never overwritten: export to 2"):
        small_ddpm.export(exported)
    with pytest.raises(ValueError, match="must be a version"):
        small_ddpm.export(exported.parent / "latest")
    assert [entry.name for entry in exported.parent.iterdir()] == ["1"]


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    """A copy of the exported model, to break."""
    return Path(shutil.copytree(exported, tmp_path / "small" / "1"))


def edit_card(path: Path, **changes: Any) -> None:
    card = json.loads((path / contract.CARD).read_text())
    (path / contract.CARD).write_text(json.dumps({**card, **changes}))


def test_the_checker_sees_changed_missing_and_added_files(copy: Path) -> None:
    data = copy / "variables" / "variables.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[100] ^= 1
    data.write_bytes(content)
    (copy / "variables" / "variables.index").unlink()
    (copy / "extra.txt").write_text("stranger")
    problems = contract.check(copy)
    assert "variables/variables.data-00000-of-00001 was changed: its SHA-256 is not the card's" in problems
    assert "variables/variables.index is missing" in problems
    assert "extra.txt is not in the card's files" in problems


def test_the_checker_sees_a_missing_broken_or_foreign_card(copy: Path) -> None:
    edit_card(copy, contractVersion=2, model="other")
    problems = contract.check(copy)
    assert "contract_version is 2; this zoo knows 1" in problems
    assert "model is 'other', but the folder is named 'small'" in problems
    (copy / contract.CARD).write_text("{")
    assert "not a ModelCard in proto JSON" in contract.check(copy)[0]
    (copy / contract.CARD).unlink()
    assert "card.json is missing" in contract.check(copy)[0]


class Broken(tf.Module):
    """An iterative sampler written by hand, with one fault at a time."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def begin(self, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        step = tf.zeros_like(seed, tf.int32)
        return {"x": tf.cast(seed, tf.float32), "step": step, "steps": step + 2}

    def advance(self, x: tf.Tensor, step: tf.Tensor, steps: tf.Tensor) -> dict[str, tf.Tensor]:
        alive = step < steps
        if self.fault == "runs past the end":
            alive = tf.ones_like(alive)
        moved = x + (tf.range(tf.size(x), dtype=tf.float32) if self.fault == "depends on its place" else 1.0)
        return {
            "x": tf.where(alive, moved, x),
            "step": step + tf.cast(step < steps, tf.int32),
            "steps": steps,
        }

    def finish(self, x: tf.Tensor, step: tf.Tensor, steps: tf.Tensor) -> dict[str, tf.Tensor]:
        side = 3 if self.fault == "wrong shape" else 2
        return {"image": tf.cast(x[:, None, None, None] * tf.ones((1, side, 2, 1)), tf.uint8)}


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("", None),
        ("runs past the end", "advance changes finished items"),
        ("depends on its place", "depends on its place in the batch"),
        ("wrong shape", "must give 'image' as uint8"),
        ("no signature", "has no signature 'sample_finish'"),
    ],
)
def test_the_checker_sees_faults_of_behaviour(tmp_path: Path, fault: str, problem: str | None) -> None:
    module, path = Broken(fault), tmp_path / "broken" / "1"
    seed = tf.TensorSpec([None], tf.int64, name="seed")
    state = {
        name: tf.TensorSpec([None], dtype, name=name)
        for name, dtype in {"x": tf.float32, "step": tf.int32, "steps": tf.int32}.items()
    }
    signatures = {
        "sample": tf.function(
            lambda seed: {"image": tf.zeros((tf.size(seed), 2, 2, 1), tf.uint8)}
        ).get_concrete_function(seed),
        "sample_begin": tf.function(module.begin).get_concrete_function(seed=seed),
        "sample_advance": tf.function(module.advance).get_concrete_function(**state),
        "sample_finish": tf.function(module.finish).get_concrete_function(**state),
    }
    if fault == "no signature":
        del signatures["sample_finish"]
    tf.saved_model.save(module, str(path), signatures=signatures)
    card = card_pb2.ModelCard(contract_version=1, model="broken", family="handmade")
    card.image_shape.height, card.image_shape.width, card.image_shape.channels = 2, 2, 1
    card.batch_lane.buckets.extend((1, 4))
    card.capabilities.add(kind=capability_pb2.CAPABILITY_KIND_SAMPLE, iterative=True)
    contract.write_card(path, card)
    problems = contract.check(path)
    if problem is None:
        assert problems == []
    else:
        assert any(problem in line for line in problems), problems
