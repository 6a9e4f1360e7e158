"""The VQ-VAE: it learns, its bound is reconstruction and prior, and the mistakes of record are not made."""

import itertools
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
from zoo import contract
from zoo.families.vqvae import VQVAE
from zoo_client import Client
from zoo_client.local import local_server

# What smoothed counts of each pixel's levels reach on the test rows: a model that ignores its codes does no better.
PIXEL_HISTOGRAMS = 2.397

CODES = 32


def digits_vqvae(**changes: Any) -> VQVAE:
    """The small VQ-VAE of these tests, untrained: 2x2 codes of 32."""
    settings = {
        "image_shape": (8, 8, 1),
        "codebook_size": CODES,
        "code_dim": 16,
        "widths": (32, 32),
        "blocks": (1, 1),
        "components": 17,
        "initial_log_scale": -5.5,
        "prior_features": 48,
        "prior_blocks": 2,
        "learning_rate": 1e-2,
        "ema_decay": 0.98,
    }
    return VQVAE(**{**settings, **changes})


def tiny_vqvae(**changes: Any) -> VQVAE:
    """As small as it gets."""
    return digits_vqvae(
        **{
            "codebook_size": 3,
            "code_dim": 2,
            "widths": (8, 8),
            "components": 2,
            "initial_log_scale": -2.0,
            "prior_features": 8,
            **changes,
        }
    )


@pytest.fixture(scope="module")
def trained() -> VQVAE:
    keras.utils.set_random_seed(0)
    data, epochs = zoo.data.load("digits"), 14
    model = digits_vqvae()
    steps = data.steps_per_epoch(64)
    model.compile_for(model.learning_rate, epochs * steps)
    stream = data.train(64, seed=0, epochs=epochs)
    model.fit(stream, epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=0)
    return model


@pytest.fixture(scope="module")
def untrained() -> VQVAE:
    return digits_vqvae()


@pytest.fixture(scope="module")
def held_out() -> np.ndarray:
    return zoo.data.load("digits").arrays("test")[0]


def batch_of(image: np.ndarray) -> dict[str, Any]:
    n = len(image)
    return {"image": tf.constant(image), "label": tf.fill([n], -1), "seed": tf.range(n, dtype=tf.int64)}


def random_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


# --- learning -------------------------------------------------------------------------------------------------


def test_it_learns_more_than_counting_pixels_does(
    trained: VQVAE, untrained: VQVAE, held_out: np.ndarray
) -> None:
    """Past counting means that the codes say more than they cost."""
    bits = trained.score(held_out)["bits_per_dim"].mean()
    assert bits < PIXEL_HISTOGRAMS - 0.03
    assert bits < untrained.score(held_out)["bits_per_dim"].mean() - 2.0


def test_its_codes_say_which_image_it_is(trained: VQVAE, held_out: np.ndarray) -> None:
    restored = trained.decode(trained.encode(held_out)).astype(float)
    error = np.abs(restored - held_out).mean()
    assert error < 0.8 * np.abs(restored[::-1] - held_out).mean()


def test_the_codebook_is_in_use(trained: VQVAE, held_out: np.ndarray) -> None:
    """Perplexity over the whole test split, at least a quarter of the codebook; and what training reports is near."""
    share = np.bincount(trained.encode(held_out).ravel(), minlength=CODES) / (4 * len(held_out))
    perplexity = np.exp(-sum(p * np.log(p) for p in share if p > 0))
    assert perplexity >= CODES / 4
    reported = trained.evaluate(zoo.data.load("digits").test(149), return_dict=True, verbose=0)["perplexity"]
    assert 0.7 * perplexity < reported < 1.5 * perplexity


def test_the_prior_has_learned_which_codes_go_together(trained: VQVAE, held_out: np.ndarray) -> None:
    """Real grids cost less than the same codes dealt out anew to the images, place by place."""
    codes = trained.encode(held_out)
    rng = np.random.default_rng(0)
    dealt = np.stack([rng.permutation(codes[:, i, j]) for i, j in np.ndindex(2, 2)], axis=1).reshape(
        codes.shape
    )
    real, mixed = (grid_nats(trained, grids).mean() for grids in (codes, dealt))
    assert real < mixed - 0.3
    assert real < 4 * np.log(CODES) - 1.0


