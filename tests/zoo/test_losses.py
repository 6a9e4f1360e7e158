"""The adversarial losses: values worked out by hand, signs, and one number an item."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from zoo import losses

NAMES = ("non_saturating", "saturating", "least_squares", "wasserstein", "hinge")
LOGIT = np.log(3.0)  # a probability of 3/4


@pytest.mark.parametrize(
    ("name", "real", "fake", "generator"),
    [
        ("non_saturating", np.log(4 / 3), np.log(4.0), np.log(4 / 3)),
        ("saturating", np.log(4 / 3), np.log(4.0), -np.log(4.0)),
        ("least_squares", (LOGIT - 1) ** 2 / 2, LOGIT**2 / 2, (LOGIT - 1) ** 2 / 2),
        ("wasserstein", -LOGIT, LOGIT, -LOGIT),
        ("hinge", 0.0, 1 + LOGIT, -LOGIT),
    ],
)
def test_values_at_a_probability_of_three_quarters(
    name: str, real: float, fake: float, generator: float
) -> None:
    game, logit = losses.adversarial(name), tf.constant([LOGIT, LOGIT], tf.float32)
    for part, expected in ((game.real, real), (game.fake, fake), (game.generator, generator)):
        np.testing.assert_allclose(part(logit), [expected, expected], rtol=1e-6)


def test_at_the_equilibrium_the_cross_entropy_is_log_4() -> None:
    """Goodfellow et al. 2014, theorem 1: where D = 1/2 everywhere, the game's value is -log 4."""
    game, undecided = losses.adversarial("non_saturating"), tf.zeros([3])
    np.testing.assert_allclose(game.real(undecided) + game.fake(undecided), np.log(4.0), rtol=1e-6)


def slope(loss: Any, logit: float) -> float:
    x = tf.constant([logit])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(x)
    return float(tape.gradient(value, x)[0])


@pytest.mark.parametrize("name", NAMES)
def test_each_side_pulls_its_own_way(name: str) -> None:
    """D raises the logits of real images and lowers those of generated ones, and G raises them again."""
    game = losses.adversarial(name)
    assert slope(game.real, 0.5) < 0 < slope(game.fake, 0.5)
    assert slope(game.generator, 0.5) < 0


def test_only_the_saturating_generator_stops_learning_while_it_loses() -> None:
    assert abs(slope(losses.adversarial("saturating").generator, -10.0)) < 1e-4
    for name in ("non_saturating", "least_squares", "wasserstein", "hinge"):
        assert abs(slope(losses.adversarial(name).generator, -10.0)) > 0.5


def test_smoothing_moves_the_target_of_real_images_alone() -> None:
    sharp, smooth = (losses.adversarial("non_saturating", smoothing) for smoothing in (0.0, 0.1))
    logit = tf.constant([LOGIT])
    np.testing.assert_allclose(smooth.real(logit), [0.9 * np.log(4 / 3) + 0.1 * np.log(4.0)], rtol=1e-6)
    # Its minimum lies at a probability of 0.9.
    assert abs(slope(smooth.real, np.log(9.0))) < 1e-6
    np.testing.assert_array_equal(smooth.fake(logit), sharp.fake(logit))
    np.testing.assert_array_equal(smooth.generator(logit), sharp.generator(logit))
    squares = losses.adversarial("least_squares", 0.1)
    np.testing.assert_allclose(squares.real(tf.constant([0.9])), [0.0], atol=1e-7)


