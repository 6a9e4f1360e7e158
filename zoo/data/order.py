"""The order in which a run sees its training items: a pure function of the run's seed and the position.

Position k of the training stream is the k-th item of the whole run, counted over all epochs. Because order and item
seeds depend on (run seed, k) and on nothing else, a run can resume at any step, and any number of replicas or workers
read the same stream.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

_MASK_64 = (1 << 64) - 1


def seed_base(run_seed: int) -> int:
    """The seed of the training item at position 0, in 0 .. 2^62 - 1; position k has `seed_base(run_seed) + k`.

    Consecutive items have consecutive seeds, because the diffusion loss spreads its timesteps evenly over
    consecutive seeds. The base itself is scattered by the splitmix64 finaliser (Steele et al. 2014), so that runs
    with neighbouring seeds do not share noise, and training noise is not that of the small seeds people sample with.
    """
    z = (run_seed + 0x9E3779B97F4A7C15) & _MASK_64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK_64
    return (z ^ (z >> 31)) >> 2


def shuffled_index(position: tf.Tensor, size: int, run_seed: int) -> tf.Tensor:
    """Which of `size` items stands at each position of the stream: int64 [n] -> int64 [n].

    Every run of `size` positions that starts at a multiple of `size` (an epoch) holds each item once, in an order of
    its own, by a keyed pseudorandom permutation: no buffer, no state.
    """
    position = tf.cast(position, tf.int64)
    epoch = position // size
    key = tf.stack([tf.fill(tf.shape(epoch), _int64(seed_base(run_seed))), epoch, tf.zeros_like(epoch)], -1)
    # The raw op, because tf.random.experimental.index_shuffle does not take one key for each position.
    return tf.raw_ops.RandomIndexShuffle(
        index=position % size, seed=key, max_index=_int64(size - 1), rounds=4
    )


def keyed_order(size: tf.Tensor, key: Sequence[tf.Tensor | int]) -> tf.Tensor:
    """The numbers 0 .. `size` - 1 in an order that depends on the three numbers of `key`: int64 [size]."""
    size = tf.cast(size, tf.int64)
    seed = tf.stack([tf.cast(part, tf.int64) for part in key])
    return tf.raw_ops.RandomIndexShuffle(index=tf.range(size), seed=seed, max_index=size - 1, rounds=4)


def _int64(number: int) -> tf.Tensor:
    return tf.constant(number, tf.int64)
