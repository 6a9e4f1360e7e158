"""The Frechet distance between two sets of features, each taken as one Gaussian (Heusel et al. 2017, eq. 6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Gaussian:
    """The mean float64 [d] and the covariance float64 [d, d] of a set of features."""

    mean: np.ndarray
    covariance: np.ndarray


def fit(features: np.ndarray) -> Gaussian:
    """The Gaussian of `features` [n, d], with the unbiased covariance. Raises ValueError if n is under 2."""
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"a covariance takes features (n, d) with n of 2 or more; got {features.shape}")
    features = features.astype(np.float64)
    return Gaussian(features.mean(axis=0), np.cov(features, rowvar=False).reshape(2 * features.shape[1:]))


def distance(first: Gaussian, second: Gaussian) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), at least 0: the squared 2-Wasserstein distance of two Gaussians.

    (C1 C2)^(1/2) has the trace of (C1^(1/2) C2 C1^(1/2))^(1/2), and that product is symmetric: its eigenvalues are
    real, and not negative but for rounding, also where a covariance is singular (fewer images than features). The
    square root of C1 C2 itself, which is often taken, is complex there.
    """
    root = _root(first.covariance)
    product = root @ second.covariance @ root
    overlap = np.sqrt(np.linalg.eigvalsh((product + product.T) / 2).clip(min=0)).sum()
    between = np.square(first.mean - second.mean).sum()
    within = np.trace(first.covariance) + np.trace(second.covariance) - 2 * overlap
    return float(max(between + within, 0.0))


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root of a positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