def grid_nats(model: VQVAE, codes: np.ndarray) -> np.ndarray:
    """-log p(codes) under the averaged prior, from its logits."""
    logits = model.ema_network.prior(tf.constant(codes)[..., None], tf.fill([len(codes)], -1))["logits"]
    return -tfd.Categorical(logits=logits[..., 0, :]).log_prob(codes).numpy().sum(axis=(1, 2))


# --- the bound ------------------------------------------------------------------------------------------------


def test_the_bound_is_reconstruction_and_prior(trained: VQVAE, held_out: np.ndarray) -> None:
    """Both terms anew, by tensorflow-probability in float64, from the codes and the networks' outputs.

    A bound without its prior, sums taken for means, a density or the wrong base of the logarithm would all be far off.
    """
    image = held_out[:5]
    codes = trained.encode(image)
    logits, means, log_scales = (
        tf.cast(part, tf.float64)
        for part in trained.ema_network.decoder(
            tf.gather(trained.ema_network.quantizer.codebook.value, codes)
        )
    )
    half = tf.constant(0.5, tf.float64)
    logistics = tfd.Logistic(
        (means + 1) * 127.5, tf.exp(tf.maximum(log_scales, tf.cast(-7.0, tf.float64))) * 127.5
    )
    levels = tfd.QuantizedDistribution(
        tfd.TransformedDistribution(logistics, tfb.Shift(-half)), low=0 * half, high=510 * half
    )
    pixels = tfd.MixtureSameFamily(tfd.Categorical(logits=logits), levels)
    reconstruction = -pixels.log_prob(image.astype(float)).numpy().sum(axis=(1, 2, 3))
    prior = grid_nats(trained, codes)

    scores = trained.score(image)
    np.testing.assert_allclose(scores["reconstruction_bits"], reconstruction / (64 * np.log(2)), rtol=1e-4)
    np.testing.assert_allclose(scores["prior_bits"], prior / (64 * np.log(2)), rtol=1e-4)
    np.testing.assert_allclose(scores["bits_per_dim"], (reconstruction + prior) / (64 * np.log(2)), rtol=1e-4)
    difference = trained.decode(codes).astype(float) - image
    np.testing.assert_allclose(
        scores["reconstruction_error"], np.sqrt((difference**2).mean((1, 2, 3))), rtol=1e-5
    )


def test_evaluating_and_scoring_are_one_number(trained: VQVAE, held_out: np.ndarray) -> None:
    evaluated = trained.evaluate(zoo.data.load("digits").test(149), return_dict=True, verbose=0)
    assert evaluated["bits_per_dim"] == pytest.approx(
        trained.score(held_out)["bits_per_dim"].mean(), rel=1e-4
    )


def test_the_priors_probabilities_of_all_grids_add_up_to_one() -> None:
    model = tiny_vqvae()
    rng = np.random.default_rng(0)
    for weight in model.ema_network.prior.weights:
        weight.assign(rng.normal(size=weight.shape))
    grids = np.array(list(itertools.product(range(3), repeat=4)), np.int32).reshape(-1, 2, 2)
    log_prob = -grid_nats(model, grids)
    assert np.exp(log_prob).sum() == pytest.approx(1.0, rel=1e-4)
    assert np.exp(log_prob).max() > 2 / 81


@pytest.mark.parametrize("updates", ["ema", "gradient"])
def test_the_loss_by_hand(updates: str, held_out: np.ndarray) -> None:
    """Eq. 3: nats of the image and its codes, and the two distances, counted as dims times their mean."""
    model = digits_vqvae(codebook_updates=updates, commitment=0.25)
    batch = batch_of(held_out[:5])
    network = model.network
    z = network.encoder(zoo.likelihoods.scale_pixels(batch["image"])).numpy()
    codebook = network.quantizer.codebook.numpy()
    squares = ((z[..., None, :] - codebook) ** 2).sum(-1)
    distance = squares.min(-1).mean((1, 2)) / 16
    terms = model.terms(batch, training=True)
    weight = 0.25 if updates == "ema" else 1.25
    np.testing.assert_allclose(terms["commitment"], distance, rtol=1e-4)
    np.testing.assert_allclose(
        terms["loss"], terms["reconstruction"] + terms["prior"] + 64 * weight * distance, rtol=1e-5
    )
    nats = terms["reconstruction"] + terms["prior"]
    np.testing.assert_allclose(terms["bits_per_dim"], nats / (64 * np.log(2)), rtol=1e-5)
    assert all(values.shape == (5,) and values.dtype == tf.float32 for values in terms.values())


