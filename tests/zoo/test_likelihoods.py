"""The likelihoods by their identities: probabilities add up to 1, known values, and agreement with others' code."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from zoo import likelihoods

LEVELS = np.arange(256)
# Centres inside, at and far beyond the range of pixels; scales from one spike to nearly flat.
CENTRES = [-3.0, -1.0, -0.3, 0.0, 0.5004, 1.0, 40.0]
LOG_SCALES = [-7.0, -5.0, -2.0, 0.0, 3.0]


def pixels(levels=LEVELS, dtype=tf.float32):
    return tf.cast(levels, dtype) / 127.5 - 1.0


def one_logistic(x, mean, log_scale):
    """The mixture with a single component."""
    parameters = (
        tf.zeros_like(x)[..., None] + tf.cast(value, x.dtype)[..., None] for value in (0.0, mean, log_scale)
    )
    return likelihoods.discretised_logistic_mixture_log_prob(x, *parameters)


def one_gaussian(x, mean, log_scale):
    return likelihoods.discretised_gaussian_log_prob(x, tf.cast(mean, x.dtype), tf.cast(log_scale, x.dtype))


def quantised(distribution, dtype):
    """What tensorflow-probability makes of it: `distribution` on the scale of levels, cut at -inf, .5, 1.5 .. inf."""
    shifted = tfd.TransformedDistribution(distribution, tfb.Shift(tf.constant(-0.5, dtype)))
    return tfd.QuantizedDistribution(shifted, low=tf.constant(0.0, dtype), high=tf.constant(255.0, dtype))


def random_mixture(components=5, seed=0, dtype=tf.float32):
    """Levels [8, 8] of random pixels, and the parameters of a mixture for each."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 256, (8, 8))
    shape = (8, 8, components)
    parameters = [rng.normal(size=shape), rng.normal(0, 0.6, shape), rng.normal(-2.5, 1.5, shape)]
    return levels, [tf.constant(parameter, dtype) for parameter in parameters]


# --- probabilities ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log_prob", [one_logistic, one_gaussian])
def test_the_256_levels_have_probability_one_together(log_prob):
    levels, means, log_scales = np.meshgrid(LEVELS, CENTRES, LOG_SCALES, indexing="ij")
    log_probs = log_prob(
        *(tf.constant(axis, tf.float32) for axis in (levels / 127.5 - 1.0, means, log_scales))
    )
    np.testing.assert_allclose(np.exp(log_probs.numpy().astype(np.float64)).sum(axis=0), 1.0, atol=2e-4)


def test_the_levels_of_a_mixture_have_probability_one_together():
    _, parameters = random_mixture()
    x = tf.reshape(pixels(), (256, 1, 1)) + tf.zeros((256, 8, 8))
    log_prob = likelihoods.discretised_logistic_mixture_log_prob(x, *(p[None] for p in parameters))
    np.testing.assert_allclose(np.exp(log_prob.numpy().astype(np.float64)).sum(axis=0), 1.0, atol=1e-5)


def no_bin_width(x, mean, log_scale):
    """A density sold as a probability: the constant that turns the one into the other is missing."""
    return tfd.Logistic(mean, np.exp(log_scale, dtype=np.float32)).log_prob(x)


def closed_end_bins(x, mean, log_scale):
    """The mass beyond the ends is lost."""
    logistic = tfd.Logistic(mean, np.exp(log_scale, dtype=np.float32))
    return tf.math.log(logistic.cdf(x + 1 / 255) - logistic.cdf(x - 1 / 255) + 1e-30)


def wrong_step(x, mean, log_scale):
    """256 bins of 2/256, though the 256 levels are 2/255 apart."""
    upper, lower = (x - mean + 1 / 256) / np.exp(log_scale), (x - mean - 1 / 256) / np.exp(log_scale)
    inside = tf.sigmoid(upper) - tf.sigmoid(lower)
    p = tf.where(x < -0.999, tf.sigmoid(upper), tf.where(x > 0.999, tf.sigmoid(-lower), inside))
    return tf.math.log(p + 1e-30)


def cross_entropy_of_greys(x, mean, log_scale):
    """Binary cross-entropy on grey pixels: no likelihood of grey pixels."""
    return -tf.keras.losses.binary_crossentropy((x[:, None] + 1) / 2, tf.fill([256, 1], 0.5 + mean / 2))


