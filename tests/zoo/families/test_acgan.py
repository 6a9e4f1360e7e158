"""The AC-GAN: it draws by class and knows classes, and what its class losses are made of is what its settings say."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

import zoo
from pixelzoo.v1 import capability_pb2
from zoo import contract, losses
from zoo.families.acgan import ACGAN


def digits_gan(**changes: Any) -> ACGAN:
    """The small AC-GAN of these tests, untrained, with weights of its own seed."""
    keras.utils.set_random_seed(0)
    settings = {
        "image_shape": (8, 8, 1),
        "num_classes": 10,
        "widths": (64, 32),
        "latent_size": 32,
        "learning_rate": 1e-3,
        "ema_decay": 0.99,
    }
    return ACGAN(**{**settings, **changes})


@pytest.fixture(scope="module")
def trained() -> ACGAN:
    data, epochs = zoo.data.load("digits"), 30
    model = digits_gan()
    steps = data.steps_per_epoch(64)
    model.compile_for(model.learning_rate, epochs * steps)
    model.fit(
        data.train(64, seed=0, epochs=epochs), epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=0
    )
    return model


@pytest.fixture(scope="module")
def held_out() -> tuple[np.ndarray, np.ndarray]:
    return zoo.data.load("digits").arrays("test")[:2]


@pytest.fixture(scope="module")
def batch(held_out: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    return {
        "image": tf.constant(held_out[0][:32]),
        "label": tf.constant(held_out[1][:32], tf.int32),
        "seed": tf.range(32, dtype=tf.int64),
        "update": 1,
    }


def flat(image: np.ndarray) -> np.ndarray:
    return image.reshape(len(image), -1) / 255.0


# --- learning -------------------------------------------------------------------------------------------------


def test_its_samples_teach_a_classifier_what_real_digits_look_like(
    trained: ACGAN, held_out: tuple[np.ndarray, np.ndarray]
) -> None:
    label = np.arange(1000) % 10
    image = trained.sample(1000, seed=5, label=label)
    score = LogisticRegression(max_iter=200).fit(flat(image), label).score(flat(held_out[0]), held_out[1])
    assert score > 0.7


def test_its_classifier_knows_the_class_of_real_digits(
    trained: ACGAN, held_out: tuple[np.ndarray, np.ndarray]
) -> None:
    """Without being told: the label that is given changes nothing."""
    probability = trained.score(held_out[0])["class_probability"]
    np.testing.assert_allclose(probability.sum(axis=1), 1.0, rtol=1e-5)
    assert (probability.argmax(axis=1) == held_out[1]).mean() > 0.85
    np.testing.assert_array_equal(
        trained.score(held_out[0], (held_out[1] + 1) % 10)["class_probability"], probability
    )


# --- the class losses -----------------------------------------------------------------------------------------


def parts(model: ACGAN, batch: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The adversarial loss of the discriminator, and the class losses on real and on generated images."""
    real = zoo.likelihoods.scale_pixels(batch["image"])
    fake = model.imitate(model.latent(batch), batch["label"], training=True)
    loss, (_, real_class), (_, fake_class) = model.contest(batch, real, fake, training=True)
    return (
        loss,
        losses.class_cross_entropy(real_class, batch["label"]),
        losses.class_cross_entropy(fake_class, batch["label"]),
    )


@pytest.mark.parametrize("classify_fakes", [False, True])
@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_generated_images_teach_classes_only_where_the_switch_says_so(
    batch: dict[str, Any], classify_fakes: bool, weight: float
) -> None:
    model = digits_gan(classify_fakes=classify_fakes, auxiliary_weight=weight)
    adversarial, on_real, on_fake = parts(model, batch)
    expected = adversarial + weight * (on_real + on_fake if classify_fakes else on_real)
    terms = model.discriminator_terms(batch, training=True)
    np.testing.assert_allclose(terms["discriminator_loss"], expected, rtol=1e-4)
    np.testing.assert_allclose(terms["real_class_loss"], on_real, rtol=1e-4)
    assert (np.abs(on_fake) > 0.1).all()


@pytest.mark.parametrize("own", [None, 0.2])
def test_the_generator_wants_its_images_to_show_the_class_that_it_was_asked_for(
    batch: dict[str, Any], own: float | None
) -> None:
    """The auxiliary term with its sign and its weight: without it, G's loss would be the adversarial one alone."""
    first = {**batch, "update": 0}
    model = digits_gan(auxiliary_weight=0.5, generator_auxiliary_weight=own)
    fake = model.imitate(model.latent(first), batch["label"], training=True)
    logit, classes = model.judge(fake, training=True)
    weight = 0.5 if own is None else own
    expected = model.game.generator(logit) + weight * losses.class_cross_entropy(classes, batch["label"])
    terms = model.generator_terms(first, training=True)
    np.testing.assert_allclose(terms["generator_loss"], expected, rtol=1e-4)
    np.testing.assert_allclose(
        terms["fake_class_loss"], losses.class_cross_entropy(classes, batch["label"]), rtol=1e-4
    )


def test_the_settings_are_saved_and_a_negative_weight_is_refused() -> None:
    config = digits_gan(
        classify_fakes=True, auxiliary_weight=0.3, generator_auxiliary_weight=0.1
    ).get_config()
    assert (config["classify_fakes"], config["auxiliary_weight"]) == (True, 0.3)
    assert config["generator_auxiliary_weight"] == 0.1
    assert ACGAN.from_config(config).get_config() == config
    with pytest.raises(ValueError, match="generator_auxiliary_weight must be at least 0; got -1"):
        digits_gan(auxiliary_weight=-1.0)


# --- what it answers ------------------------------------------------------------------------------------------


def test_asked_for_no_class_it_draws_one_of_all(trained: ACGAN) -> None:
    image = trained.sample(400, seed=0)
    drawn = trained.score(image)["class_probability"].argmax(axis=1)
    # The mean is 40; a class that is never drawn, or one of two, would be far outside.
    assert (np.bincount(drawn, minlength=10) > 12).all()
    # The class is the item's own: the neighbours do not change it.
    np.testing.assert_array_equal(trained.sample(2, seed=5), image[5:7])


def test_the_exported_model_answers_like_this_one(
    trained: ACGAN, held_out: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "digits_gan" / "1"
    trained.export(path)
    assert contract.check(path) == []
    loaded = contract.LoadedModel(path)
    assert loaded.card.conditional
    assert not loaded.card.label_required
    kinds = {score.name: score.kind for score in loaded.capabilities["score"].scores}
    assert kinds == {
        "logit": capability_pb2.SCORE_KIND_DISCRIMINATOR_LOGIT,
        "class_probability": capability_pb2.SCORE_KIND_CLASS_PROBABILITY,
    }
    inputs = {"seed": np.arange(8), "label": np.arange(-1, 7)}
    np.testing.assert_array_equal(
        loaded.ask("sample", inputs)["image"], trained.sample(8, seed=0, label=np.arange(-1, 7))
    )
    asked = {"image": held_out[0][:8], "label": np.full(8, -1), "seed": np.zeros(8)}
    answered, here = loaded.ask("score", asked), trained.score(held_out[0][:8])
    assert answered["class_probability"].shape == (8, 10)
    for name, values in here.items():
        np.testing.assert_allclose(answered[name], values, rtol=1e-4, atol=1e-6)
