import numpy as np
import pytest

from zoo.metrics import neighbours


def line(*places):
    """Points on a line through three dimensions, far from the origin."""
    return np.array(places, np.float64)[:, np.newaxis] * [1.0, 0.0, 0.0] + [1e3, 2e3, 0.0]


def test_the_nearest_come_first():
    index, length = neighbours.nearest(line(0.9, 7), line(10, 0, 2, 5), k=2)
    assert index.tolist() == [[1, 2], [3, 0]]
    assert length == pytest.approx(np.array([[0.9, 1.1], [2, 3]]))


def test_distances_are_those_of_the_formula():
    rng = np.random.default_rng(0)
    points, others = rng.standard_normal((1500, 4)), rng.standard_normal((7, 4))
    blocks = list(neighbours.distances(points, others))
    assert [rows for rows, _ in blocks] == [slice(0, 1000), slice(1000, 1500)]
    found = np.concatenate([block for _, block in blocks])
    assert found == pytest.approx(np.linalg.norm(points[:, np.newaxis] - others, axis=2))


def test_uint8_images_do_not_wrap_around():
    assert neighbours.nearest(np.uint8([[0]]), np.uint8([[255], [3]]))[1] == pytest.approx(3)


def test_a_point_is_not_its_own_neighbour_but_a_copy_of_it_is():
    assert neighbours.radii(line(0, 1, 4), 1) == pytest.approx([1, 1, 3])
    assert neighbours.radii(line(0, 1, 4), 2) == pytest.approx([4, 3, 4])
    assert neighbours.radii(line(5, 5, 9), 1) == pytest.approx([0, 0, 4], abs=1e-6)


def test_there_must_be_enough_points():
    with pytest.raises(ValueError, match=r"k must lie in 1 \.\. 2"):
        neighbours.radii(line(0, 1, 4), 3)
    with pytest.raises(ValueError, match=r"k must lie in 1 \.\. 3"):
        neighbours.nearest(line(0), line(0, 1, 4), 4)
