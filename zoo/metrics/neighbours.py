"""Nearest neighbours by Euclidean distance, and the balls that k of them span around each point."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Rows of a block of distances: 1,000 x 60,000 float64 take half a gigabyte.
_ROWS = 1000


def distances(points: np.ndarray, others: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields (rows, float64 [rows, m]): the distances of `points` [n, d] from `others` [m, d], a block of rows at a
    time.
    """
    points, others = points.astype(np.float64), others.astype(np.float64)
    # |a - b|^2 = |a|^2 + |b|^2 - 2 ab, about a common centre, where less is lost to rounding.
    centre = others.mean(axis=0)
    points, others = points - centre, others - centre
    norms = np.square(others).sum(axis=1)
    for start in range(0, len(points), _ROWS):
        rows = slice(start, min(start + _ROWS, len(points)))
        part = points[rows]
        squares = np.square(part).sum(axis=1)[:, np.newaxis] + norms - 2 * part @ others.T
        yield rows, np.sqrt(squares.clip(min=0))


def nearest(points: np.ndarray, others: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The `k` of `others` [m, d] that are nearest to each of `points` [n, d], the nearest first.

    Returns: their indices int64 [n, k], and their distances float64 [n, k]. Raises ValueError if there are fewer than
    k.
    """
    if not 1 <= k <= len(others):
        raise ValueError(f"k must lie in 1 .. {len(others)}, the number of points to choose from; got {k}")
    indices, lengths = np.empty((len(points), k), np.int64), np.empty((len(points), k))
    for rows, block in distances(points, others):
        near = np.argpartition(block, k - 1, axis=1)[:, :k]
        near = np.take_along_axis(near, np.take_along_axis(block, near, 1).argsort(axis=1, kind="stable"), 1)
        indices[rows], lengths[rows] = near, np.take_along_axis(block, near, 1)
    return indices, lengths


def radii(points: np.ndarray, k: int) -> np.ndarray:
    """The distance of each of `points` [n, d] from the k-th nearest of the other ones, float64 [n]."""
    if not 1 <= k < len(points):
        raise ValueError(f"k must lie in 1 .. {len(points) - 1}, the number of the other points; got {k}")
    result = np.empty(len(points))
    for rows, block in distances(points, points):
        # Each point is left out of its own neighbours, by place: a copy of it elsewhere counts.
        block[np.arange(rows.stop - rows.start), np.arange(rows.start, rows.stop)] = np.inf
        result[rows] = np.partition(block, k - 1, axis=1)[:, k - 1]
    return result
