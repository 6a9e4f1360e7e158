"""What the CycleGAN minimises, on which images, with which optimizers: the mistakes of record are not made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.families.cyclegan import CycleGAN


def tiny(**changes: Any) -> CycleGAN:
    """As small as it gets: what is tested with it is the arithmetic."""
    settings: dict[str, Any] = {
        "image_shape": (8, 8, 1),
        "widths": (8,),
        "blocks": 1,
        "patch": 2,
        "end_kernel": 3,
        "discriminator_widths": (4, 8),
        "pool_size": 6,
    }
    return CycleGAN(**{**settings, **changes})


def batch_of(n: int = 6, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    image, target = (tf.constant(rng.integers(0, 256, (n, 8, 8, 1), np.uint8)) for _ in range(2))
    return {"image": image, "target": target, "seed": tf.range(seed, seed + n, dtype=tf.int64), "update": 0}


def scaled(image: tf.Tensor) -> tf.Tensor:
    return tf.cast(image, tf.float32) / 127.5 - 1.0


def mean(x: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(x, axis=(1, 2, 3))


# --- the losses -----------------------------------------------------------------------------------------------


def whole_objective(model: CycleGAN, batch: dict[str, Any]) -> tf.Tensor:
    """Equation 3 with the identity of section 5.2, written out for each of its networks."""
    to_b, to_a, of_a, of_b = model.network.a, model.network.b, model.discriminator.a, model.discriminator.b
    a, b = scaled(batch["image"]), scaled(batch["target"])
    adversarial = mean((of_b(to_b(a)) - 1) ** 2) + mean((of_a(to_a(b)) - 1) ** 2)
    cycle = mean(tf.abs(to_a(to_b(a)) - a)) + mean(tf.abs(to_b(to_a(b)) - b))
    identity = mean(tf.abs(to_b(b) - b)) + mean(tf.abs(to_a(a) - a))
    return adversarial + 10.0 * (cycle + 0.5 * identity)


def gradient_of(model: CycleGAN, loss: Callable[[], tf.Tensor]) -> np.ndarray:
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(loss())
    gradients = tape.gradient(value, model.network.trainable_variables)
    return np.concatenate([np.ravel(gradient) for gradient in gradients])


def test_the_generators_minimise_the_whole_objective() -> None:
    model, batch = tiny(), batch_of()
    terms = model.generator_terms(batch, training=True)
    np.testing.assert_allclose(terms["generator_loss"], whole_objective(model, batch), rtol=1e-5)
    to_b, to_a = model.network.a, model.network.b
    a, b = scaled(batch["image"]), scaled(batch["target"])
    there_and_back = mean(tf.abs(to_a(to_b(a)) - a)) + mean(tf.abs(to_b(to_a(b)) - b))
    # The mean of both ways, as a share of the range, which is 2.
    np.testing.assert_allclose(terms["cycle_error"], there_and_back / 4, rtol=1e-5)
    assert all(term.shape == (6,) and term.dtype == tf.float32 for term in terms.values())


def test_each_generator_gets_the_gradient_of_both_cycles() -> None:
    """G makes the image of one cycle and closes the other. A known example gives it one of the two only."""
    model, batch = tiny(), batch_of()
    to_b, to_a = model.network.a, model.network.b
    a = scaled(batch["image"])

    def forgotten() -> tf.Tensor:
        """What that example leaves out of G's loss: G's share of |F(G(a)) - a|."""
        return mean(tf.abs(to_a(to_b(a)) - a))

    full = gradient_of(model, lambda: whole_objective(model, batch))
    found = gradient_of(model, lambda: model.generator_terms(batch, training=True)["generator_loss"])
    np.testing.assert_allclose(found, full, rtol=1e-3, atol=1e-5 * np.abs(full).max())
    in_g = sum(int(np.prod(variable.shape)) for variable in to_b.trainable_variables)
    missing = 10.0 * gradient_of(model, forgotten)[:in_g]
    assert np.linalg.norm(missing) > 0.1 * np.linalg.norm(full[:in_g])


def test_the_identity_is_weighed_by_half_the_cycle_and_can_be_left_out() -> None:
    model, batch = tiny(), batch_of()
    without = tiny(identity_weight=0.0)
    without.set_weights(model.get_weights())
    terms, fewer = (m.generator_terms(batch, training=True) for m in (model, without))
    a, b = scaled(batch["image"]), scaled(batch["target"])
    identity = mean(tf.abs(model.network.a(b) - b)) + mean(tf.abs(model.network.b(a) - a))
    np.testing.assert_allclose(terms["generator_loss"] - fewer["generator_loss"], 5.0 * identity, rtol=1e-4)
    np.testing.assert_allclose(terms["identity_error"], identity / 4, rtol=1e-5)
    assert "identity_error" not in fewer


def test_the_discriminators_see_the_pool() -> None:
    """Half of the fakes come from earlier steps; the loss is half of the squares (section 4 and the authors' code)."""
    model, real = tiny(pool_size=6), batch_of()
    of_a, of_b = model.discriminator.a, model.discriminator.b
    a, b = scaled(real["image"]), scaled(real["target"])
    fresh = [model.network.b(b).numpy(), model.network.a(a).numpy()]

    def loss_with(fake_a: np.ndarray, fake_b: np.ndarray) -> tf.Tensor:
        whole = mean((of_a(a) - 1) ** 2) + mean(of_a(fake_a) ** 2)
        return 0.5 * (whole + mean((of_b(b) - 1) ** 2) + mean(of_b(fake_b) ** 2))

    first = model.discriminator_terms({**real, "update": 1}, training=True)["discriminator_loss"]
    np.testing.assert_allclose(first, loss_with(*fresh), rtol=1e-4)  # an empty pool gives back what it gets
    np.testing.assert_allclose(model.pool_a.images, fresh[0], atol=1e-6)
    np.testing.assert_allclose(model.pool_b.images, fresh[1], atol=1e-6)
    old = [np.random.default_rng(k).uniform(-1, 1, fresh[0].shape).astype(np.float32) for k in (1, 2)]
    model.pool_a.images.assign(old[0])
    model.pool_b.images.assign(old[1])
    second = model.discriminator_terms({**real, "update": 1}, training=True)["discriminator_loss"]
    assert (np.abs(second - first) > 1e-5).any()
    kept = model.pool_a.images.numpy()
    replaced = (kept != old[0]).any(axis=(1, 2, 3))
    assert 0 < replaced.sum() < 6
    for image in kept[replaced]:
        assert np.abs(fresh[0] - image).reshape(6, -1).max(axis=1).min() < 1e-6
    # Evaluation leaves the pool alone.
    model.discriminator_terms({**real, "update": 1}, training=False)
    np.testing.assert_array_equal(model.pool_a.images, kept)


def test_an_item_does_not_depend_on_its_neighbours() -> None:
    model, batch = tiny(pool_size=0, cycle_noise=2.0, flip=True), batch_of(8)
    part = {name: value if name == "update" else value[2:5] for name, value in batch.items()}
    for terms in (model.generator_terms, model.discriminator_terms):
        whole, alone = terms(batch, training=True), terms(part, training=True)
        for name, values in alone.items():
            np.testing.assert_allclose(values, whole[name][2:5], rtol=1e-4, atol=1e-6, err_msg=name)


class Unchanging(CycleGAN):
    """Its translation is the image itself, so that what happens on the way back is all there is to see."""

    def generate(self, *inputs: Any, training: bool) -> Any:
        return inputs[0]


def test_the_way_back_is_noised_by_so_many_levels() -> None:
    settings = {"image_shape": (8, 8, 1), "widths": (4,), "blocks": 0, "end_kernel": 3, "patch": 2}
    model = Unchanging(**settings, discriminator_widths=(4,), cycle_noise=2.0)
    error = model.generator_terms(batch_of(64), training=True)["cycle_error"].numpy()
    # Of normal noise the mean distance from 0 is sqrt(2 / pi) standard deviations.
    assert error.mean() == pytest.approx(2.0 / 255 * np.sqrt(2 / np.pi), rel=0.03)
    assert len(set(error.tolist())) == 64
    other = model.generator_terms(batch_of(64, seed=1), training=True)["cycle_error"].numpy()
    np.testing.assert_allclose(other[:-1], error[1:], rtol=1e-5)  # the noise is the seed's
    quiet = Unchanging(**settings, discriminator_widths=(4,))
    assert quiet.generator_terms(batch_of(4), training=True)["cycle_error"].numpy().max() < 1e-6


def test_images_are_mirrored_anew_each_time_they_come() -> None:
    """A known example caches its augmented images, which freezes the draws of the first epoch."""
    model, batch = tiny(flip=True), batch_of(64)
    plain = tf.concat([scaled(batch["image"]), scaled(batch["target"])], axis=0).numpy()

    def mirrored(seed: int) -> np.ndarray:
        seeds = {"seed": tf.range(seed, seed + 64, dtype=tf.int64)}
        found = model._domains({**batch, **seeds}, training=True).numpy()
        flipped = (found == plain[:, :, ::-1]).all(axis=(1, 2, 3))
        np.testing.assert_array_equal(found[~flipped], plain[~flipped])
        return flipped

    first, later = mirrored(0), mirrored(64)
    assert 40 < first.sum() < 88
    assert 32 < (first != later).sum() < 96
    assert (first[:64] != first[64:]).any()  # the two domains have draws of their own
    np.testing.assert_array_equal(model._domains(batch, training=False), plain)


# --- training -------------------------------------------------------------------------------------------------


def test_one_optimizer_moves_both_generators_and_one_both_discriminators() -> None:
    model = tiny()
    model.compile_for(1e-3, 100)
    pairs = ((model.network, model.optimizer), (model.discriminator, model.discriminator_optimizer))
    before = [[v.numpy() for v in net.trainable_variables] for pair, _ in pairs for net in (pair.a, pair.b)]
    batch = batch_of()
    model.train_step({name: batch[name] for name in ("image", "target", "seed")})
    after = [[v.numpy() for v in net.trainable_variables] for pair, _ in pairs for net in (pair.a, pair.b)]
    for start, end in zip(before, after, strict=True):
        assert any((x != y).any() for x, y in zip(start, end, strict=True))
    for pair, optimizer in pairs:
        assert (optimizer.beta_1, int(optimizer.iterations.numpy())) == (0.5, 1)
        assert len(pair.a.trainable_variables) == len(pair.b.trainable_variables) > 0
        # Constant over the first half of the steps, then linear to zero.
        rates = [float(optimizer._learning_rate(step)) for step in (0, 50, 75, 100)]
        np.testing.assert_allclose(rates, [1e-3, 1e-3, 5e-4, 0.0], atol=1e-9)


def test_fit_takes_pairs_of_images_and_refuses_one_domain() -> None:
    model = tiny(identity_weight=0.0)
    model.compile(run_eagerly=True)
    a, b = (batch_of(16)[name].numpy() for name in ("image", "target"))
    history = model.fit(a, b, batch_size=8, verbose=0).history
    assert history.keys() == {"discriminator_loss", "generator_loss", "cycle_error"}
    assert model.evaluate(a, b, batch_size=8, verbose=0, return_dict=True).keys() == history.keys()
    with pytest.raises(ValueError, match=r"this data has one: open it with zoo.data.load\(source, domain_a="):
        model.train_step({"image": a})
    with pytest.raises(
        ValueError, match=r"domain B must be uint8 of the shape \(8, 8, 1\), got uint8 \(7, 8"
    ):
        model.train_step({"image": a, "target": b[:, 1:]})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_classes": 2}, "num_classes must be 0, got 2: a CycleGAN has domains, not classes"),
        ({"cycle_noise": -1.0}, "cycle_noise must be at least 0; got -1.0"),
        ({"adversarial_loss": "l2"}, "adversarial_loss 'l2' is unknown"),
    ],
)
def test_wrong_settings_name_the_field_and_the_rule(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"adversarial_loss": "hinge", "spectral_norm": True, "augmentation": "translation,cutout"},
        {"adversarial_loss": "wasserstein", "gradient_penalty": 1.0, "discriminator_steps": 2},
        {"adversarial_loss": "non_saturating", "r1": 0.1, "dtype": "mixed_bfloat16"},
    ],
)
def test_any_game_of_the_zoo_can_be_played(settings: dict[str, Any]) -> None:
    model = tiny(**settings)
    model.compile()
    batch = batch_of()
    logs = model.train_step({name: batch[name] for name in ("image", "target", "seed")})
    assert all(np.isfinite(float(value)) for value in logs.values())


