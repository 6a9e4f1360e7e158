"""Likelihoods of 8-bit pixels. Pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf


def bits_per_dim(nats: Any, dims: int) -> Any:
    """nats of a whole image, float32 [n], to bits for each of its `dims` dimensions (pixels times channels)."""
    return nats / (dims * np.log(2.0))


def discretised_gaussian_log_prob(x: Any, mean: Any, log_scale: Any) -> Any:
    """log P(x) of 256 levels in [-1, 1] under a normal whose mass beyond the ends falls to the end levels (DDPM eq. 13).

    Args:
        x: float32, level i at -1 + 2 i / 255.
        mean: float32, of the shape of x.
        log_scale: float32, log standard deviation, broadcast to x.
    """
    half = 1.0 / 255.0
    rate = tf.exp(-log_scale)
    upper, lower = (x - mean + half) * rate, (x - mean - half) * rate
    # By symmetry the difference of the two tails is taken on the side where it does not cancel.
    flip = lower > 0.0
    high = tf.where(flip, -lower, upper)
    low = tf.where(flip, -upper, lower)
    log_high, log_low = _log_ndtr(high), _log_ndtr(low)
    inside = log_high + tf.math.log1p(-tf.exp(tf.minimum(log_low - log_high, -1e-7)))
    return tf.where(x < -1.0 + half, _log_ndtr(upper), tf.where(x > 1.0 - half, _log_ndtr(-lower), inside))


def _log_ndtr(x: Any) -> Any:
    import tensorflow_probability as tfp

    return tfp.math.special.log_ndtr(x) if hasattr(tfp.math, "special") else tfp.distributions.Normal(0.0, 1.0).log_cdf(x)
