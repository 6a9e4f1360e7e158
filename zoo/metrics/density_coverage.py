"""Density and coverage (Naeem et al. 2020): precision and recall that one outlier cannot inflate.

Both use the balls of the real images alone. An outlier among the samples spans a huge ball, and recall counts all that
lies in it; coverage never builds that ball.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.metrics import neighbours


@dataclass(frozen=True, eq=False)
class DensityCoverage:
    """In how many real balls each sample lies, over k, float64 [m]; and which real balls hold a sample, bool [n]."""

    densities: np.ndarray
    covered: np.ndarray

    @property
    def density(self) -> float:
        """The mean density of the samples, 0 or more; it may pass 1."""
        return float(self.densities.mean())

    @property
    def coverage(self) -> float:
        """The share of real images with a sample nearby, 0 .. 1."""
        return float(self.covered.mean())


def density_coverage(real: np.ndarray, samples: np.ndarray, k: int = 5) -> DensityCoverage:
    """Density (eq. 5) and coverage (eq. 6) of the features `samples` [m, d] against `real` [n, d]; k = 5 as in the
    paper.

    For samples of the real distribution itself the density is 1 and the coverage 1 - 2^-k on average, at n = m.
    """
    radius = neighbours.radii(real, k)
    densities, covered = [], np.zeros(len(real), bool)
    for _, block in neighbours.distances(samples, real):
        within = block < radius
        densities.append(within.sum(axis=1) / k)
        covered |= within.any(axis=0)
    return DensityCoverage(np.concatenate(densities), covered)
