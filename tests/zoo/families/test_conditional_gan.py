"""The conditional GAN: it draws the class that it is asked for, and both networks see the class."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

import zoo
from zoo import contract
from zoo.families.conditional_gan import ConditionalGAN


def digits_gan(**changes: Any) -> ConditionalGAN:
    """The small conditional GAN of these tests, untrained."""
    settings = {
        "image_shape": (8, 8, 1),
        "num_classes": 10,
        "widths": (64, 32),
        "latent_size": 32,
        "learning_rate": 1e-3,
        "ema_decay": 0.99,
    }
    return ConditionalGAN(**{**settings, **changes})


@pytest.fixture(scope="module")
def trained() -> ConditionalGAN:
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
def untrained() -> ConditionalGAN:
    return digits_gan()


@pytest.fixture(scope="module")
def held_out() -> tuple[np.ndarray, np.ndarray]:
    return zoo.data.load("digits").arrays("test")[:2]


def batch_of(image: np.ndarray, label: np.ndarray, update: int = 1) -> dict[str, Any]:
    return {
        "image": tf.constant(image),
        "label": tf.constant(label, tf.int32),
        "seed": tf.range(len(image), dtype=tf.int64),
        "update": update,
    }


def flat(image: np.ndarray) -> np.ndarray:
    return image.reshape(len(image), -1) / 255.0


# --- learning -------------------------------------------------------------------------------------------------


def test_its_samples_teach_a_classifier_what_real_digits_look_like(
    trained: ConditionalGAN, held_out: tuple[np.ndarray, np.ndarray]
) -> None:
    """The classification accuracy score: 0.1 if the labels do not arrive, low too if every class is a single image."""
    label = np.arange(1000) % 10
    image = trained.sample(1000, seed=5, label=label)
    score = LogisticRegression(max_iter=200).fit(flat(image), label).score(flat(held_out[0]), held_out[1])
    assert score > 0.75
    # Not one image for each class: within a class, samples lie about as far apart as real digits do.
    spread = np.mean([flat(image[label == k]).std(axis=0).mean() for k in range(10)])
    real = np.mean([flat(held_out[0][held_out[1] == k]).std(axis=0).mean() for k in range(10)])
    assert spread > 0.5 * real


def test_its_discriminator_prefers_an_image_with_its_own_class(
    trained: ConditionalGAN, held_out: tuple[np.ndarray, np.ndarray]
) -> None:
    image, label = held_out
    right = trained.score(image, label)["logit"]
    wrong = trained.score(image, (label + 5) % 10)["logit"]
    # Half, if the class did not reach it; not all, since digits are alike and the generator has learned to follow.
    assert (right > wrong).mean() > 0.65


# --- the class in both networks -------------------------------------------------------------------------------


def test_generated_images_are_judged_with_the_class_that_they_were_asked_for(
    untrained: ConditionalGAN, held_out: tuple[np.ndarray, np.ndarray]
) -> None:
    """In both updates, and it is the class of the real image beside: so the classes of a batch tell nothing."""
    batch = batch_of(held_out[0][:16], held_out[1][:16])
    z = untrained.latent(batch)
    fake = untrained.imitate(z, batch["label"], training=True)
    said = untrained.judge(fake, batch["label"], training=True)
    np.testing.assert_allclose(
        untrained.discriminator_terms(batch, True)["fake_logit"], said, rtol=1e-4, atol=1e-5
    )
    later = {**batch, "update": 0}
    fake = untrained.imitate(untrained.latent(later), batch["label"], training=True)
    expected = untrained.game.generator(untrained.judge(fake, batch["label"], training=True))
    np.testing.assert_allclose(
        untrained.generator_terms(later, True)["generator_loss"], expected, rtol=1e-4, atol=1e-5
    )
    other = untrained.discriminator_terms({**batch, "label": (batch["label"] + 1) % 10}, True)
    assert (
        other["real_logit"].numpy() != untrained.discriminator_terms(batch, True)["real_logit"].numpy()
    ).any()


def test_a_class_there_must_be(untrained: ConditionalGAN, held_out: tuple[np.ndarray, np.ndarray]) -> None:
    rule = r"label: conditional_gan needs a class for each image, 0 \.\. 9; got None"
    with pytest.raises(ValueError, match=rule):
        untrained.sample(2)
    with pytest.raises(ValueError, match=rule):
        untrained.score(held_out[0][:2])
    with pytest.raises(ValueError, match="needs a class for each image"):
        untrained.sample(2, label=[3, -1])
    untrained.compile()
    with pytest.raises(ValueError, match="conditional_gan learns from labelled images"):
        untrained.train_step(tf.constant(held_out[0][:4]))
    with pytest.raises(ValueError, match="num_classes must be at least 2, got 0"):
        digits_gan(num_classes=0)


# --- what it answers ------------------------------------------------------------------------------------------


def test_same_seed_same_image_another_seed_or_class_another(trained: ConditionalGAN) -> None:
    one = trained.sample(2, seed=0, label=3)
    np.testing.assert_array_equal(one, trained.sample(2, seed=0, label=3))
    np.testing.assert_array_equal(one[1:], trained.sample(2, seed=1, label=3)[:1])
    assert (one != trained.sample(2, seed=7, label=3)).any()
    assert (one != trained.sample(2, seed=0, label=4)).any()


def test_truncation_brings_the_images_of_a_class_together(trained: ConditionalGAN) -> None:
    spreads = [
        trained.sample(40, seed=0, label=8, truncation=limit).std(axis=0).mean()
        for limit in (0.01, 0.5, 10.0)
    ]
    assert spreads[0] < 0.2 * spreads[2]
    assert spreads[0] < spreads[1] < spreads[2]
    # Each item has its own.
    mixed = trained.sample(2, seed=0, label=8, truncation=[0.5, 10.0])
    np.testing.assert_array_equal(mixed[:1], trained.sample(2, seed=0, label=8, truncation=0.5)[:1])


def test_the_exported_model_answers_like_this_one(
    trained: ConditionalGAN, held_out: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "digits_gan" / "1"
    trained.export(path)
    assert contract.check(path) == []
    loaded = contract.LoadedModel(path)
    assert loaded.card.conditional
    assert loaded.card.label_required
    inputs = {"seed": np.arange(8), "label": np.arange(8)}
    np.testing.assert_array_equal(
        loaded.ask("sample", inputs, truncation=1.5)["image"],
        trained.sample(8, seed=0, label=np.arange(8), truncation=1.5),
    )
    asked = {"image": held_out[0][:8], "label": held_out[1][:8], "seed": np.zeros(8)}
    np.testing.assert_allclose(
        loaded.ask("score", asked)["logit"],
        trained.score(*(part[:8] for part in held_out))["logit"],
        rtol=1e-5,
    )
