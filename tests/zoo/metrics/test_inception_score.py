import numpy as np
import pytest

from zoo.metrics.inception_score import inception_score


def test_sure_and_varied_scores_the_number_of_classes():
    assert inception_score(np.eye(5).repeat(3, axis=0)) == pytest.approx(5)


def test_one_class_or_none_scores_one():
    assert inception_score(np.eye(5)[[2] * 4]) == pytest.approx(1)
    assert inception_score(np.full((4, 5), 0.2)) == pytest.approx(1)


def test_a_value_worked_out_by_hand():
    # The marginal is (1/2, 1/2); each image has the divergence 3/4 log 3/2 + 1/4 log 1/2.
    p = np.array([[0.75, 0.25], [0.25, 0.75]])
    assert inception_score(p) == pytest.approx(1.5**0.75 * 0.5**0.25)