# --- mistakes of record ---------------------------------------------------------------------------------------


def test_a_batch_is_quantised_with_the_codebook_from_before_it(held_out: np.ndarray) -> None:
    """At the first batch the whole codebook moves; the terms of that batch must not know."""
    model, batch = digits_vqvae(), batch_of(held_out[:16])
    expected = model.terms(batch, training=False)  # The twin is still a copy.
    before = model.network.quantizer.codebook.numpy()
    terms = model.terms(batch, training=True)
    for name in ("reconstruction", "prior", "commitment"):
        np.testing.assert_allclose(terms[name], expected[name], rtol=1e-5)
    assert (model.network.quantizer.codebook.numpy() != before).mean() > 0.5


def test_evaluation_moves_no_codebook(untrained: VQVAE, held_out: np.ndarray) -> None:
    before = [weight.numpy() for weight in untrained.weights]
    untrained.terms(batch_of(held_out[:16]), training=False)
    for old, new in zip(before, untrained.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_each_gradient_reaches(held_out: np.ndarray) -> None:
    """The image's term passes the codes straight through to the encoder; the prior's term stops at them."""
    model, batch = digits_vqvae(), batch_of(held_out[:8])
    network = model.network
    with tf.GradientTape(persistent=True) as tape:
        terms = model.terms(batch, training=True)

    def largest(term: str, part: Any) -> float:
        gradients = tape.gradient(terms[term], part.trainable_variables)
        return max((float(np.abs(g).max()) for g in gradients if g is not None), default=0.0)

    assert largest("reconstruction", network.decoder) > 0
    assert largest("reconstruction", network.encoder) > 0
    assert largest("reconstruction", network.prior) == 0
    assert largest("commitment", network.encoder) > 0
    assert largest("commitment", network.decoder) == 0
    assert largest("prior", network.prior) > 0
    assert largest("prior", network.encoder) == largest("prior", network.decoder) == 0


def test_the_twins_codebook_belongs_to_its_encoder_and_decoder(trained: VQVAE, held_out: np.ndarray) -> None:
    """Averaged like the rest, it suits the averaged networks as well as the live one does; its start would not."""
    twin = trained.ema_network.quantizer.codebook
    averaged = twin.numpy()

    def bits(codebook: Any) -> float:
        twin.assign(codebook)
        return trained.terms(batch_of(held_out), training=False)["bits_per_dim"].numpy().mean()

    live, start = bits(trained.network.quantizer.codebook), bits(digits_vqvae().network.quantizer.codebook)
    own = bits(averaged)
    assert own < live + 0.03
    assert own < start - 0.1


def test_a_codebook_that_learns_by_gradient_learns_too() -> None:
    model = digits_vqvae(codebook_updates="gradient", blocks=(0, 0), prior_blocks=1)
    model.compile()
    assert any(variable.path.endswith("codebook") for variable in model.trainable_variables)
    stream = zoo.data.load("digits").train(64, seed=0, epochs=2)
    history = model.fit(stream, epochs=2, steps_per_epoch=21, shuffle=False, verbose=0).history
    assert history["bits_per_dim"][-1] < history["bits_per_dim"][0] - 0.5
    assert history["perplexity"][-1] > CODES / 4


# --- items ----------------------------------------------------------------------------------------------------


def test_an_item_does_not_depend_on_its_neighbours(trained: VQVAE) -> None:
    together = trained.sample(4, seed=0, temperature=[1.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(trained.sample(4, seed=1, temperature=0.5)[0], together[1])
    np.testing.assert_array_equal(trained.sample(4, seed=3, temperature=2.0)[0], together[3])
    assert (together[0] != trained.sample(4, seed=4)[0]).any()


def test_without_temperature_every_seed_gives_the_likeliest_codes(trained: VQVAE) -> None:
    cold = trained.sample(4, seed=9, temperature=0.0)
    np.testing.assert_array_equal(cold, np.repeat(cold[:1], 4, axis=0))


def test_samples_come_from_the_prior(trained: VQVAE) -> None:
    """The codes drawn, in the frequencies in which the prior has them at the first place."""
    state = trained.capability("sample").functions["begin"](
        seed=tf.range(400, dtype=tf.int64), temperature=tf.ones(400)
    )
    drawn = trained.sampler.advance(**state)["levels"][:, 0, 0, 0].numpy()
    logits = trained.ema_network.prior(tf.zeros((1, 2, 2, 1), tf.int32), tf.constant([-1]))["logits"]
    expected = tf.nn.softmax(logits[0, 0, 0, 0]).numpy()
    found = np.bincount(drawn, minlength=CODES) / 400
    # Half the sum of absolute differences; 400 draws from the right distribution stay well below.
    assert 0.5 * np.abs(found - expected).sum() < 0.2
    uniform = np.full(CODES, 1 / CODES)
    assert 0.5 * np.abs(uniform - expected).sum() > 0.3


def test_a_preview_is_the_picture_with_the_rest_black(trained: VQVAE) -> None:
    parts = trained.capability("sample").functions
    state = parts["begin"](seed=tf.constant([5, 6], tf.int64), temperature=tf.ones(2))
    assert not parts["preview"](**state)["image"].numpy().any()
    state = parts["advance"](**state)
    half = parts["preview"](**state)["image"].numpy()
    assert half[:, :4].any()
    assert not half[:, 4:].any()
    state = parts["advance"](**state)
    np.testing.assert_array_equal(state["step"], state["steps"])
    whole = parts["finish"](**state)["image"]
    np.testing.assert_array_equal(parts["preview"](**state)["image"], whole)
    np.testing.assert_array_equal(whole, trained.sample(2, seed=5))


# --- shapes and settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image_shape", "grid"), [((28, 28, 1), (7, 7)), ((9, 11, 3), (3, 3)), ((32, 16, 3), (8, 4))]
)
def test_any_size_and_one_or_three_channels(image_shape: tuple[int, int, int], grid: tuple[int, int]) -> None:
    model = tiny_vqvae(image_shape=image_shape)
    image = random_images(2, *image_shape)
    codes = model.encode(image)
    assert codes.shape == (2, *grid)
    assert codes.dtype == np.int32
    assert model.decode(codes).shape == image.shape
    assert np.isfinite(model.terms(batch_of(image), training=False)["loss"]).all()


def test_reduced_precision_keeps_the_terms_in_float32() -> None:
    model = digits_vqvae(dtype="mixed_bfloat16")
    rough, fine = (
        model.terms(batch_of(random_images(4, 8, 8, 1)), training=training)["loss"]
        for training in (True, False)
    )
    assert rough.dtype == tf.float32
    assert (rough.numpy() != fine.numpy()).any()
    np.testing.assert_allclose(rough, fine, rtol=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_classes": 10}, "num_classes must be 0, got 10: this VQ-VAE takes no labels"),
        ({"image_shape": (8, 8, 2)}, "image_shape must have 1 or 3 channels"),
        ({"components": 0}, "components must be at least 1; got 0"),
        ({"blocks": (1,)}, "blocks has 1 entries for 2 widths; give one each"),
        ({"commitment": -1.0}, "commitment must not be negative; got -1.0"),
        ({"codebook_updates": "mean"}, "updates 'mean' is unknown; choose one of ema, gradient"),
    ],
)
def test_wrong_settings_name_the_field_and_the_rule(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        digits_vqvae(**settings)


def test_codes_outside_the_codebook_are_refused(untrained: VQVAE) -> None:
    for code in (-1, CODES):
        with pytest.raises(
            ValueError, match=rf"latent must hold codes of 0 \.\. 31; got {min(code, 0)} \.\. "
        ):
            untrained.decode(np.array([[[0, 0], [0, code]]]))
    with pytest.raises(ValueError, match="latent must be int32"):
        untrained.decode(np.zeros((1, 2, 2)))


# --- replicas -------------------------------------------------------------------------------------------------


def test_two_replicas_train_like_one(replica_results: Callable[[str], Any]) -> None:
    """Counts and sums are of the global batch, and a revived code is the same vector everywhere.

    The first update revives nearly all codes. Each replica on its own would soon have a codebook of its own, without
    any error or warning.
    """
    one, two = replica_results(
        """
        model = zoo.VQVAE(
            image_shape=(8, 8, 1), codebook_size=16, code_dim=4, widths=(8, 8), blocks=(0, 1), components=2,
            prior_features=8, prior_blocks=1, revive_below=0.3,
        )
        model.compile(keras.optimizers.SGD(1e-4))
        batches = zoo.data.load("digits").train(32, seed=0).take(3)
        """
    )
    two.assert_like(one)
    codebook = next(value for name, value in one.variables.items() if name.endswith("codebook"))
    assert np.abs(codebook).max() > 0


# --- files ----------------------------------------------------------------------------------------------------


def test_a_keras_file_holds_the_codebook_and_the_optimizer(trained: VQVAE, tmp_path: Path) -> None:
    trained.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == trained.get_config()
    for saved, read in zip(trained.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(saved, read)
    for saved, read in zip(trained.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(saved, read)
    np.testing.assert_array_equal(loaded.network.quantizer.sum_average, trained.network.quantizer.sum_average)


def test_a_resumed_training_is_the_uninterrupted_one(tmp_path: Path) -> None:
    """To the last bit, revivals included: what they draw follows from the saved number of updates."""
    batches = list(zoo.data.load("digits").train(32, seed=0).take(6))

    def after(model: VQVAE, steps: slice) -> VQVAE:
        for batch in batches[steps]:
            model.train_step(batch)
        return model

    keras.utils.set_random_seed(3)
    model = tiny_vqvae(codebook_size=16, revive_below=0.3)
    model.compile_for(1e-3, 6)
    after(model, slice(3)).save(tmp_path / "model.keras")
    resumed = after(keras.models.load_model(tmp_path / "model.keras"), slice(3, 6))
    for one, other in zip(after(model, slice(3, 6)).weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


@pytest.fixture(scope="module")
def exported(trained: VQVAE, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "digits_vqvae" / "1"
    trained.export(path)
    return path


STOCK_USER = """
import sys
sys.modules["keras"] = sys.modules["zoo"] = None
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1]).signatures
given = np.load(sys.argv[2])
seed, image, label = tf.constant(given["seed"]), tf.constant(given["image"]), tf.fill([4], -1)
codes = model["encode"](image=image)["latent"]
np.savez(
    sys.argv[3],
    sample=model["sample"](seed=seed)["image"],
    codes=codes,
    decoded=model["decode"](latent=codes)["image"],
    **model["score"](image=image, label=label, seed=seed),
)
try:
    model["decode"](latent=codes + 32)
except tf.errors.InvalidArgumentError:
    print("refused")
"""


def test_stock_tensorflow_answers_like_the_model(
    trained: VQVAE, exported: Path, held_out: np.ndarray, tmp_path: Path
) -> None:
    assert contract.check(exported) == []
    image = held_out[:4]
    np.savez(tmp_path / "given.npz", seed=np.arange(7, 11), image=image)
    arguments = (exported, tmp_path / "given.npz", tmp_path / "answers.npz")
    run = subprocess.run(
        [sys.executable, "-c", STOCK_USER, *map(str, arguments)], check=True, capture_output=True, text=True
    )
    assert run.stdout == "refused\n"
    answers = np.load(tmp_path / "answers.npz")
    np.testing.assert_array_equal(answers["sample"], trained.sample(4, seed=7))
    np.testing.assert_array_equal(answers["codes"], trained.encode(image))
    np.testing.assert_array_equal(answers["decoded"], trained.decode(answers["codes"]))
    for name, values in trained.score(image).items():
        np.testing.assert_allclose(answers[name], values, rtol=1e-5)


def test_the_server_draws_encodes_decodes_and_scores(
    trained: VQVAE, exported: Path, held_out: np.ndarray
) -> None:
    image = held_out[:3]
    with local_server(exported.parents[1]) as target, Client(target, encoding="raw") as client:
        drawn = client.sample("digits_vqvae", 3, seed=7).images
        codes = client.encode("digits_vqvae", image)
        decoded = client.decode("digits_vqvae", codes)
        scores = client.score("digits_vqvae", image)
    np.testing.assert_array_equal(drawn, trained.sample(3, seed=7))
    np.testing.assert_array_equal(codes, trained.encode(image))
    np.testing.assert_array_equal(decoded, trained.decode(codes))
    np.testing.assert_allclose(scores["bits_per_dim"], trained.score(image)["bits_per_dim"], rtol=1e-4)