@pytest.mark.parametrize("mistake", [no_bin_width, closed_end_bins, wrong_step, cross_entropy_of_greys])
def test_a_usual_mistake_does_not_add_up_to_one(mistake):
    total = np.exp(mistake(pixels(), 0.5, -1.0).numpy().astype(np.float64)).sum()
    assert abs(total - 1.0) > 1e-3


# --- known values ----------------------------------------------------------------------------------------------


def test_one_logistic_by_hand():
    # Scale 1/255: bins one scale to either side. s(1) - s(-1) = tanh(1/2); the lowest level takes all below, s(1).
    log_scale = np.log(1 / 255)
    middle = one_logistic(pixels([100]), pixels(100), log_scale)
    lowest = one_logistic(pixels([0]), -1.0, log_scale)
    assert float(middle[0]) == pytest.approx(np.log(np.tanh(0.5)), abs=2e-5)
    assert float(lowest[0]) == pytest.approx(np.log(1 / (1 + np.exp(-1))), abs=1e-6)


def test_one_gaussian_by_hand():
    # sigma 1/255: Phi(1) - Phi(-1) = 0.682689; the highest level takes all above, Phi(1) = 0.841345.
    log_scale = np.log(1 / 255)
    assert float(one_gaussian(pixels([100]), pixels([100]), log_scale)[0]) == pytest.approx(
        np.log(0.682689), abs=2e-5
    )
    assert float(one_gaussian(pixels([255]), 1.0, log_scale)[0]) == pytest.approx(np.log(0.841345), abs=1e-5)


def test_a_mixture_of_a_component_with_itself_is_that_component():
    x = pixels([3, 77, 255])
    twice = likelihoods.discretised_logistic_mixture_log_prob(
        x, tf.constant([[5.0, -2.0]] * 3), tf.fill([3, 2], 0.1), tf.fill([3, 2], -1.0)
    )
    np.testing.assert_allclose(twice, one_logistic(x, 0.1, -1.0), rtol=1e-6)


def test_a_mixture_weighs_its_components():
    x, log_scale = pixels([64]), -3.0
    a, b = (float(tf.exp(one_logistic(x, mean, log_scale))[0]) for mean in (-0.5, 0.5))
    mixed = likelihoods.discretised_logistic_mixture_log_prob(
        x, tf.math.log([[3.0, 1.0]]), tf.constant([[-0.5, 0.5]]), tf.fill([1, 2], log_scale)
    )
    assert float(tf.exp(mixed)[0]) == pytest.approx(0.75 * a + 0.25 * b, rel=1e-5)


def test_scales_below_the_floor_count_as_the_floor():
    x = pixels([10, 128])
    np.testing.assert_array_equal(
        one_logistic(x, 0.0, -30.0), one_logistic(x, 0.0, likelihoods.MIN_LOG_SCALE)
    )


def test_the_divergence_of_normals_by_hand():
    # KL(N(1, 2^2) || N(0, 1)) = (1 + 4 - 1) / 2 - ln 2; KL(N(1, 2^2) || N(3, 4^2)) = ln 2 + (4 + 4) / 32 - 1/2.
    two, four = np.log(2.0, dtype=np.float32), np.log(4.0, dtype=np.float32)
    assert float(likelihoods.gaussian_kl(1.0, two)) == pytest.approx(2.0 - np.log(2.0), rel=1e-6)
    assert float(likelihoods.gaussian_kl(1.0, two, 3.0, four)) == pytest.approx(
        np.log(2.0) + 0.25 - 0.5, rel=1e-6
    )
    assert float(likelihoods.gaussian_kl(0.0, 0.0)) == 0.0


def test_pixels_and_levels_are_each_others_inverse():
    x = likelihoods.scale_pixels(tf.constant(LEVELS, tf.uint8))
    assert float(x[0]) == -1.0
    assert float(x[-1]) == 1.0
    np.testing.assert_array_equal(likelihoods.nearest_level(x), LEVELS)
    np.testing.assert_array_equal(likelihoods.nearest_level(tf.constant([-9.0, 0.0, 9.0])), [0, 128, 255])


def test_the_mean_of_a_mixture_stays_in_the_range_of_pixels():
    mean = likelihoods.logistic_mixture_mean(tf.math.log([[1.0, 3.0]]), tf.constant([[0.2, 5.0]]))
    assert float(mean[0]) == pytest.approx(0.25 * 0.2 + 0.75 * 1.0, rel=1e-6)


