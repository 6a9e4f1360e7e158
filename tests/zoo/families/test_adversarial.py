"""What all adversarial families share: the order of a step, what each update moves, and the mistakes of record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.families.adversarial import ConstantThenLinear
from zoo.families.dcgan import DCGAN

N = 16
MOMENTUM = 0.9


def tiny(**changes: Any) -> DCGAN:
    """A DCGAN for 8x8 images with a BatchNorm in each network, untrained, with weights of its own seed."""
    keras.utils.set_random_seed(0)
    return DCGAN(
        **{"image_shape": (8, 8, 1), "widths": (16, 8), "latent_size": 12, "learning_rate": 1e-3, **changes}
    )


@pytest.fixture(scope="module")
def digits() -> Any:
    return zoo.data.load("digits")


@pytest.fixture(scope="module")
def batch(digits: Any) -> dict[str, Any]:
    image, label = digits.arrays("train")[:2]
    return {
        "image": tf.constant(image[:N]),
        "label": tf.constant(label[:N], tf.int32),
        "seed": tf.range(100, 100 + N, dtype=tf.int64),
    }


def norms(network: keras.Model) -> list[keras.layers.BatchNormalization]:
    return [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]


def state(network: keras.Model) -> list[np.ndarray]:
    return [weight.numpy() for weight in network.non_trainable_weights]


def weights(network: keras.Model) -> list[np.ndarray]:
    return [weight.numpy() for weight in network.trainable_weights]


def differs(before: list[np.ndarray], after: list[np.ndarray]) -> bool:
    return any((one != two).any() for one, two in zip(before, after, strict=True))


# --- real and generated images --------------------------------------------------------------------------------


def test_what_it_says_of_real_images_does_not_depend_on_the_generated_ones(batch: dict[str, Any]) -> None:
    """In one BatchNorm batch with them it would: the statistics are shared, and give the real ones away."""
    model = tiny()
    real = zoo.likelihoods.scale_pixels(batch["image"])
    said = [
        model.contest({**batch, "update": 1}, real, fake, training=True)[1].numpy()
        for fake in (-tf.ones_like(real), tf.ones_like(real))
    ]
    np.testing.assert_array_equal(said[0], said[1])


def test_the_discriminators_statistics_are_those_of_the_real_images(batch: dict[str, Any]) -> None:
    """One step moves them once, by the real batch: not by the generated images, and not again in G's update."""
    model = tiny()
    model.compile()
    (norm,) = norms(model.discriminator)
    before = keras.Model(model.discriminator.inputs, norm.input)
    seen = before(zoo.likelihoods.scale_pixels(batch["image"])).numpy()
    model.train_step(batch)
    np.testing.assert_allclose(
        norm.moving_mean.numpy(), (1 - MOMENTUM) * seen.mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        norm.moving_variance.numpy(),
        MOMENTUM + (1 - MOMENTUM) * seen.var(axis=(0, 1, 2)),
        rtol=1e-4,
        atol=1e-6,
    )


def test_the_generators_statistics_move_once_a_step(batch: dict[str, Any]) -> None:
    """By its own update: the images that it makes for the discriminator's leave no trace."""
    model = tiny(discriminator_steps=3)
    model.compile()
    first = norms(model.network)[0]
    before = keras.Model(model.network.inputs, first.input)
    seen = before(model.latent({**batch, "update": 0})).numpy()
    model.train_step(batch)
    np.testing.assert_allclose(
        first.moving_mean.numpy(), (1 - MOMENTUM) * seen.mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-6
    )


def test_only_the_real_images_turn_the_spectral_vectors(batch: dict[str, Any]) -> None:
    model = tiny(spectral_norm=True, discriminator_normalisation="none")
    image = zoo.likelihoods.scale_pixels(batch["image"])
    before = state(model.discriminator)
    model.judge(image, training=True)
    assert not differs(before, state(model.discriminator))
    model.judge(image, training=True, real=True)
    assert differs(before, state(model.discriminator))


# --- whose update it is ---------------------------------------------------------------------------------------


def test_each_update_moves_its_own_network_towards_its_own_end(batch: dict[str, Any]) -> None:
    """The discriminator parts real from generated; the generator then raises what is said of its images."""
    model = tiny()
    gaps, said = [], []

    def look() -> None:
        z = model.latent({**batch, "update": 0})
        fake = model.imitate(z, training=True)
        real = zoo.likelihoods.scale_pixels(batch["image"])
        on_real, on_fake = (float(tf.reduce_mean(model.judge(x, training=True))) for x in (real, fake))
        gaps.append(on_real - on_fake)
        said.append(on_fake)

    still = keras.optimizers.SGD(0.0)
    model.compile(still, keras.optimizers.SGD(0.02))
    generator = weights(model.network)
    look()
    for _ in range(5):
        model.train_step(batch)
    look()
    assert gaps[1] > gaps[0] + 0.01
    assert not differs(generator, weights(model.network))

    model.compile(keras.optimizers.SGD(0.02), keras.optimizers.SGD(0.0))
    discriminator = weights(model.discriminator)
    for _ in range(5):
        model.train_step(batch)
    look()
    assert said[2] > said[1] + 0.01
    assert not differs(discriminator, weights(model.discriminator))


