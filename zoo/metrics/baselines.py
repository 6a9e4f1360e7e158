"""Generators that hardly deserve the name: the reference points beside which a model's figures are read.

Each is fitted on labelled training images and draws an image for each label asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# (labels int [n], seed) -> images uint8 [n, h, w, c]
Draw = Callable[[np.ndarray, int], np.ndarray]

COMPONENTS = 64


def pca_gaussian(image: np.ndarray, label: np.ndarray, components: int = COMPONENTS) -> Draw:
    """For each class a Gaussian along its first principal components; what lies outside 0 .. 255 is cut off."""
    gaussians = {}
    for c in np.unique(label):
        pixels = _flat(image[label == c])
        mean = pixels.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(pixels, rowvar=False))
        # The last of the ascending eigenvalues are the first components.
        gaussians[int(c)] = mean, vectors[:, -components:] * np.sqrt(values[-components:].clip(min=0))

    def draw(labels: np.ndarray, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        result = np.empty((len(labels), *image.shape[1:]), np.uint8)
        for c, (mean, axes) in gaussians.items():
            chosen = labels == c
            pixels = mean + rng.standard_normal((int(chosen.sum()), axes.shape[1])) @ axes.T
            result[chosen] = _levels(pixels).reshape(-1, *image.shape[1:])
        return result

    return draw


def class_mean(image: np.ndarray, label: np.ndarray, noise: float = 0.0) -> Draw:
    """The mean image of each class, with Gaussian noise of the standard deviation `noise` (in levels) on each pixel."""
    means = {int(c): _flat(image[label == c]).mean(axis=0) for c in np.unique(label)}

    def draw(labels: np.ndarray, seed: int) -> np.ndarray:
        pixels = np.stack([means[int(c)] for c in labels])
        pixels += noise * np.random.default_rng(seed).standard_normal(pixels.shape)
        return _levels(pixels).reshape(-1, *image.shape[1:])

    return draw


def constant(image: np.ndarray, label: np.ndarray) -> Draw:
    """The median of all images, pixel by pixel, whatever is asked for."""
    median = _levels(np.median(image, axis=0))

    def draw(labels: np.ndarray, seed: int) -> np.ndarray:
        return np.broadcast_to(median, (len(labels), *median.shape))

    return draw


def real(image: np.ndarray, label: np.ndarray) -> Draw:
    """Training images of the classes asked for, no image twice while there are others: what a perfect memory draws."""

    def draw(labels: np.ndarray, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        result = np.empty((len(labels), *image.shape[1:]), np.uint8)
        for c in np.unique(labels):
            places = np.flatnonzero(labels == c)
            members = rng.permutation(np.flatnonzero(label == c))
            result[places] = image[np.resize(members, len(places))]
        return result

    return draw


BASELINES: dict[str, Callable[[np.ndarray, np.ndarray], Draw]] = {
    "real": real,
    "pca_gaussian": pca_gaussian,
    "class_mean": class_mean,
    "constant": constant,
}


def _flat(image: np.ndarray) -> np.ndarray:
    return image.reshape(len(image), -1).astype(np.float64)


def _levels(pixels: np.ndarray) -> np.ndarray:
    return np.rint(pixels).clip(0, 255).astype(np.uint8)
