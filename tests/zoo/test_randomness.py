"""Noise belongs to the item: its seed and its stream, and nothing else."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from zoo import randomness


def seeds(*values: int) -> tf.Tensor:
    return tf.constant(values, tf.int64)


def test_an_items_noise_does_not_depend_on_its_neighbours() -> None:
    alone = randomness.item_normal(seeds(7), 3, (4, 4, 1))
    beside = randomness.item_normal(seeds(2**62, 7, 0), 3, (4, 4, 1))
    np.testing.assert_array_equal(alone[0], beside[1])


def test_seed_and_stream_each_change_the_noise_and_seed_zero_is_a_seed() -> None:
    draws = [
        randomness.item_normal(seeds(seed), stream, (64,)).numpy()
        for seed in (0, 1, 2**63 - 1)
        for stream in (randomness.INITIAL_NOISE, 0, 1)
    ]
    for i, one in enumerate(draws):
        for other in draws[:i]:
            assert abs(np.corrcoef(one[0], other[0])[0, 1]) < 0.5


def test_the_noise_is_standard_normal() -> None:
    noise = randomness.item_normal(tf.range(64, dtype=tf.int64), 0, (1000,)).numpy()
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1.0) < 0.02


@pytest.mark.parametrize("limit", [0.01, 0.7, 2.0])
def test_truncated_noise_is_the_normal_distribution_between_the_limits(limit: float) -> None:
    """As if what lay outside had been drawn again: neither clipped to the limit nor scaled to fit."""
    items = tf.range(40, dtype=tf.int64)
    noise = randomness.item_truncated_normal(items, 0, (500,), tf.fill([40], limit)).numpy()
    assert noise.dtype == np.float32
    assert np.abs(noise).max() <= np.float32(limit)
    exact = stats.truncnorm(-limit, limit)
    # 20,000 draws: 99.9 % of such distances are under 1.95 / sqrt(20,000).
    assert stats.kstest(noise.ravel(), exact.cdf).statistic < 1.95 / np.sqrt(noise.size)
    assert (np.abs(noise) == np.float32(limit)).mean() < 0.001


def test_a_far_limit_changes_nothing_and_each_item_has_its_own() -> None:
    items = tf.range(40, dtype=tf.int64)
    far = randomness.item_truncated_normal(items, 0, (500,), tf.fill([40], 10.0)).numpy()
    assert stats.kstest(far.ravel(), stats.norm.cdf).statistic < 1.95 / np.sqrt(far.size)
    assert np.abs(far).max() < 5.5
    np.testing.assert_allclose(
        far, randomness.item_truncated_normal(items, 0, (500,), tf.fill([40], 7.0)).numpy(), rtol=1e-6
    )
    limits = tf.concat([[10.0, 0.5], tf.fill([38], 10.0)], axis=0)
    mixed = randomness.item_truncated_normal(items, 0, (500,), limits).numpy()
    np.testing.assert_array_equal(mixed[0], far[0])
    assert np.abs(mixed[1]).max() <= 0.5


def test_strata_of_consecutive_seeds_cover_the_interval_evenly() -> None:
    for first in (0, 12_345, 2**63 - 200):
        places = np.sort(randomness.item_stratum(first + tf.range(100, dtype=tf.int64)).numpy())
        assert places[0] >= 0.0
        assert places[-1] < 1.0
        # A golden-ratio sequence of 100 points leaves no gap above phi^2 / 100; independent draws leave about 0.05.
        assert np.diff(places).max() < 0.03
