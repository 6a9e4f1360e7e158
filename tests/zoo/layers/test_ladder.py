"""The ladder: its two descents are one decoder, and each group of latents knows those above it and no others."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.ladder import Ladder

# The parts of the vector: 3 at the top, one map of 2x2x2 in the coarse level, two of 4x4x1 in the fine one.
PARTS = (3, 8, 16, 16)


@pytest.fixture(scope="module")
def ladder():
    ladder = Ladder(
        image_shape=(7, 8, 1),
        widths=(8, 8),
        blocks=(1, 1),
        latent_groups=(2, 1),
        latent_channels=(1, 2),
        top_latents=3,
        components=3,
        initial_log_scale=-2.0,
        patch=2,
    )
    rng = np.random.default_rng(0)
    # Convolutions that start at zero would hide wrong wiring.
    ladder.set_weights([rng.normal(0.0, 0.3, weight.shape) for weight in ladder.weights])
    return ladder


@pytest.fixture(scope="module")
def x():
    return tf.random.stateless_uniform((2, 7, 8, 1), (0, 0), -1.0, 1.0)


def test_the_vector_holds_every_latent(ladder):
    assert ladder.latent_dim == sum(PARTS)
    assert [part.shape[1] for part in ladder._split(tf.zeros((1, ladder.latent_dim)))] == list(PARTS)


def test_generating_from_inferred_latents_gives_the_inferred_mixture(ladder, x):
    mixture, posterior = ladder(x, tf.random.stateless_normal((2, ladder.latent_dim), (1, 1)))
    for inferred, generated in zip(mixture, ladder.generate(posterior.latent), strict=True):
        assert inferred.shape == (2, 7, 8, 1, 3)
        np.testing.assert_allclose(inferred, generated, atol=1e-5)


def test_the_latent_is_the_mean_plus_scaled_noise(ladder, x):
    noise = tf.random.stateless_normal((2, ladder.latent_dim), (1, 1))
    posterior = ladder(x, noise)[1]
    np.testing.assert_allclose(
        posterior.latent, posterior.mean + tf.exp(posterior.log_std) * noise, rtol=1e-5, atol=1e-6
    )
    still = ladder(x, tf.zeros_like(noise))[1]
    np.testing.assert_array_equal(still.latent, still.mean)


@pytest.mark.parametrize("moved", range(len(PARTS)))
def test_a_group_depends_on_those_above_it_and_on_no_other(ladder, x, moved):
    noise = np.zeros((2, ladder.latent_dim), np.float32)
    edges = np.cumsum((0, *PARTS))
    before = ladder(x, tf.constant(noise))[1].mean.numpy()
    noise[:, edges[moved] : edges[moved + 1]] = 1.0
    change = np.abs(ladder(x, tf.constant(noise))[1].mean.numpy() - before)
    for part in range(len(PARTS)):
        changed = change[:, edges[part] : edges[part + 1]].max() > 1e-5
        assert changed == (part > moved), part


def test_every_latent_reaches_the_pixels(ladder):
    latent = tf.zeros((1, ladder.latent_dim))
    with tf.GradientTape() as tape:
        tape.watch(latent)
        output = tf.add_n([tf.reduce_sum(part**2) for part in ladder.generate(latent)])
    assert (tape.gradient(output, latent).numpy() != 0.0).all()