def test_every_update_draws_its_own_noise(batch: dict[str, Any]) -> None:
    model = tiny(discriminator_steps=3)
    model.compile()
    drawn: list[np.ndarray] = []
    latent = model.latent

    def watched(batch: dict[str, Any]) -> Any:
        z = latent(batch)
        drawn.append(z.numpy())
        return z

    model.latent = watched
    model.train_step(batch)
    assert len(drawn) == 4
    assert len({z.tobytes() for z in drawn}) == 4
    assert int(model.discriminator_optimizer.iterations.numpy()) == 3
    assert int(model.optimizer.iterations.numpy()) == 1


def test_without_discriminator_updates_only_the_generator_learns(batch: dict[str, Any]) -> None:
    model = tiny(discriminator_steps=0)
    model.compile()
    generator, discriminator = weights(model.network), model.discriminator.get_weights()
    assert set(model.train_step(batch)) == {"generator_loss"}
    assert differs(generator, weights(model.network))
    assert not differs(discriminator, model.discriminator.get_weights())


# --- penalties and augmentation -------------------------------------------------------------------------------


def loss_of(model: DCGAN, batch: dict[str, Any], real: Any, fake: Any) -> np.ndarray:
    return model.contest({**batch, "update": 1}, real, fake, training=True)[0].numpy()


def test_r1_is_half_the_squared_gradient_on_each_real_image(batch: dict[str, Any]) -> None:
    """Against finite differences of the discriminator itself, one pixel at a time."""
    plain, penalised = (tiny(discriminator_normalisation="none", r1=r1) for r1 in (0.0, 3.0))
    real = zoo.likelihoods.scale_pixels(batch["image"][:2])
    some = {**batch, "seed": batch["seed"][:2]}
    got = loss_of(penalised, some, real, -real) - loss_of(plain, some, real, -real)
    steps = tf.reshape(tf.eye(64), [64, 8, 8, 1]) * 1e-3
    for item, penalty in enumerate(got):
        higher, lower = (plain.judge(real[item][None] + sign * steps, training=True) for sign in (1, -1))
        gradient = (higher - lower).numpy() / 2e-3
        np.testing.assert_allclose(penalty, 3.0 / 2 * (gradient**2).sum(), rtol=0.02)


