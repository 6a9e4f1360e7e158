"""The DDPM: it learns, its bound is a bound of its parts, and its mistakes of record are not made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

import zoo
from zoo import diffusion
from zoo.families.ddpm import DDPM, to_levels, to_network_range

# --- learning -------------------------------------------------------------------------------------------------


def test_it_learns_the_likelihood(trained_ddpm: Any) -> None:
    """Untrained it scores 7.9 bits/dim; a model that knows only each level's frequency is at 2.9, ignoring the 17-level
    grid costs 3.9 more. Trained, it must have left uniform noise (8) and a lone normal per pixel far behind.
    """
    score = trained_ddpm.model.score(trained_ddpm.image[:100], trained_ddpm.label[:100])
    assert score["bits_per_dim"].mean() < 4.4
    assert trained_ddpm.losses[-1] < 0.6 * trained_ddpm.losses[0]


def test_it_draws_the_digit_that_it_is_asked_for(trained_ddpm: Any) -> None:
    train_image, train_label = zoo.data.load("digits").arrays("train")[:2]
    judge = LogisticRegression(max_iter=200).fit(
        train_image.reshape(len(train_image), -1) / 255.0, train_label
    )
    label = np.arange(60) % 10
    right = {}
    for guidance in (1.0, 2.0):
        image = trained_ddpm.model.sample(
            60, seed=1, label=label, sampler="dpm_solver_pp_2m", steps=10, guidance=guidance
        )
        right[guidance] = judge.score(image.reshape(60, -1) / 255.0, label)
    # Labels that did not reach the network would give 0.1.
    assert right[1.0] > 0.25
    assert right[2.0] > 0.35


def test_scoring_with_the_wrong_label_costs_bits(trained_ddpm: Any) -> None:
    image, label = trained_ddpm.image[:100], trained_ddpm.label[:100]
    right = trained_ddpm.model.score(image, label, timesteps=32)["bits_per_dim"].mean()
    wrong = trained_ddpm.model.score(image, (label + 5) % 10, timesteps=32)["bits_per_dim"].mean()
    assert right < wrong


# --- the bound ------------------------------------------------------------------------------------------------


def test_the_bound_is_the_sum_of_its_terms(trained_ddpm: Any) -> None:
    score = trained_ddpm.model.score(trained_ddpm.image[:8], trained_ddpm.label[:8])
    parts = score["prior_bits_per_dim"] + score["diffusion_bits_per_dim"] + score["decoder_bits_per_dim"]
    np.testing.assert_allclose(score["bits_per_dim"], parts, rtol=1e-6)


def test_the_stratified_estimate_agrees_with_all_terms(trained_ddpm: Any) -> None:
    image, label = trained_ddpm.image[:64], trained_ddpm.label[:64]
    every = trained_ddpm.model.score(image, label, timesteps=99)["bits_per_dim"]
    few = np.stack(
        [
            trained_ddpm.model.score(image, label, seed=s * 1000, timesteps=16)["bits_per_dim"]
            for s in range(4)
        ]
    )
    error = few.mean(1).std(ddof=1) / 2
    assert abs(few.mean() - every.mean()) < 4 * error + 0.02


def test_evaluating_all_terms_meets_every_timestep_once(make_ddpm: Callable[..., DDPM]) -> None:
    """With one draw for each of T - 1 strata, the sum of weights one a timestep must be T - 1, whatever the seed."""
    model = make_ddpm(timesteps=20)
    seen: list[np.ndarray] = []
    rates = model.schedule.rates

    class Spy(type(model.schedule)):
        def rates(self, t: Any) -> tuple[tf.Tensor, tf.Tensor]:
            seen.append(np.atleast_1d(t))
            return rates(t)

    model.schedule = Spy("spy", model.schedule.log_snr)
    state = model._score_begin(
        image=tf.zeros((1, 8, 8, 1), tf.uint8),
        label=tf.constant([-1]),
        seed=tf.constant([5], tf.int64),
        timesteps=tf.constant([19]),
    )
    used: list[float] = []
    while int(state["step"][0]) < int(state["steps"][0]):
        seen.clear()
        step = int(state["step"][0])
        state = model._score_advance(**state)
        if step:
            used += list(seen[0][: min(4, 19 - 4 * (step - 1))])
    assert sorted(used) == list(range(2, 21))


def test_the_training_metric_is_an_unbiased_draw_of_the_bound(trained_ddpm: Any) -> None:
    model, n = trained_ddpm.model, 200
    image, label = trained_ddpm.image[:n], trained_ddpm.label[:n]
    batch = {
        "image": tf.constant(image),
        "label": tf.constant(label, tf.int32),
        "seed": tf.range(n, dtype=tf.int64),
    }
    drawn = model.terms(batch, training=False)["bits_per_dim"].numpy()
    scored = model.score(image, label, timesteps=99)["bits_per_dim"]
    assert abs(drawn.mean() - scored.mean()) < 4 * drawn.std(ddof=1) / np.sqrt(n)


def test_the_bound_loss_is_the_simple_loss_weighted_as_in_the_paper(make_ddpm: Callable[..., DDPM]) -> None:
    """DDPM eq. 12: with the small variance the weight is T / 2 * (exp(log_snr_{t-1} - log_snr_t) - 1)."""
    simple = make_ddpm(loss="simple", prediction="noise")
    weighted = DDPM.from_config({**simple.get_config(), "loss": "bound"})
    weighted.network.set_weights(simple.network.get_weights())
    rng = np.random.default_rng(0)
    batch = {
        "image": tf.constant(rng.integers(110, 140, (64, 8, 8, 1)), tf.uint8),
        "label": tf.fill([64], -1),
        "seed": tf.range(64, dtype=tf.int64),
    }
    one, two = simple.terms(batch, training=True)["loss"], weighted.terms(batch, training=True)["loss"]
    t = 1 + (zoo.randomness.item_stratum(batch["seed"]).numpy() * 100).astype(int)
    inner = (t > 1) & (t < 40)  # Where the clip of x_0 to the range of images does not bite.
    log_snr = simple.schedule.log_snr
    weight = 100 * 0.5 * np.expm1(log_snr[t[inner] - 2] - log_snr[t[inner] - 1]) / np.log(2)
    np.testing.assert_allclose(two.numpy()[inner], weight * one.numpy()[inner], rtol=0.02, atol=0.02)


# --- sampling -------------------------------------------------------------------------------------------------


def test_same_seed_same_image_another_seed_or_label_another(trained_ddpm: Any) -> None:
    def draw(seed: int, label: int) -> np.ndarray:
        return trained_ddpm.model.sample(2, seed=seed, label=label, steps=8)

    np.testing.assert_array_equal(draw(0, 3), draw(0, 3))
    assert (draw(0, 3) != draw(7, 3)).any()
    assert (draw(0, 3) != draw(0, 4)).any()
    np.testing.assert_array_equal(draw(0, 3)[1:], draw(1, 3)[:1])


def test_items_with_their_own_options_share_a_batch(trained_ddpm: Any) -> None:
    samplers, steps, guidance = (
        ["ddpm", "ddim", "dpm_solver_pp_2m", "ddim"],
        [12, 5, 8, 3],
        [1.0, 3.0, 1.0, 1.0],
    )
    together = trained_ddpm.model.sample(
        4, seed=0, label=[0, 1, 2, 3], sampler=samplers, steps=steps, guidance=guidance
    )
    for i in range(4):
        alone = trained_ddpm.model.sample(
            4, seed=i, label=i, sampler=samplers[i], steps=steps[i], guidance=guidance[i]
        )[0]
        assert np.abs(together[i].astype(int) - alone.astype(int)).max() <= 1


def test_unlabelled_and_guided_and_plain_predictions_differ(trained_ddpm: Any) -> None:
    model = trained_ddpm.model
    plain, free = model.sample(4, seed=3, label=8, steps=6), model.sample(4, seed=3, steps=6)
    assert (plain != free).any()
    np.testing.assert_array_equal(model.sample(4, seed=3, label=8, steps=6, guidance=0.0), free)


# --- mistakes of record ---------------------------------------------------------------------------------------


def test_the_average_forgets_the_initial_weights(make_ddpm: Callable[..., DDPM], trained_ddpm: Any) -> None:
    """Early EMA weights are noise: with a fixed decay of 0.9999 the twin would still be its initial self here."""
    model = make_ddpm(ema_decay=0.9999)
    model.compile()
    start = [weight.numpy() for weight in model.ema_network.weights]
    model.fit(zoo.data.load("digits").train(64, epochs=1), steps_per_epoch=20, epochs=1, verbose=0)
    moved = sum(
        float(np.abs(a - b.numpy()).sum()) for a, b in zip(start, model.ema_network.weights, strict=True)
    )
    live = sum(float(np.abs(a - b.numpy()).sum()) for a, b in zip(start, model.network.weights, strict=True))
    assert moved > 0.3 * live


def test_sampling_uses_the_average_and_not_the_live_weights(
    make_ddpm: Callable[..., DDPM], trained_ddpm: Any
) -> None:
    model = make_ddpm()
    model.network.set_weights([weight + 1.0 for weight in model.network.get_weights()])
    before = model.sample(1, seed=0, label=1, steps=3)
    model.ema_network.set_weights(trained_ddpm.model.ema_network.get_weights())
    np.testing.assert_array_equal(
        model.sample(1, seed=0, label=1, steps=3), trained_ddpm.model.sample(1, seed=0, label=1, steps=3)
    )
    assert (before != model.sample(1, seed=0, label=1, steps=3)).any()


def test_labels_are_hidden_from_some_items_in_training_only(make_ddpm: Callable[..., DDPM]) -> None:
    model = make_ddpm(label_dropout=1.0)
    image = tf.fill((4, 8, 8, 1), tf.constant(90, tf.uint8))
    seed = tf.range(4, dtype=tf.int64)
    model.network.set_weights([np.full_like(weight, 0.01) for weight in model.network.get_weights()])
    embedding = next(weight for weight in model.network.weights if "class_embedding" in weight.path)
    embedding.assign(np.arange(11)[:, None] * np.ones_like(embedding.numpy()))
    model.ema_network.set_weights(model.network.get_weights())

    def loss(label: int, training: bool) -> np.ndarray:
        return model.terms({"image": image, "label": tf.fill([4], label), "seed": seed}, training)[
            "loss"
        ].numpy()

    np.testing.assert_array_equal(loss(1, True), loss(2, True))
    assert (loss(1, False) != loss(2, False)).any()


def test_repeated_widths_still_halve_the_resolution_and_channels_follow_the_data() -> None:
    model = DDPM(
        image_shape=(16, 16, 3), widths=(16, 16, 16), blocks=(1, 1, 1), attention=(False,) * 3, timesteps=10
    )
    shapes = {layer.output.shape[1:3] for layer in model.network.layers if layer.name.endswith("_conv2")}
    assert shapes == {(8, 8), (4, 4), (2, 2)}
    assert model.sample(1, steps=2).shape == (1, 16, 16, 3)


def test_pixels_survive_the_networks_range() -> None:
    levels = tf.range(256)
    np.testing.assert_array_equal(to_levels(to_network_range(tf.cast(levels, tf.uint8))), levels)
    assert float(to_network_range(tf.constant(255, tf.uint8))) == 1.0
    np.testing.assert_array_equal(to_levels(tf.constant([-7.0, 7.0])), [0, 255])


# --- wrong settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"schedule": "quadratic"},
            "schedule 'quadratic' is unknown; choose one of linear, cosine, log_snr_linear",
        ),
        ({"loss": "l1"}, "loss 'l1' is unknown"),
        ({"timesteps": 1}, "timesteps must be at least 2"),
        ({"label_dropout": 1.5}, "label_dropout must lie in 0 .. 1"),
        ({"image_shape": (9, 9, 1)}, "must be divisible by 4"),
        ({"blocks": (1,)}, "blocks has 1 entries for 2 widths"),
    ],
)
def test_wrong_settings_name_the_field_and_the_rule(
    make_ddpm: Callable[..., DDPM], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_ddpm(**settings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 101}, "steps must be a whole number from 2 to 100"),
        ({"sampler": "euler"}, "sampler must be one of ddpm, ddim, dpm_solver_pp_2m"),
        ({"guidance": -1.0}, r"guidance must lie in 0 .. 20"),
        ({"temperature": 1.0}, "sample has no option 'temperature'"),
        ({"label": 10}, "label must lie in -1 .. 9"),
        ({"seed": -1}, "seed must be a whole number in"),
    ],
)
def test_wrong_requests_name_the_field_and_the_rule(
    trained_ddpm: Any, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        trained_ddpm.model.sample(1, **options)


# --- files ----------------------------------------------------------------------------------------------------


def test_a_keras_file_holds_the_average_and_the_optimizer(trained_ddpm: Any, tmp_path: Path) -> None:
    trained_ddpm.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for saved, read in zip(trained_ddpm.model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(saved, read)
    for saved, read in zip(trained_ddpm.model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(saved, read)
    np.testing.assert_array_equal(
        loaded.sample(2, seed=5, label=1, steps=5), trained_ddpm.model.sample(2, seed=5, label=1, steps=5)
    )


SAMPLERS = ("ddpm", "ddim", "dpm_solver_pp_2m")


def test_translation_begins_as_far_back_as_its_strength(trained_ddpm: Any) -> None:
    model, image, label = trained_ddpm.model, trained_ddpm.image[:8], trained_ddpm.label[:8]
    np.testing.assert_array_equal(model.translate(image, label, strength=0.0), image)
    for sampler in SAMPLERS:
        whole = model.translate(image, label, seed=3, strength=1.0, steps=8, sampler=sampler)
        np.testing.assert_array_equal(whole, model.sample(8, seed=3, label=label, steps=8, sampler=sampler))

    def distance(strength: float) -> float:
        drawn = model.translate(image, label, seed=3, strength=strength, steps=20)
        return float(np.abs(drawn.astype(float) - image).mean())

    distances = [distance(strength) for strength in (0.2, 0.5, 0.8, 1.0)]
    assert distances == sorted(distances)
    assert distances[0] < 0.5 * distances[-1]


def test_a_strength_is_rounded_up_to_steps(trained_ddpm: Any) -> None:
    begin = trained_ddpm.model.capability("translate").signatures["translate_begin"]
    strength = np.array([0.0, 0.01, 0.5, 0.6, 1.0], np.float32)
    n = len(strength)
    state = begin(
        image=tf.constant(trained_ddpm.image[:n]),
        label=tf.fill([n], -1),
        seed=tf.range(n, dtype=tf.int64),
        strength=tf.constant(strength),
        mask=tf.fill([n, 8, 8, 1], tf.constant(255, tf.uint8)),
        sampler=tf.fill([n], diffusion.DDIM),
        steps=tf.fill([n], 50),
        eta=tf.zeros(n),
        guidance=tf.ones(n),
    )
    np.testing.assert_array_equal(state["steps"], [0, 1, 25, 30, 50])
    np.testing.assert_array_equal(state["first"], [50, 49, 25, 20, 0])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_inpainting_keeps_the_black_of_its_mask_and_forgets_the_white(
    trained_ddpm: Any, sampler: str
) -> None:
    model, image, label = trained_ddpm.model, trained_ddpm.image[:8], trained_ddpm.label[:8]
    mask = np.zeros((8, 8, 1), np.uint8)
    mask[4:] = 255
    painted = model.translate(image, label, seed=3, strength=1.0, mask=mask, steps=10, sampler=sampler)
    np.testing.assert_array_equal(painted[:, :4], image[:, :4])
    assert (painted[:, 4:] != image[:, 4:]).mean() > 0.2
    # What stood under the white leaves no trace, and what stands beside it does.
    inverted = np.where(mask >= 128, 255 - image, image).astype(np.uint8)
    again = model.translate(inverted, label, seed=3, strength=1.0, mask=mask, steps=10, sampler=sampler)
    np.testing.assert_array_equal(again, painted)
    other = model.translate(
        image[::-1].copy(), label, seed=3, strength=1.0, mask=mask, steps=10, sampler=sampler
    )
    assert (other[:, 4:] != painted[:, 4:]).any()


def test_inpainting_fits_what_is_around_it(trained_ddpm: Any) -> None:
    """Lower halves drawn under their own upper halves are likelier digits than under another's."""
    model, image, label = trained_ddpm.model, trained_ddpm.image[:64], trained_ddpm.label[:64]
    mask = np.zeros((8, 8, 1), np.uint8)
    mask[4:] = 255
    painted = model.translate(image, label, seed=5, strength=1.0, mask=mask, steps=20, sampler="ddpm")
    shuffled = painted.copy()
    shuffled[:, 4:] = np.roll(painted[:, 4:], 1, axis=0)
    fits, not_ = (model.score(x, seed=1)["bits_per_dim"].mean() for x in (painted, shuffled))
    assert fits < not_