def test_a_penalty_is_each_domains_own() -> None:
    """R1 by hand: half of gamma times the squared gradient of each discriminator on its own real images."""
    batch = {**batch_of(), "update": 1}
    plain, punished = tiny(pool_size=0), tiny(pool_size=0, r1=0.3)
    punished.set_weights(plain.get_weights())
    loss, more = (
        model.discriminator_terms(batch, training=True)["discriminator_loss"] for model in (plain, punished)
    )
    expected = 0.0
    for image, network in ((batch["image"], plain.discriminator.a), (batch["target"], plain.discriminator.b)):
        x = scaled(image)
        with tf.GradientTape() as tape:
            tape.watch(x)
            logit = tf.reduce_sum(tf.reduce_mean(network(x), axis=(1, 2, 3)))  # a map counts with its mean
        expected += 0.15 * tf.reduce_sum(tape.gradient(logit, x) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(more - loss, expected, rtol=1e-3, atol=1e-6)


def all_numbers(model: CycleGAN) -> list[np.ndarray]:
    """Every variable: networks, averages and pools, and both optimizers with their moments."""
    variables = [*model.weights, *model.optimizer.variables, *model.discriminator_optimizer.variables]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def test_a_loaded_model_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """The pools are part of it: with empty ones, the discriminators would go on with other images."""
    model = tiny(cycle_noise=2.0)
    model.compile_for(1e-3, 8)

    def go_on(model: CycleGAN, steps: range) -> None:
        for step in steps:
            batch = batch_of(4, seed=4 * step)
            model.train_step({name: batch[name] for name in ("image", "target", "seed")})

    go_on(model, range(2))  # 8 images fill the pools of 6
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for other in (model, loaded):
        go_on(other, range(2, 4))
    assert int(loaded.pool_a.filled.numpy()) == 6
    for one, other in zip(all_numbers(model), all_numbers(loaded), strict=True):
        np.testing.assert_array_equal(one, other)
