"""Precision and recall, density and coverage, on points of a line, worked out by hand."""

import numpy as np
import pytest

from zoo.metrics.density_coverage import density_coverage
from zoo.metrics.precision_recall import precision_recall


def line(*places):
    return np.array(places, np.float64)[:, np.newaxis]


def test_precision_and_recall_by_hand():
    # Balls around the real points: 0 +- 1, 1 +- 1, 3 +- 2; around the samples: 4 +- 4, 8 +- 2, 10 +- 2.
    found = precision_recall(line(0, 1, 3), line(4, 8, 10), k=1)
    assert found.samples_on_real.tolist() == [True, False, False]
    assert found.real_on_samples.tolist() == [True, True, True]
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == 1


def test_density_and_coverage_by_hand():
    # Balls around the real points, without their edges: 0 +- 1, 1 +- 1, 3 +- 2.
    found = density_coverage(line(0, 1, 3), line(0.5, 1.5, 8), k=1)
    assert found.densities.tolist() == [2, 2, 0]
    assert found.density == pytest.approx(4 / 3)
    assert found.covered.tolist() == [True, True, True]
    assert density_coverage(line(0, 1, 3), line(8, 9), k=1).coverage == 0
    # With two neighbours: 0 +- 3, 1 +- 2, 3 +- 3.
    assert density_coverage(line(0, 1, 3), line(0.5, 1.5, 8), k=2).densities.tolist() == [1.5, 1.5, 0]


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    real, twin = rng.standard_normal((2, 2000, 4))
    return real, twin


def test_samples_of_the_real_distribution(sets):
    real, twin = sets
    found = precision_recall(real, twin)
    assert found.precision == pytest.approx(found.recall, abs=0.05)
    assert found.precision > 0.85
    found = density_coverage(real, twin)
    assert found.density == pytest.approx(1, abs=0.05)
    assert found.coverage == pytest.approx(1 - 2**-5, abs=0.02)


def test_collapse_costs_recall_and_coverage_and_not_precision(sets):
    real, twin = sets
    collapsed = twin[0] + 0.01 * twin
    found = precision_recall(real, collapsed)
    assert found.precision > 0.9
    assert found.recall < 0.1
    assert density_coverage(real, collapsed).coverage < 0.1


def test_one_outlier_inflates_recall_and_not_coverage(sets):
    real, twin = sets
    # Four samples so far away that their balls hold everything.
    collapsed = np.concatenate([twin[0] + 0.01 * twin, 1e3 * np.eye(4)])
    assert precision_recall(real, collapsed).recall == 1
    assert density_coverage(real, collapsed).coverage < 0.1
