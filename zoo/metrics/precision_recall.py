"""Improved precision and recall (Kynkaanniemi et al. 2019): quality and variety apart.

The manifold of a set of features is taken to be the union of balls, one around each point, that reach to its k-th
nearest neighbour (eq. 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.metrics import neighbours


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """Which samples lie on the real manifold, bool [m], and which real images on that of the samples, bool [n]."""

    samples_on_real: np.ndarray
    real_on_samples: np.ndarray

    @property
    def precision(self) -> float:
        """The share of samples on the real manifold, 0 .. 1: quality."""
        return float(self.samples_on_real.mean())

    @property
    def recall(self) -> float:
        """The share of real images on the manifold of the samples, 0 .. 1: variety."""
        return float(self.real_on_samples.mean())


def precision_recall(real: np.ndarray, samples: np.ndarray, k: int = 3) -> PrecisionRecall:
    """Precision and recall (eq. 2) of the features `samples` [m, d] against `real` [n, d]; k = 3 as in the paper.

    Both depend on n and m: compare only at equal numbers.
    """
    return PrecisionRecall(_inside(samples, real, k), _inside(real, samples, k))


def _inside(points: np.ndarray, manifold: np.ndarray, k: int) -> np.ndarray:
    """Whether each of `points` lies in the ball of any point of `manifold`, bool."""
    radius = neighbours.radii(manifold, k)
    return np.concatenate(
        [(block <= radius).any(axis=1) for _, block in neighbours.distances(points, manifold)]
    )