@pytest.mark.parametrize(
    ("name", "smoothing"), [*((name, 0.0) for name in NAMES), (NAMES[0], 0.2), (NAMES[2], 0.2)]
)
def test_an_undecided_discriminator_cannot_do_better(name: str, smoothing: float) -> None:
    """Where real and generated images are equally likely, it minimises the sum of both parts."""
    game = losses.adversarial(name, smoothing)
    if name == "wasserstein":
        assert game.undecided is None
    else:
        assert game.undecided is not None
        assert slope(game.real, game.undecided) + slope(game.fake, game.undecided) == pytest.approx(
            0.0, abs=1e-6
        )
        if name == "hinge":  # Between its margins anything does as well; nothing but 0 takes no side.
            assert game.undecided == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_a_map_of_logits_counts_with_its_mean_item_by_item(name: str) -> None:
    game = losses.adversarial(name)
    patches = tf.random.stateless_normal([3, 2, 2, 1], seed=[0, 1])
    for part in (game.real, game.fake, game.generator):
        each = part(tf.reshape(patches, [-1])).numpy().reshape(3, 4)
        np.testing.assert_allclose(part(patches), each.mean(axis=1), rtol=1e-5)
        half = part(tf.cast(patches, tf.bfloat16))
        assert half.dtype == tf.float32
        assert half.shape == (3,)


@pytest.mark.parametrize(
    ("name", "smoothing", "message"),
    [
        ("logistic", 0.0, "adversarial_loss 'logistic' is unknown; there are non_saturating, saturating"),
        ("hinge", 0.1, "the hinge loss has no targets to smooth"),
        ("wasserstein", 0.1, "the wasserstein loss has no targets to smooth"),
        ("non_saturating", 0.6, r"label_smoothing must lie in 0 \.\. 0.5; got 0.6"),
    ],
)
def test_what_there_is_not_names_the_rule(name: str, smoothing: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        losses.adversarial(name, smoothing)


def gradient_of(critic: Any, x: np.ndarray) -> Any:
    x = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(critic(x))
    return tape.gradient(total, x)


def test_the_penalties_of_a_linear_critic_follow_from_its_weights() -> None:
    """D(x) = <a, x> with |a| = 5 has the gradient a everywhere: R1 sees 25, the other penalty (5 - 1)^2."""
    weights = tf.constant([[[3.0], [0.0]], [[0.0], [4.0]]])
    gradient = gradient_of(lambda x: tf.reduce_sum(weights * x, axis=(1, 2, 3)), np.zeros((2, 2, 2, 1)))
    np.testing.assert_allclose(losses.squared_gradient_norm(gradient), [25.0, 25.0])
    np.testing.assert_allclose(losses.gradient_penalty(gradient), [16.0, 16.0], rtol=1e-6)


def test_the_penalties_are_those_of_each_image_alone() -> None:
    """D(x) = |x|^2 / 2 has the gradient x."""
    x = np.arange(12.0).reshape(3, 2, 2, 1)
    gradient = gradient_of(lambda x: tf.reduce_sum(x**2, axis=(1, 2, 3)) / 2, x)
    np.testing.assert_allclose(losses.squared_gradient_norm(gradient), (x**2).sum(axis=(1, 2, 3)))


def test_the_gradient_penalty_can_be_learned_from_where_the_critic_is_flat() -> None:
    weight = tf.Variable(0.0)
    with tf.GradientTape() as outer:
        gradient = gradient_of(lambda x: weight * tf.reduce_sum(x, axis=(1, 2, 3)), np.ones((1, 2, 2, 1)))
        penalty = losses.gradient_penalty(gradient)
    np.testing.assert_allclose(penalty, [1.0], rtol=1e-5)
    assert np.isfinite(outer.gradient(penalty, weight))


def test_points_between_two_images_lie_on_the_line_of_their_own_item() -> None:
    real, fake = tf.fill([3, 2, 2, 1], 1.0), tf.fill([3, 2, 2, 1], -1.0)
    points = losses.between(real, fake, tf.constant([0.0, 0.25, 1.0])).numpy()
    np.testing.assert_allclose(points[:, 0, 0, 0], [-1.0, -0.5, 1.0])
    assert (points == points[:, :1, :1]).all()


def test_the_class_loss_is_the_surprise_about_the_class() -> None:
    logits = tf.math.log(tf.constant([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]))
    np.testing.assert_allclose(
        losses.class_cross_entropy(logits + 5.0, tf.constant([2, 1])), -np.log([0.5, 0.2]), rtol=1e-5
    )
