import numpy as np
import pytest

from zoo.metrics.codebook import perplexity, usage


def test_codes_used_evenly_count_as_many_as_they_are():
    assert perplexity(np.arange(8).reshape(2, 2, 2), 512) == pytest.approx(8)
    assert perplexity(np.full((3, 3), 5), 512) == pytest.approx(1)


def test_a_value_worked_out_by_hand():
    # Shares 1/2, 1/4, 1/4: the entropy is 3/2 log 2.
    assert perplexity(np.array([7, 7, 1, 0]), 8) == pytest.approx(2**1.5)
    assert usage(np.array([7, 7, 1, 0]), 8).tolist() == [1, 1, 0, 0, 0, 0, 0, 2]


@pytest.mark.parametrize("code", [-1, 8])
def test_a_code_outside_the_book(code):
    with pytest.raises(ValueError, match=r"outside 0 \.\. 7"):
        perplexity(np.array([0, code]), 8)
