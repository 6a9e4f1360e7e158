"""The VAE: it learns, its bounds are bounds of the same thing, and the mistakes of record are not made."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

import zoo
from zoo import contract, randomness
from zoo.families.vae import VAE

# What smoothed counts of each pixel's levels reach on the test rows: a model that ignores its latents does no better.
PIXEL_HISTOGRAMS = 2.397


def digits_vae(**changes: Any) -> VAE:
    """The small VAE of these tests, untrained: the preset `vae_digits` with half its width."""
    settings = {
        "image_shape": (8, 8, 1),
        "widths": (32,),
        "blocks": (1,),
        "latent_groups": (1,),
        "latent_channels": (1,),
        "top_latents": 12,
        "components": 17,
        "initial_log_scale": -5.5,
        "learning_rate": 7e-3,
        "ema_decay": 0.98,
    }
    return VAE(**{**settings, **changes})


@pytest.fixture(scope="module")
def trained() -> VAE:
    keras.utils.set_random_seed(0)
    data, epochs = zoo.data.load("digits"), 12
    model = digits_vae()
    steps = data.steps_per_epoch(64)
    model.compile(model.default_optimizer(total_steps=epochs * steps))
    model.fit(
        data.train(64, seed=0, epochs=epochs), epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=0
    )
    return model


@pytest.fixture(scope="module")
def untrained() -> VAE:
    return digits_vae()


@pytest.fixture(scope="module")
def held_out() -> np.ndarray:
    return zoo.data.load("digits").arrays("test")[0]


def batch_of(image: np.ndarray, seed: int = 0) -> dict[str, Any]:
    n = len(image)
    return {
        "image": tf.constant(image),
        "label": tf.fill([n], -1),
        "seed": tf.range(seed, seed + n, dtype=tf.int64),
    }


# --- learning -------------------------------------------------------------------------------------------------


def test_it_learns_more_than_counting_pixels_does(trained: VAE, untrained: VAE, held_out: np.ndarray) -> None:
    bits = trained.score(held_out)["bits_per_dim"].mean()
    assert bits < PIXEL_HISTOGRAMS - 0.03
    assert bits < untrained.score(held_out)["bits_per_dim"].mean() - 2.0


def test_its_latents_say_which_image_it_is(trained: VAE, held_out: np.ndarray) -> None:
    image = held_out[:64]
    restored = trained.decode(trained.encode(image)).astype(float)
    error = np.abs(restored - image).mean()
    assert error < 0.9 * np.abs(restored[::-1] - image).mean()
    # A collapsed posterior would spend nothing on them.
    assert trained.score(image)["kl_bits"].mean() > 0.02


# --- the bound ------------------------------------------------------------------------------------------------


def test_the_loss_is_the_sum_over_pixels_and_latents(untrained: VAE, held_out: np.ndarray) -> None:
    """Both terms are worked out anew, by tensorflow-probability in float64, from the network's outputs.

    A mean over pixels or latents, a forgotten constant or a density for a probability would all be far off.
    """
    batch = batch_of(held_out[:5])
    terms = untrained.terms(batch, training=True)
    noise = randomness.item_normal(batch["seed"], 0, (untrained.network.latent_dim,))
    mixture, posterior = untrained.network(tf.cast(batch["image"], tf.float32) / 127.5 - 1.0, noise)

    logits, means, log_scales = (tf.cast(part, tf.float64) for part in mixture)
    half = tf.constant(-0.5, tf.float64)
    logistics = tfd.Logistic((means + 1) * 127.5, tf.exp(log_scales) * 127.5)
    levels = tfd.QuantizedDistribution(
        tfd.TransformedDistribution(logistics, tfb.Shift(half)),
        low=2 * half + 1,
        high=tf.constant(255.0, tf.float64),
    )
    pixels = tfd.MixtureSameFamily(tfd.Categorical(logits=logits), levels)
    log_prob = tf.reduce_sum(pixels.log_prob(tf.cast(batch["image"], tf.float64)), axis=(1, 2, 3))
    mean, std = (
        posterior.mean.numpy().astype(np.float64),
        np.exp(posterior.log_std.numpy().astype(np.float64)),
    )
    kl = 0.5 * (mean**2 + std**2 - 1 - 2 * np.log(std)).sum(axis=1)

    assert all(values.shape == (5,) and values.dtype == tf.float32 for values in terms.values())
    np.testing.assert_allclose(terms["reconstruction"], -log_prob, rtol=1e-4)
    np.testing.assert_allclose(terms["kl"], kl, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(terms["loss"], -log_prob + kl, rtol=1e-4)
    np.testing.assert_allclose(terms["bits_per_dim"], (-log_prob + kl) / (64 * np.log(2)), rtol=1e-4)


def test_more_draws_never_loosen_the_bound_below_their_mean(trained: VAE, held_out: np.ndarray) -> None:
    one = trained.score(held_out[:48], seed=9)
    many = trained.score(held_out[:48], seed=9, importance_samples=16)
    # One draw: both bounds are the same number. Many: log-mean-exp is above the mean, for each item.
    np.testing.assert_allclose(one["bits_per_dim"], one["elbo_bits_per_dim"], rtol=1e-6)
    assert (many["bits_per_dim"] <= many["elbo_bits_per_dim"] + 1e-5).all()
    assert many["bits_per_dim"].mean() < one["bits_per_dim"].mean()
    for scores in (one, many):
        parts = scores["reconstruction_bits"] + scores["kl_bits"]
        np.testing.assert_allclose(parts, scores["elbo_bits_per_dim"], rtol=1e-5)


def test_the_importance_weighted_bound_is_the_log_mean_of_the_weights(
    trained: VAE, held_out: np.ndarray
) -> None:
    """Burda et al. 2016, eq. 8, from three draws made one by one with densities of tensorflow-probability."""
    image, seed = held_out[:4], tf.range(4, dtype=tf.int64) + 30
    x = tf.cast(image, tf.float32) / 127.5 - 1.0
    weights = []
    for draw in range(3):
        noise = randomness.item_normal(seed, draw, (trained.network.latent_dim,))
        mixture, posterior = trained.ema_network(x, noise)
        p_x = zoo.likelihoods.discretised_logistic_mixture_log_prob(x, *mixture)
        p_z, q_z = tfd.Normal(0.0, 1.0), tfd.Normal(posterior.mean, tf.exp(posterior.log_std))
        ratio = tf.reduce_sum(p_z.log_prob(posterior.latent) - q_z.log_prob(posterior.latent), axis=1)
        weights.append(tf.reduce_sum(p_x, axis=(1, 2, 3)) + ratio)
    expected = -(tf.reduce_logsumexp(weights, axis=0) - np.log(3)) / (64 * np.log(2))
    scored = trained.score(image, seed=30, importance_samples=3)["bits_per_dim"]
    np.testing.assert_allclose(scored, expected, rtol=1e-4)


def test_the_drawn_divergence_is_the_exact_one_on_average(trained: VAE, held_out: np.ndarray) -> None:
    """`evaluate` has the exact divergence, `score` draws it: over many images the two bounds meet."""
    exact = trained.evaluate(zoo.data.load("digits").test(149), return_dict=True, verbose=0)["bits_per_dim"]
    drawn = trained.score(held_out)["bits_per_dim"]
    assert abs(drawn.mean() - exact) < 0.02


# --- items ----------------------------------------------------------------------------------------------------


def test_an_item_does_not_depend_on_its_neighbours(trained: VAE, held_out: np.ndarray) -> None:
    together = trained.sample(4, seed=0, temperature=[1.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(trained.sample(4, seed=0, temperature=1.0)[2], together[2])
    np.testing.assert_array_equal(trained.sample(4, seed=1, temperature=0.5)[0], together[1])
    np.testing.assert_array_equal(trained.sample(4, seed=3, temperature=2.0)[0], together[3])
    # Items with more draws beside one with few.
    mixed = trained.score(held_out[:4], seed=5, importance_samples=[1, 8, 2, 3])["bits_per_dim"]
    for i, draws in enumerate([1, 8, 2, 3]):
        alone = trained.score(held_out[i : i + 1], seed=5 + i, importance_samples=draws)["bits_per_dim"]
        np.testing.assert_allclose(alone[0], mixed[i], rtol=1e-5)


def test_the_seed_decides_and_seed_zero_is_a_seed(trained: VAE, held_out: np.ndarray) -> None:
    np.testing.assert_array_equal(trained.sample(3, seed=0), trained.sample(3, seed=0))
    assert (trained.sample(3, seed=0) != trained.sample(3, seed=3)).any()
    image = held_out[:3]
    assert (
        trained.score(image, seed=0)["bits_per_dim"] != trained.score(image, seed=3)["bits_per_dim"]
    ).all()


def test_without_temperature_every_seed_gives_the_picture_of_latent_zero(trained: VAE) -> None:
    zero = trained.decode(np.zeros((1, trained.network.latent_dim), np.float32))
    np.testing.assert_array_equal(trained.sample(2, seed=4, temperature=0.0), np.repeat(zero, 2, axis=0))


def test_a_sample_is_the_picture_of_standard_normal_latents(trained: VAE) -> None:
    seed = tf.constant([11, 12], tf.int64)
    latent = randomness.item_normal(seed, randomness.INITIAL_NOISE, (trained.network.latent_dim,))
    np.testing.assert_array_equal(trained.sample(2, seed=11), trained.decode(latent))


# --- shapes and settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("image_shape", [(8, 8, 1), (9, 11, 3), (28, 28, 1), (32, 32, 3)])
def test_any_size_and_one_or_three_channels(image_shape: tuple[int, int, int]) -> None:
    model = VAE(
        image_shape=image_shape, widths=(8, 8), blocks=(1, 1), latent_groups=(1, 1), latent_channels=(1, 2)
    )
    image = np.random.default_rng(0).integers(0, 256, (2, *image_shape), np.uint8)
    terms = model.terms(batch_of(image), training=False)
    assert np.isfinite(terms["loss"]).all()
    latent = model.network.infer(
        model.network.features(tf.zeros((2, *image_shape))), tf.zeros((2, model.network.latent_dim))
    )
    assert latent[1].mean.shape == (2, model.network.latent_dim)
    assert latent[0].means.shape == (2, *image_shape, 5)


def test_without_maps_of_latents_it_is_the_flat_vae() -> None:
    model = VAE(widths=(8, 8), blocks=(1, 1), latent_groups=(0, 0), latent_channels=(0, 0), top_latents=6)
    assert model.network.latent_dim == 6
    assert model.sample(1).shape == (1, 8, 8, 1)


def test_reduced_precision_keeps_the_terms_in_float32() -> None:
    model = digits_vae(widths=(8,), dtype="mixed_bfloat16")
    image = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    rough, fine = (model.terms(batch_of(image), training=training)["loss"] for training in (True, False))
    assert rough.dtype == tf.float32
    assert (rough.numpy() != fine.numpy()).any()
    np.testing.assert_allclose(rough, fine, rtol=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_classes": 10}, "num_classes must be 0, got 10: this VAE takes no labels"),
        ({"image_shape": (7, 8, 1)}, "image_shape must be at least 8x8 with 1 or 3 channels"),
        ({"image_shape": (8, 8, 2)}, "image_shape must be at least 8x8 with 1 or 3 channels"),
        ({"components": 0}, "components must be at least 1; got 0"),
        ({"blocks": (1, 1)}, "blocks has 2 entries for 1 widths; give one each"),
    ],
)
def test_wrong_settings_name_the_field_and_the_rule(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        digits_vae(**settings)


def test_wrong_options_name_the_rule(trained: VAE, held_out: np.ndarray) -> None:
    with pytest.raises(ValueError, match="importance_samples must be a whole number from 1 to 64"):
        trained.score(held_out[:1], importance_samples=65)
    with pytest.raises(ValueError, match=r"temperature must lie in 0 \.\. 2"):
        trained.sample(1, temperature=-0.1)


# --- files ----------------------------------------------------------------------------------------------------


def test_a_keras_file_holds_the_average_and_the_optimizer(trained: VAE, tmp_path: Path) -> None:
    trained.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == trained.get_config()
    for saved, read in zip(trained.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(saved, read)
    for saved, read in zip(trained.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(saved, read)
    np.testing.assert_array_equal(loaded.sample(2, seed=5), trained.sample(2, seed=5))


STOCK_USER = """
import sys
sys.modules["keras"] = sys.modules["zoo"] = None
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1]).signatures
given = np.load(sys.argv[2])
seed, image = tf.constant(given["seed"]), tf.constant(given["image"])
one, draws, label = tf.ones(len(image)), tf.fill([len(image)], 2), tf.fill([len(image)], -1)
latent = model["encode"](image=image)["latent"]
state = model["score_begin"](image=image, label=label, seed=seed, importance_samples=draws)
while tf.reduce_any(state["step"] < state["steps"]):
    state = model["score_advance"](**state)
