"""Noise that belongs to an item, not to a batch.

Every draw is a pure function of (seed of the item, stream), made by the stateless Philox generator of
Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". An item therefore gets the same noise alone,
beside strangers, on any replica, and after a resume.

Streams name what a draw is for. A sampler uses the step as the stream, and -1 for its initial noise; scoring uses the
number of the draw; the constants below are for the rest, and no step count reaches them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

INITIAL_NOISE = -1
TRAINING_NOISE = -2
LABEL_DROPOUT = -3
CLASS_DRAW = -4
DECODER_NOISE = -5

_GOLDEN_RATIO_64 = -7046029254386353131  # 2^64 / phi as a two's complement int64


def item_normal(seed: tf.Tensor, stream: tf.Tensor | int, shape: Sequence[int]) -> tf.Tensor:
    """Standard normal noise, float32 [n, *shape], from `seed` int64 [n] and `stream` int [n] or scalar."""
    return _per_item(tf.random.stateless_normal, seed, stream, shape)


def item_uniform(seed: tf.Tensor, stream: tf.Tensor | int, shape: Sequence[int]) -> tf.Tensor:
    """Uniform noise in [0, 1), float32 [n, *shape], from `seed` int64 [n] and `stream` int [n] or scalar."""
    return _per_item(tf.random.stateless_uniform, seed, stream, shape)


def item_truncated_normal(
    seed: tf.Tensor, stream: tf.Tensor | int, shape: Sequence[int], limit: tf.Tensor
) -> tf.Tensor:
    """Standard normal noise that was drawn again wherever it lay further from 0 than `limit`, float32 [n, *shape].

    `limit` float32 [n] is positive; from about 6 on it changes nothing. No draw is thrown away: a uniform number in
    the part of the distribution function between the limits is put through its inverse, which gives the same
    distribution.
    """
    limit = tf.reshape(limit, [-1] + [1] * len(tuple(shape)))
    # The uniform numbers are multiples of 2^-23: the middle of each cell, so that 0 does not land on the limit.
    uniform = tf.cast(item_uniform(seed, stream, shape), tf.float64) + 2.0**-24
    lowest = 0.5 * tf.math.erfc(tf.cast(limit, tf.float64) / np.sqrt(2.0))
    normal = tf.math.ndtri(lowest + uniform * (1.0 - 2.0 * lowest))
    return tf.clip_by_value(tf.cast(normal, tf.float32), -limit, limit)


def item_stratum(seed: tf.Tensor) -> tf.Tensor:
    """A number in [0, 1) for each item, float32 [n], evenly spread over any run of consecutive seeds.

    It is the Weyl sequence of the golden ratio, frac(seed / phi): the items of one training batch, whose seeds are
    consecutive, cover the interval like the low-discrepancy timesteps of Kingma et al. 2021, "Variational diffusion
    models", appendix I.1, and yet each draw depends on its own seed only.
    """
    turns = tf.cast(seed, tf.int64) * tf.constant(_GOLDEN_RATIO_64, tf.int64)
    # The top 24 bits are what a float32 in [0, 1) can hold exactly.
    top = tf.bitwise.right_shift(tf.bitcast(turns, tf.uint64), tf.constant(40, tf.uint64))
    return tf.cast(top, tf.float32) * 2.0**-24


def _per_item(
    draw: Callable[..., tf.Tensor], seed: tf.Tensor, stream: tf.Tensor | int, shape: Sequence[int]
) -> tf.Tensor:
    seed = tf.cast(seed, tf.int64)
    stream = tf.broadcast_to(tf.cast(stream, tf.int64), tf.shape(seed))
    keys = tf.stack([seed, stream], axis=1)
    shape = tuple(shape)
    return tf.map_fn(
        lambda key: draw(shape, seed=key, alg="philox"),
        keys,
        fn_output_signature=tf.TensorSpec(shape, tf.float32),
    )
