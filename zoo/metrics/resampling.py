"""Standard errors of figures that are no means over images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

GROUPS = 20


def jackknife_error(
    statistic: Callable[[np.ndarray], float], items: np.ndarray, groups: int = GROUPS
) -> float:
    """The standard error of `statistic(items)` by the delete-a-group jackknife (Efron 1982, section 2).

    The statistic is computed again without each of `groups` parts of the items, drawn at random, always the same ones.
    No item is counted twice, as it would be in a bootstrap, which biases Frechet distances.
    """
    groups = min(groups, len(items))
    # At random, since items often stand in the order of their classes.
    part = np.random.default_rng(0).permutation(len(items)) % groups
    values = np.array([statistic(items[part != group]) for group in range(groups)])
    return float(np.sqrt((groups - 1) / groups * np.square(values - values.mean()).sum()))
