"""Whether a translated image comes back: what cycle consistency is worth once it cannot be cheated.

A network can hide its source in the translation, invisibly, and read it back (Chu et al. 2017, "CycleGAN, a master of
steganography"). So a translation is rounded to uint8 and given a little noise before it is translated back; and it has
to come back to its own source, since a cycle error alone is low wherever the images of a domain are alike.
"""

from __future__ import annotations

import numpy as np

from zoo.metrics import neighbours

# Standard deviation of the noise on a translation, in levels of 255.
NOISE_LEVELS = 2.0


def with_noise(image: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """`image` uint8 [n, h, w, c] with Gaussian noise, rounded and cut to 0 .. 255; image i has that of `seed` [n]."""
    noise = np.stack([np.random.default_rng(int(s)).standard_normal(image.shape[1:]) for s in seed])
    return np.rint(image + NOISE_LEVELS * noise).clip(0, 255).astype(np.uint8)


def cycle_l1(image: np.ndarray, returned: np.ndarray) -> np.ndarray:
    """The mean absolute difference of each pair of images uint8 [n, h, w, c], as a share of the range: float64 [n]."""
    difference = np.abs(image.astype(np.float64) - returned.astype(np.float64))
    return difference.reshape(len(image), -1).mean(axis=1) / 255


def retrieved(image: np.ndarray, returned: np.ndarray) -> np.ndarray:
    """Whether, of all of `image` uint8 [n, h, w, c], the i-th is nearest to returned[i] in pixels: bool [n]."""
    flat = (returned.reshape(len(returned), -1), image.reshape(len(image), -1))
    nearest, _ = neighbours.nearest(*flat)
    return nearest[:, 0] == np.arange(len(image))
