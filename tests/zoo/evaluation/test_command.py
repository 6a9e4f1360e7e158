"""`pixelzoo evaluate` and `train-extractor`, as typed."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from zoo import contract
from zoo.evaluation import extractor_training
from zoo.evaluation.command import app
from zoo.metrics import extractor


def pixelzoo(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def printed(result):
    """The numbers of the printed tables, by name."""
    assert result.exit_code == 0, result.output
    return {name: float(value) for name, value in re.findall(r"│ (\w+) +│ (-?[\d.]+) ", result.stdout)}


@pytest.fixture
def model(noisy_means, tmp_path):
    """A copy whose card may be written to."""
    return shutil.copytree(noisy_means, tmp_path / "means" / "1")


def test_the_numbers_are_printed_and_stand_in_the_card(model, tmp_path):
    options = ("--only", "scores,frechet,gan_test", "--samples", 40, "--images", 20, "--option", "noise=10")
    result = pixelzoo("evaluate", model, *options, "--sheet", tmp_path / "sheets")
    numbers = printed(result)
    assert set(numbers) == {
        "bits_per_dim", "class_probability_accuracy", "frechet_classifier_distance", "gan_test"
    }  # fmt: skip
    assert re.search(r"samples 40; seeds 0 \.\. 39; extractor digits classifier [0-9a-f]{12}", result.stdout)
    assert "options noise 10, style plain" in result.stdout

    metrics = contract.read_card(model).metrics
    assert {metric.name for metric in metrics} == set(numbers)
    for metric in metrics:
        assert metric.protocol in result.stdout
        assert metric.command == (
            "pixelzoo evaluate saved_models/means/1 --only scores,frechet,gan_test "
            "--samples 40 --images 20 --option noise=10"
        )
    assert not contract.check(model)

    with Image.open(tmp_path / "sheets" / "neighbours.png") as sheet:
        assert sheet.size == (
            11 * (32 + 2) + 2,
            10 * (32 + 2) + 2,
        )  # a sample, a gap, 4 images, a gap, 4 images
    assert (tmp_path / "sheets" / "samples.png").is_file()


def test_measuring_again_replaces_and_measuring_other_things_adds(model):
    for only in ("gan_test", "scores", "gan_test"):
        assert printed(pixelzoo("evaluate", model, "--only", only, "--samples", 10, "--images", 10))
    names = [metric.name for metric in contract.read_card(model).metrics]
    assert sorted(names) == sorted([*["bits_per_dim", "class_probability_accuracy"] * 2, "gan_test"])
    assert printed(pixelzoo("evaluate", model, "--only", "gan_test", "--samples", 12, "--no-write"))
    assert len(contract.read_card(model).metrics) == len(names)


def test_a_model_without_a_version_is_its_newest(model):
    shutil.copytree(model, model.parent / "10")
    result = pixelzoo("evaluate", model.parent, "--only", "gan_test", "--samples", 10)
    assert f"into the card of {model.parent / '10'}" in result.stdout
    assert contract.read_card(model.parent / "10").metrics
    assert not contract.read_card(model).metrics


def test_a_baseline_is_printed():
    result = pixelzoo(
        "evaluate", "digits", "--baseline", "real", "--samples", 300, "--only", "density_coverage"
    )
    assert printed(result)["coverage"] > 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("MODEL", "--only", "fid"), "unknown measure fid; there are scores, codebook, frechet"),
        (("MODEL", "--only", "upscaling"), "means has no upscaling to measure"),
        (("MODEL", "--option", "step=2"), "sample has no option 'step'; it has noise, style"),
        (("MODEL", "--option", "style=loud"), "option style takes one of plain, fancy"),
        (("MODEL", "--option", "noise"), "--option takes NAME=VALUE"),
        (("MODEL", "--only", "frechet", "--extractor", "/no/such.npz"), "/no/such.npz is not a classifier"),
        (("digits", "--baseline", "mean"), "unknown baseline 'mean'; there are real, pca_gaussian"),
        (("digits", "--baseline", "real", "--only", "scores"), "real has no scores to measure"),
        (("/no/such/1",), "/no/such/1 is no exported model"),
        (("digitz", "--baseline", "real"), "unknown data source 'digitz'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_1(noisy_means, arguments, message):
    words = [noisy_means if argument == "MODEL" else argument for argument in arguments]
    result = pixelzoo("evaluate", *words)
    assert result.exit_code == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("pixelzoo: ")
    assert message in line


def test_train_extractor(tmp_path, monkeypatch):
    """On images that a glance tells apart, so that the least of trainings will do."""
    monkeypatch.setattr(extractor_training, "LEAST_STEPS", 30)
    rng = np.random.default_rng(0)
    for split, n in (("train", 60), ("test", 20)):
        for name, level in (("dark", 60), ("light", 190)):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            for i in range(n):
                pixels = np.uint8(level + rng.integers(-40, 40, (8, 8)))
                Image.fromarray(pixels).save(folder / f"{i}.png")
    file = tmp_path / "space.npz"
    result = pixelzoo("train-extractor", f"folder:{tmp_path / 'images'}", "-o", file)
    assert result.exit_code == 0, result.output
    accuracy, digest = re.search(
        r"([\d.]+)% of the test images right, SHA-256 (\w{64})", result.stdout
    ).groups()
    assert float(accuracy) > 90
    space = extractor.load(file, (8, 8, 1))
    assert (space.digest, space.class_names) == (digest, ("dark", "light"))


def test_images_without_classes_are_told_apart_by_how_they_are_turned():
    image = np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1)
    turned, turns = extractor_training.rotations(image)
    assert turns.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert np.array_equal(turned[:2], image)
    assert turned[2].ravel().tolist() == [1, 3, 0, 2]
    assert np.array_equal(turned[4], image[0, ::-1, ::-1])
