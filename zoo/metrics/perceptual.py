"""How far two images are apart in the eyes of a network (Zhang et al. 2018, LPIPS, eq. 1, with all weights 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_EPSILON = 1e-10


def distances(maps: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> np.ndarray:
    """The distance of each of n images from its counterpart, float64 [n], 0 for equal ones.

    `maps` and `others` are the outputs of the same layers, float [n, h, w, width] each. In every layer and at every
    place the feature vectors are scaled to length 1; their squared distances are averaged over the places and added
    over the layers. The published weights of the channels are those of networks trained on ImageNet, so that the figure
    is no LPIPS.
    """
    result = np.zeros(len(maps[0]))
    for one, other in zip(maps, others, strict=True):
        result += np.square(_unit(one) - _unit(other)).sum(axis=-1).mean(axis=(1, 2))
    return result


def _unit(features: np.ndarray) -> np.ndarray:
    features = features.astype(np.float64)
    return features / (np.linalg.norm(features, axis=-1, keepdims=True) + _EPSILON)
