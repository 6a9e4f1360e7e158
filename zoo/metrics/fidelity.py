"""PSNR and SSIM of a restored image against the original, in RGB and in Y, as super-resolution papers measure them."""

from __future__ import annotations

import numpy as np

# ITU-R BT.601, studio range: R, G, B of 0 .. 255 give Y of 16 .. 235.
_LUMA = np.array([65.481, 128.553, 24.966]) / 255
_LUMA_OFFSET = 16.0

# Wang et al. 2004, section III.C: a Gaussian window of 11x11 with sigma 1.5; K1 and K2.
_WINDOW = 11
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03
_PEAK = 255.0


def luma(image: np.ndarray) -> np.ndarray:
    """The Y of BT.601 in studio range (16 .. 235) of RGB levels 0 .. 255: [..., 3] -> float64 [..., 1], not rounded.

    A grey image [..., 1] is taken as R = G = B.
    """
    rgb = np.broadcast_to(image, (*image.shape[:-1], 3)).astype(np.float64)
    return (rgb @ _LUMA)[..., np.newaxis] + _LUMA_OFFSET


def psnr(image: np.ndarray, original: np.ndarray, *, shave: int = 0) -> float:
    """10 log10(255^2 / MSE) in dB over all pixels and channels of one image [h, w, c] with levels 0 .. 255.

    Args:
        shave: leave out so many pixels along each edge; x4 super-resolution takes 4.

    Returns: infinity if the two are equal. For Y give `luma(image)` and `luma(original)`; the peak is still 255.
    """
    error = np.square(_shaved(image, original, shave) - _shaved(original, image, shave)).mean()
    return float(np.inf) if error == 0 else float(10 * np.log10(_PEAK**2 / error))


def ssim(image: np.ndarray, original: np.ndarray, *, shave: int = 0) -> float:
    """The mean structural similarity (Wang et al. 2004, eq. 13), 1 for equal images, of [h, w, c], levels 0 .. 255.

    Each channel alone, then their mean; windows that reach over an edge are left out. Raises ValueError if the image is
    smaller than a window.
    """
    x, y = _shaved(image, original, shave), _shaved(original, image, shave)
    if min(x.shape[:2]) < _WINDOW:
        raise ValueError(
            f"SSIM takes images of {_WINDOW}x{_WINDOW} pixels or more, after shaving; got {x.shape}"
        )
    mean_x, mean_y = _windowed(x), _windowed(y)
    variance_x = _windowed(x * x) - mean_x**2
    variance_y = _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * _PEAK) ** 2, (_K2 * _PEAK) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return float((luminance * structure).mean())


def _shaved(image: np.ndarray, other: np.ndarray, shave: int) -> np.ndarray:
    if image.shape != other.shape or image.ndim != 3:
        raise ValueError(
            f"two images of one shape [h, w, c] are compared; got {image.shape} and {other.shape}"
        )
    height, width = image.shape[:2]
    if 2 * shave >= min(height, width):
        raise ValueError(f"shaving {shave} pixels leaves nothing of {height}x{width}")
    return image[shave : height - shave, shave : width - shave].astype(np.float64)


def _windowed(image: np.ndarray) -> np.ndarray:
    """Gaussian-weighted means over every whole window: [h, w, c] -> [h - 10, w - 10, c]."""
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    for axis in (0, 1):
        image = np.lib.stride_tricks.sliding_window_view(image, _WINDOW, axis=axis) @ weights
    return image