# --- agreement with tensorflow-probability ---------------------------------------------------------------------


def test_the_logistic_mixture_agrees_with_tensorflow_probability():
    levels, (logits, means, log_scales) = random_mixture(dtype=tf.float64)
    log_scales = tf.maximum(log_scales, likelihoods.MIN_LOG_SCALE)
    components = quantised(tfd.Logistic((means + 1) * 127.5, tf.exp(log_scales) * 127.5), tf.float64)
    theirs = tfd.MixtureSameFamily(tfd.Categorical(logits=logits), components).log_prob(
        tf.constant(levels, tf.float64)
    )
    x = pixels(levels, tf.float64)
    ours = likelihoods.discretised_logistic_mixture_log_prob(x, logits, means, log_scales)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("log_scale", [-6.0, -3.0, -1.0])
def test_the_gaussian_agrees_with_tensorflow_probability(log_scale):
    mean = tf.constant(0.21, tf.float64)
    theirs = quantised(
        tfd.Normal((mean + 1) * 127.5, tf.exp(tf.constant(log_scale, tf.float64)) * 127.5), tf.float64
    )
    ours = one_gaussian(pixels(dtype=tf.float64), mean, log_scale)
    np.testing.assert_allclose(ours, theirs.log_prob(tf.constant(LEVELS, tf.float64)), rtol=2e-5)


@pytest.mark.parametrize("log_prob", [one_logistic, one_gaussian])
@pytest.mark.parametrize("log_scale", [-7.0, -4.0, 0.0, 6.0])
def test_float32_is_as_good_as_float64(log_prob, log_scale):
    single, double = (log_prob(pixels(dtype=dtype), 0.3, log_scale) for dtype in (tf.float32, tf.float64))
    np.testing.assert_allclose(single, double, rtol=1e-3, atol=2e-4)


# --- extremes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log_prob", [one_logistic, one_gaussian])
def test_extreme_parameters_give_finite_values_and_gradients(log_prob):
    grid = np.meshgrid([0, 1, 128, 254, 255], [-1e3, -1.0, 0.0, 1.0, 1e3], [-7.0, -1.0, 6.0, 12.0])
    levels, means, log_scales = (tf.constant(axis.ravel(), tf.float32) for axis in grid)
    with tf.GradientTape() as tape:
        tape.watch((means, log_scales))
        value = log_prob(pixels(levels), means, log_scales)
    for tensor in (value, *tape.gradient(value, (means, log_scales))):
        assert np.isfinite(tensor).all()


def test_the_gradient_of_a_mixture_is_its_difference_quotient():
    levels, parameters = random_mixture(dtype=tf.float64)
    x = pixels(levels, tf.float64)

    def value(shift):
        shifted = [p + shift * (i + 1) for i, p in enumerate(parameters[1:])]
        return tf.reduce_sum(likelihoods.discretised_logistic_mixture_log_prob(x, parameters[0], *shifted))

    shift = tf.constant(0.0, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(shift)
        at_zero = value(shift)
    slope = (value(1e-6) - value(-1e-6)) / 2e-6
    assert float(tape.gradient(at_zero, shift)) == pytest.approx(float(slope), rel=1e-5)


# --- units -----------------------------------------------------------------------------------------------------


def test_a_uniform_guess_costs_eight_bits_per_dim():
    dims = 28 * 28 * 3
    nats = tf.fill([4], dims * np.float32(np.log(256)))
    np.testing.assert_allclose(likelihoods.bits_per_dim(nats, dims), 8.0, rtol=1e-6)
    flat = one_logistic(pixels(), 0.0, 9.0)
    # A logistic so wide puts half of its mass on either end; between them the levels are alike.
    assert float(tf.reduce_max(flat[1:-1]) - tf.reduce_min(flat[1:-1])) < 1e-6


def test_bits_per_dim_is_linear_in_nats_and_takes_sums():
    # 1500 nats of a 28x28 image: 1500 / (784 ln 2) = 2.76026. A mean over pixels instead would come out 784 times less.
    assert float(likelihoods.bits_per_dim(1500.0, 784)) == pytest.approx(2.76026, abs=1e-5)
    # A density on [0, 1] is 8 bits below the probability of a level: -log p + ln 256 for each dimension.
    nats_of_density = 1500.0 - 784 * np.log(256)
    assert float(likelihoods.bits_per_dim(nats_of_density, 784)) == pytest.approx(2.76026 - 8.0, abs=1e-5)