def test_the_gradient_penalty_is_taken_between_the_images(batch: dict[str, Any]) -> None:
    plain, penalised = (
        tiny(discriminator_normalisation="none", adversarial_loss="wasserstein", gradient_penalty=weight)
        for weight in (0.0, 10.0)
    )
    real = zoo.likelihoods.scale_pixels(batch["image"])
    # Where both ends are one image, so is all between them, and the gradient is that at the real images.
    got = loss_of(penalised, batch, real, real) - loss_of(plain, batch, real, real)
    with tf.GradientTape() as tape:
        tape.watch(real)
        total = tf.reduce_sum(plain.judge(real, training=True))
    norm = np.sqrt((tape.gradient(total, real).numpy() ** 2).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(got, 10.0 * (norm - 1) ** 2, rtol=1e-3)
    # A far end changes it.
    assert (loss_of(penalised, batch, real, -real) - loss_of(plain, batch, real, -real) != got).any()


def test_a_map_of_logits_is_penalised_as_its_mean(batch: dict[str, Any]) -> None:
    """As it counts in the losses: else a larger image would be penalised by the square of its patches."""
    model = tiny(discriminator_normalisation="none", r1=1.0)
    single = model.judge
    real = zoo.likelihoods.scale_pixels(batch["image"])
    expected = loss_of(model, batch, real, -real)
    model.judge = lambda *inputs, **how: tf.tile(single(*inputs, **how)[:, None, None], [1, 3, 5])
    np.testing.assert_allclose(loss_of(model, batch, real, -real), expected, rtol=1e-4)


def test_a_penalty_on_each_image_refuses_a_norm_over_the_batch() -> None:
    for penalty in ({"r1": 1.0}, {"gradient_penalty": 1.0}):
        with pytest.raises(ValueError, match='set discriminator_normalisation to "none"'):
            tiny(**penalty)


def test_all_that_the_discriminator_sees_is_augmented_alike(batch: dict[str, Any]) -> None:
    """With real and generated images the same, the two halves of the critic's loss cancel only if it is."""
    model = tiny(
        adversarial_loss="wasserstein",
        augmentation="brightness, translation, cutout",
        discriminator_normalisation="none",
    )
    real = zoo.likelihoods.scale_pixels(batch["image"])
    np.testing.assert_allclose(loss_of(model, batch, real, real), 0.0, atol=1e-6)
    seen = model.augment(real, {**batch, "update": 1}).numpy()
    assert (seen != real.numpy()).any()
    assert (seen != model.augment(real, {**batch, "update": 0}).numpy()).any()


@pytest.mark.parametrize(
    ("loss", "undecided"),
    [("non_saturating", 0.0), ("hinge", 0.0), ("least_squares", 0.5), ("wasserstein", None)],
)
def test_a_score_above_0_takes_the_image_for_a_real_one(
    batch: dict[str, Any], loss: str, undecided: float | None
) -> None:
    model = tiny(adversarial_loss=loss)
    image = batch["image"].numpy()
    said = model.judge(zoo.likelihoods.scale_pixels(batch["image"]), training=False)
    np.testing.assert_allclose(model.score(image)["logit"], said - (undecided or 0.0), atol=1e-5)
    [score] = [one for one in model.capability("score").scores if one.name == "logit"]
    assert ("above 0" in score.description) == (undecided is not None)


# --- saving, averages, rates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_a_saved_model_goes_on_as_if_it_had_never_stopped(dtype: str, tmp_path: Path, digits: Any) -> None:
    """Both networks, both averages and both optimizers with their schedules are in the file."""
    model = tiny(discriminator_learning_rate=2e-3, dtype=dtype)
    model.compile_for(1e-3, 20)
    for optimizer in (model.optimizer, model.discriminator_optimizer):
        # In half precision small gradients are zero unless the loss is scaled up.
        assert (float(optimizer.scale_loss(1.0)) > 1.0) == (dtype == "mixed_float16")
    model.fit(digits.train(N, seed=0).take(4), shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    for one in (model, loaded):
        one.fit(digits.train(N, seed=0, start_step=4).take(4), shuffle=False, verbose=0)
    for name in ("optimizer", "discriminator_optimizer"):
        kept, restored = (getattr(one, name).variables for one in (model, loaded))
        assert len(kept) > 10
        for variable, other in zip(kept, restored, strict=True):
            np.testing.assert_array_equal(variable.numpy(), other.numpy(), err_msg=variable.path)
    for variable, other in zip(model.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), other.numpy(), err_msg=variable.path)


def test_both_networks_have_an_average_and_only_the_live_ones_are_trained(batch: dict[str, Any]) -> None:
    model = tiny()
    model.compile()
    model.train_step(batch)
    for live, average in model.twins:
        assert not average.trainable_weights
        assert differs(live.get_weights(), average.get_weights())
    trained = len(model.network.trainable_weights) + len(model.discriminator.trainable_weights)
    assert len(model.trainable_variables) == trained
    assert model.served_networks == (model.ema_network, model.ema_discriminator)


def test_constant_then_linear_by_hand() -> None:
    rate = ConstantThenLinear(2.0, total_steps=100)
    got = [float(rate(step)) for step in (0, 49, 50, 75, 99, 100, 500)]
    np.testing.assert_allclose(got, [2.0, 2.0, 2.0, 1.0, 0.04, 0.0, 0.0], atol=1e-6)
    assert ConstantThenLinear(**rate.get_config()).get_config() == rate.get_config()


def test_the_discriminator_has_its_own_rate_and_counts_its_own_steps() -> None:
    model = tiny(discriminator_learning_rate=4e-3, discriminator_steps=5)
    model.compile_for(1e-3, 100)
    rates = [
        optimizer.get_config()["learning_rate"]["config"]
        for optimizer in (model.optimizer, model.discriminator_optimizer)
    ]
    assert rates == [{"rate": 1e-3, "total_steps": 100}, {"rate": 4e-3, "total_steps": 500}]
    assert model.optimizer.beta_1 == model.discriminator_optimizer.beta_1 == 0.5
    assert model.optimizer.global_clipnorm is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"adversarial_loss": "quadratic"},
            "adversarial_loss 'quadratic' is unknown; there are non_saturating",
        ),
        ({"augmentation": "translation,flip"}, "augmentation 'flip' is unknown; there are brightness"),
        ({"discriminator_learning_rate": 0.0}, "discriminator_learning_rate must be above 0; got 0.0"),
        ({"r1": -1.0}, "must be at least 0; got -1.0"),
        ({"discriminator_steps": -1}, r"discriminator_steps must lie in 0 \.\. 100; got -1"),
    ],
)
def test_wrong_settings_name_the_rule(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**changes)


# --- replicas -------------------------------------------------------------------------------------------------

GAME = """
from zoo.families.conditional_gan import ConditionalGAN

model = ConditionalGAN(
    image_shape=(8, 8, 1), widths=(16, 8), latent_size=12, spectral_norm=True, augmentation="translation,brightness"
)
model.compile(keras.optimizers.SGD(0.02), keras.optimizers.SGD(0.02))
batches = zoo.data.load("digits").train(32, seed=0).take(3)
"""


def test_two_replicas_train_like_one(replica_results: Callable[[str], Any]) -> None:
    """Losses of the global batch, statistics of the global batch, noise of the item; and the copies do not part."""
    one, two = replica_results(GAME)
    two.assert_like(one, rtol=1e-4)
