"""The way between two latents. Pure functions."""

import numpy as np

from zoo_server.arrays import Array


def linear(start: Array, end: Array, count: int) -> Array:
    """float32[count, ...]: points at equal distances on the straight line, both ends included; `count` >= 2."""
    share = _shares(start, count)
    return np.asarray((1.0 - share) * start + share * end, np.float32)


def spherical(start: Array, end: Array, count: int) -> Array:
    """As `linear`, but along the great arc (Shoemake 1985, "slerp"), whose points keep the length of the ends.

    Where the ends point the same way, or opposite ways, there is no one arc, and the straight line is taken.
    """
    a, b = start.astype(np.float64), end.astype(np.float64)
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    cosine = float(np.sum(a * b)) / lengths if lengths else 1.0
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    if np.sin(angle) < 1e-4:
        return linear(start, end, count)
    share = _shares(start, count)
    arc = (np.sin((1.0 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)
    return np.asarray(arc, np.float32)


def _shares(point: Array, count: int) -> Array:
    """0 ... 1 in `count` equal steps, with axes to multiply a point by."""
    return np.linspace(0.0, 1.0, count).reshape(count, *[1] * point.ndim)
