"""The DCGAN: it learns the digits' distribution, answers what it should, and also draws 64x64 in colour."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

import zoo
from zoo import contract
from zoo.families.dcgan import DCGAN
from zoo.metrics import frechet
from zoo.training import RunFolder, load_preset, train


def digits_gan(**changes: Any) -> DCGAN:
    """The small DCGAN of these tests, untrained."""
    settings = {
        "image_shape": (8, 8, 1),
        "widths": (64, 32),
        "latent_size": 32,
        "learning_rate": 1e-3,
        "ema_decay": 0.99,
    }
    return DCGAN(**{**settings, **changes})


@pytest.fixture(scope="module")
def trained() -> DCGAN:
    keras.utils.set_random_seed(0)
    data, epochs = zoo.data.load("digits"), 30
    model = digits_gan()
    steps = data.steps_per_epoch(64)
    model.compile_for(model.learning_rate, epochs * steps)
    model.fit(
        data.train(64, seed=0, epochs=epochs), epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=0
    )
    return model


@pytest.fixture(scope="module")
def held_out() -> np.ndarray:
    return zoo.data.load("digits").arrays("test")[0]


def distance(one: np.ndarray, two: np.ndarray) -> float:
    """The Frechet distance of images as vectors of pixels: it sees means, and which pixels go together."""
    first, second = (frechet.fit(images.reshape(len(images), -1) / 16.0) for images in (one, two))
    return frechet.distance(first, second)


# --- learning -------------------------------------------------------------------------------------------------


def test_its_samples_are_nearer_to_the_digits_than_their_mean_and_their_pixels(
    trained: DCGAN, held_out: np.ndarray
) -> None:
    train = zoo.data.load("digits").arrays("train")[0][:1000]
    # Each pixel drawn for itself: right in every pixel, and no digit.
    pixels = np.random.default_rng(0).permuted(train, axis=0)
    mean = np.repeat(train.mean(axis=0, keepdims=True), 1000, axis=0)
    ours = distance(trained.sample(1000, seed=3), held_out)
    # Digits against digits, so few of them, are at 73; separate pixels at 483, the mean at 1193, and untrained at 2930.
    assert ours < 0.4 * distance(pixels, held_out)
    assert ours < 0.2 * distance(mean, held_out)
    assert ours < 0.1 * distance(digits_gan().sample(1000, seed=3), held_out)


def test_its_discriminator_tells_digits_from_noise(trained: DCGAN, held_out: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), np.uint8)
    assert trained.score(held_out[:64])["logit"].mean() > trained.score(noise)["logit"].mean() + 1.0


# --- what it answers ------------------------------------------------------------------------------------------


def test_it_takes_no_labels(trained: DCGAN) -> None:
    with pytest.raises(ValueError, match="label: this dcgan was built without classes"):
        trained.sample(1, label=3)
    with pytest.raises(ValueError, match="num_classes must be 0, got 10: this dcgan takes no labels"):
        digits_gan(num_classes=10)


def test_same_seed_same_image_another_seed_another(trained: DCGAN) -> None:
    one = trained.sample(3, seed=0)
    np.testing.assert_array_equal(one[1:], trained.sample(2, seed=1))
    assert (one[0] != one[1]).any()
    with pytest.raises(ValueError, match=r"truncation must lie in 0.01 \.\. 10; got 0"):
        trained.sample(1, truncation=0.0)


def test_the_exported_model_answers_like_this_one(
    trained: DCGAN, held_out: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "digits_gan" / "1"
    trained.export(path)
    assert contract.check(path) == []
    loaded = contract.LoadedModel(path)
    assert not loaded.card.conditional
    assert loaded.card.recipe.parameters == sum(twin.count_params() for _, twin in trained.twins)
    np.testing.assert_array_equal(
        loaded.ask("sample", {"seed": np.arange(8)}, truncation=0.7)["image"],
        trained.sample(8, seed=0, truncation=0.7),
    )
    asked = {"image": held_out[:8], "label": np.full(8, -1), "seed": np.zeros(8)}
    np.testing.assert_allclose(
        loaded.ask("score", asked)["logit"], trained.score(held_out[:8])["logit"], rtol=1e-5
    )


# --- colour, 64x64 --------------------------------------------------------------------------------------------


def test_the_preset_for_faces_trains_on_a_folder_of_photographs(tmp_path: Path) -> None:
    """`pixelzoo train dcgan_celeb_a --set data.source=folder:PATH`, on crops of scikit-learn's two photographs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, photo in enumerate(load_sample_images().images):
        for row in range(3):
            for column in range(5):
                crop = photo[140 * row : 140 * row + 140, 120 * column : 120 * column + 120]
                Image.fromarray(crop).save(folder / f"{number}_{row}_{column}.png")
    settings = [f"data.source=folder:{folder}", "train.epochs=1", "train.batch_size=8", "sample.rows=2"]
    run = RunFolder.create(load_preset("dcgan_celeb_a", settings), tmp_path / "run")
    model = train(run)
    assert model.image_shape == (64, 64, 3)
    assert model.architecture["widths"] == (512, 256, 128, 64)
    row = run.read_metrics()[-1]
    assert row["step"] >= 3
    assert np.isfinite([row[name] for name in model.term_names]).all()
    image = model.sample(2, seed=0)
    assert image.shape == (2, 64, 64, 3)
    assert len(np.unique(image)) > 3