np.savez(
    sys.argv[3],
    sample=model["sample"](seed=seed, temperature=one)["image"],
    latent=latent,
    decoded=model["decode"](latent=latent)["image"],
    **model["score_finish"](**state),
)
"""


def test_stock_tensorflow_answers_like_the_model(trained: VAE, held_out: np.ndarray, tmp_path: Path) -> None:
    path, image = tmp_path / "digits_vae" / "1", held_out[:4]
    trained.export(path)
    assert contract.check(path) == []
    np.savez(tmp_path / "given.npz", seed=np.arange(7, 11), image=image)
    arguments = (path, tmp_path / "given.npz", tmp_path / "answers.npz")
    subprocess.run([sys.executable, "-c", STOCK_USER, *map(str, arguments)], check=True)
    answers = np.load(tmp_path / "answers.npz")

    np.testing.assert_array_equal(answers["sample"], trained.sample(4, seed=7))
    np.testing.assert_allclose(answers["latent"], trained.encode(image), atol=1e-5)
    np.testing.assert_array_equal(answers["decoded"], trained.decode(trained.encode(image)))
    for name, values in trained.score(image, seed=7, importance_samples=2).items():
        np.testing.assert_allclose(answers[name], values, rtol=1e-5)


def test_two_replicas_train_like_one(replica_results: Callable[[str], Any]) -> None:
    one, two = replica_results(
        """
        ladder = {"widths": (8, 8), "blocks": (1, 1), "latent_groups": (1, 1), "latent_channels": (1, 1)}
        model = zoo.VAE(image_shape=(8, 8, 1), top_latents=4, **ladder)
        model.compile(keras.optimizers.SGD(1e-4))
        batches = zoo.data.load("digits").train(32, seed=0).take(4)
        """
    )
    two.assert_like(one)
