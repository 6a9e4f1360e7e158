import numpy as np
import pytest

from zoo.metrics.perceptual import distances


def test_equal_maps_are_at_no_distance():
    maps = [np.random.default_rng(0).standard_normal((3, 4, 4, 5)) for _ in range(2)]
    assert distances(maps, maps) == pytest.approx(np.zeros(3))


def test_by_hand():
    # One layer of two places. At the first the vectors are at right angles, |a - b|^2 = 2; at the second they differ in
    # length alone, which is scaled away. A second layer has one place with opposite vectors: 4.
    first = np.array([[[[1.0, 0.0], [3.0, 4.0]]]])
    other = np.array([[[[0.0, 9.0], [6.0, 8.0]]]])
    assert distances([first], [other]) == pytest.approx([1.0])
    second = np.array([[[[2.0, 0.0]]]])
    assert distances([first, second], [other, -second]) == pytest.approx([5.0])


def test_where_nothing_is_seen_there_is_no_distance():
    assert distances([np.zeros((1, 2, 2, 3))], [np.zeros((1, 2, 2, 3))]) == pytest.approx([0.0])
