import numpy as np
import pytest

from zoo.metrics.frechet import Gaussian, distance, fit


def normal(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def test_a_set_of_features_is_at_no_distance_from_itself():
    features = normal(200, 8) @ normal(8, 8, seed=1)
    gaussian = fit(features)
    assert distance(gaussian, gaussian) == pytest.approx(0, abs=1e-9)


def test_in_one_dimension_it_is_the_difference_of_means_and_of_standard_deviations():
    # (1 - 4)^2 + (2 - 5)^2
    first, second = (Gaussian(np.array([m]), np.array([[s**2]])) for m, s in ((1.0, 2.0), (4.0, 5.0)))
    assert distance(first, second) == pytest.approx(18)


def test_covariances_that_commute():
    """Then tr (C1 C2)^(1/2) is the sum of the products of standard deviations along the common axes."""
    axes, _ = np.linalg.qr(normal(3, 3))
    deviations = np.array([[1.0, 2.0, 3.0], [4.0, 1.0, 0.0]])
    mean = np.array([1.0, 2.0, 2.0])
    first, second = (
        Gaussian(m, axes * s**2 @ axes.T) for m, s in zip((0 * mean, mean), deviations, strict=True)
    )
    expected = 9 + np.square(deviations[0] - deviations[1]).sum()
    assert distance(first, second) == pytest.approx(expected)


def test_covariances_that_do_not_commute():
    # C1 C2 has the trace 4 and the determinant 3, so that its eigenvalues are 1 and 3: tr sqrt = 1 + sqrt 3.
    first = Gaussian(np.zeros(2), np.array([[2.0, 1.0], [1.0, 2.0]]))
    second = Gaussian(np.zeros(2), np.diag([1.0, 1.0]))
    assert distance(first, second) == pytest.approx(4 + 2 - 2 * (1 + np.sqrt(3)))
    # Here C1 C2 = [[4, 3], [2, 6]] is not symmetric: tr sqrt = sqrt(tr + 2 sqrt det) = sqrt(10 + 2 sqrt 18).
    second = Gaussian(np.zeros(2), np.array([[2.0, 0.0], [0.0, 3.0]]))
    assert distance(first, second) == pytest.approx(4 + 5 - 2 * np.sqrt(10 + 2 * np.sqrt(18)))


def test_it_is_symmetric_and_does_not_depend_on_the_axes():
    first, second = fit(normal(50, 4)), fit(normal(60, 4, seed=1) * 3 + 1)
    axes, _ = np.linalg.qr(normal(4, 4, seed=2))
    turned = [Gaussian(axes @ g.mean, axes @ g.covariance @ axes.T) for g in (first, second)]
    assert distance(second, first) == pytest.approx(distance(first, second))
    assert distance(*turned) == pytest.approx(distance(first, second))


def test_fewer_images_than_features():
    """Singular covariances, where a general matrix square root turns complex."""
    first, second = fit(normal(5, 30)), fit(normal(6, 30, seed=1))
    assert distance(first, first) == pytest.approx(0, abs=1e-6)
    assert 0 < distance(first, second) < np.inf


def test_large_sets_of_one_distribution_are_near():
    axes = normal(6, 6, seed=3)
    near = distance(fit(normal(20_000, 6) @ axes), fit(normal(20_000, 6, seed=1) @ axes))
    few = distance(fit(normal(100, 6) @ axes), fit(normal(100, 6, seed=1) @ axes))
    assert near < 0.02 < few  # and the fewer, the more: n belongs to the protocol


def test_one_image_has_no_covariance():
    with pytest.raises(ValueError, match="n of 2 or more"):
        fit(np.zeros((1, 3)))
