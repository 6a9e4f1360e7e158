import numpy as np
import pytest

from zoo.metrics.resampling import jackknife_error


def test_without_one_item_each_it_is_the_error_of_a_mean():
    values = np.random.default_rng(0).standard_normal(40)
    error = jackknife_error(lambda part: part.mean(), values, groups=40)
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(40))


def test_in_groups_it_is_about_that():
    values = np.random.default_rng(1).standard_normal(5000)
    assert jackknife_error(lambda part: part.mean(), values) == pytest.approx(1 / np.sqrt(5000), rel=0.4)


def test_items_in_the_order_of_their_classes():
    """Parts cut by place would each lack one class, and the error would be a hundred times too large."""
    values = np.arange(10_000) % 10.0
    assert jackknife_error(lambda part: part.mean(), values) < 3 * values.std() / 100


def test_a_constant_has_no_error():
    assert jackknife_error(lambda part: part.mean(), np.ones(50)) == 0
