"""Vector quantisation (van den Oord et al. 2017, "Neural discrete representation learning", VQ-VAE).

A vector is replaced by the nearest of K codes (eq. 1-2). The gradient passes straight through, as if nothing had been
replaced (section 3.2). The codes follow the vectors in one of two ways: as the moving mean of the vectors that chose
them (appendix A.1), or by the gradient of their squared distance (the second term of eq. 3).

Three things keep all K codes at work:

- the moving averages start empty, so they are divided by the weight that they have gathered so far (as in Adam);
- a code is never divided by a count of nearly nothing (Laplace smoothing), nor moved by no evidence at all;
- a code that hardly anything chooses is put onto a vector of the batch, and begins its averages anew from there. At
  the first update that is every code but a few: the codebook starts from data.

Under a strategy all sums run over all replicas, and the vectors for revived codes are drawn from the global batch with
the same seed everywhere: the copies of the codebook stay equal.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import layers

UPDATES = ("ema", "gradient")


class Quantised(NamedTuple):
    """What became of vectors [n, h, w, dim].

    Attributes:
        codes: int32 [n, h, w], the number of the nearest code.
        vectors: float32 [n, h, w, dim], that code; its gradient goes to the vectors that came in, unchanged.
        commitment: float32 [n], mean squared distance to the code, whose gradient moves what came in (eq. 3, term 3).
        codebook: float32 [n], the same number, whose gradient moves the code (eq. 3, term 2); the loss takes it only
            where the codebook learns by gradient.
    """

    codes: Any
    vectors: Any
    commitment: Any
    codebook: Any


@keras.saving.register_keras_serializable("pixelzoo")
class VectorQuantizer(layers.Layer):
    """Replaces vectors, float32 [n, h, w, dim], by the nearest of `size` codes.

    `call` changes nothing: training calls `update` beside it, after the codes have been read, so that a batch is
    always quantised with the codebook from before it.

    Args:
        size: K, the number of codes, at least 2.
        dim: length of a code.
        updates: how codes learn, "ema" or "gradient".
        decay: of the moving averages, for each update, 0 .. 1.
        epsilon: pseudo-count of the Laplace smoothing, in vectors a batch.
        revive_below: a code is dead when its share of the vectors is below this part of the mean share 1 / K; 0
            revives none.

    Raises:
        ValueError: an argument lies outside its range.
    """

    def __init__(
        self,
        size: int,
        dim: int,
        *,
        updates: str = "ema",
        decay: float = 0.99,
        epsilon: float = 1e-5,
        revive_below: float = 0.05,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        if size < 2 or dim < 1:
            raise ValueError(f"a codebook needs at least 2 codes of length 1; got {size} of length {dim}")
        if updates not in UPDATES:
            raise ValueError(f"updates {updates!r} is unknown; choose one of {', '.join(UPDATES)}")
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay must lie in [0, 1); got {decay}")
        if not 0.0 <= revive_below < 1.0:
            raise ValueError(f"revive_below must lie in [0, 1); got {revive_below}")
        self.size, self.dim, self.updates = int(size), int(dim), updates
        self.decay, self.epsilon, self.revive_below = float(decay), float(epsilon), float(revive_below)

    def build(self, shape: Any = None) -> None:
        # Weights all of them, in the eyes of Keras: saved, mirrored, and averaged like the rest of the network.
        self.codebook = self.add_weight(
            (self.size, self.dim),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=self.updates == "gradient",
            name="codebook",
        )
        self.count_average = self._state((self.size,), "count_average")
        if self.updates == "ema":
            self.sum_average = self._state((self.size, self.dim), "sum_average")
        self.update_count = self._state((), "update_count")

    def _state(self, shape: tuple[int, ...], name: str) -> Any:
        return self.add_weight(shape, initializer="zeros", trainable=False, name=name)

    def call(self, z: Any) -> Quantised:
        codes = self.nearest(z)
        found = self.lookup(codes)
        return Quantised(
            codes,
            # z - z is 0 to the last bit, so that what is decoded *is* the code.
            tf.stop_gradient(found) + (z - tf.stop_gradient(z)),
            tf.reduce_mean((z - tf.stop_gradient(found)) ** 2, axis=(1, 2, 3)),
            tf.reduce_mean((tf.stop_gradient(z) - found) ** 2, axis=(1, 2, 3)),
        )

    def nearest(self, z: Any) -> Any:
        """The numbers of the nearest codes, int32 [n, h, w]; of equally near ones the first."""
        codebook = self.codebook.value
        # The vector's own norm is the same for all codes.
        distance = tf.reduce_sum(codebook**2, axis=1) - 2.0 * tf.einsum("nhwd,kd->nhwk", z, codebook)
        return tf.argmin(distance, axis=-1, output_type=tf.int32)

    def lookup(self, codes: Any) -> Any:
        """The codes of the numbers `codes` int32 [n, h, w], float32 [n, h, w, dim]."""
        return tf.gather(self.codebook.value, codes)

    # --- learning ---------------------------------------------------------------------------------------------

    @property
    def usage(self) -> Any:
        """How many vectors of a batch choose each code, a moving average without bias, float32 [size]."""
        gathered = 1.0 - self.decay ** tf.maximum(self.update_count.value, 1.0)
        return self.count_average.value / gathered

    @property
    def perplexity(self) -> Any:
        """The exponential of the entropy of `usage`, float32 []: K if all codes are used alike, 1 if one is."""
        share = self.usage / tf.maximum(tf.reduce_sum(self.usage), 1e-12)
        return tf.exp(-tf.reduce_sum(tf.math.xlogy(share, share)))

    def update(self, z: Any, codes: Any) -> None:
        """Moves the codebook on by one batch of vectors [n, h, w, dim] and the `codes` that they chose."""
        z = tf.stop_gradient(tf.reshape(z, (-1, self.dim)))
        codes = tf.reshape(codes, (-1,))
        step = self.update_count.value + 1.0
        counts, sums, candidates = _over_replicas(
            [
                tf.math.unsorted_segment_sum(tf.ones_like(z[:, 0]), codes, self.size),
                tf.math.unsorted_segment_sum(z, codes, self.size),
                self._candidates(z, step),
            ]
        )
        gathered = 1.0 - self.decay**step
        count_average = self._moved(self.count_average, counts)
        usage = count_average / gathered
        total = tf.reduce_sum(usage)
        dead = usage < self.revive_below * total / self.size
        # A revived code is worth the mean of all: as much time to find its place as any other has had.
        self.count_average.assign(tf.where(dead, gathered * total / self.size, count_average))
        code = self.codebook.value
        if self.updates == "ema":
            sum_average = self._moved(self.sum_average, sums)
            smoothed = (usage + self.epsilon) / (total + self.size * self.epsilon) * total
            mean = sum_average / gathered / smoothed[:, None]
            code = tf.where((usage > 0.0)[:, None], mean, code)
            born = gathered * total / self.size * candidates
            self.sum_average.assign(tf.where(dead[:, None], born, sum_average))
        self.codebook.assign(tf.where(dead[:, None], candidates, code))
        self.update_count.assign(step)

    def _moved(self, average: Any, value: Any) -> Any:
        return self.decay * average.value + (1.0 - self.decay) * value

    def _candidates(self, z: Any, step: Any) -> Any:
        """This replica's share of `size` different vectors of the global batch [m, dim]: zeros where another has them.

        Fewer vectors than codes are handed out in turn.
        """
        replica, replicas = _replica()
        here = tf.shape(z)[0]
        draw = tf.random.stateless_uniform([here * replicas], seed=[tf.cast(step, tf.int32), 0], alg="philox")
        place = tf.gather(tf.argsort(draw), tf.range(self.size) % (here * replicas)) - replica * here
        mine = (place >= 0) & (place < here)
        return tf.where(mine[:, None], tf.gather(z, tf.clip_by_value(place, 0, here - 1)), 0.0)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": self.size,
            "dim": self.dim,
            "updates": self.updates,
            "decay": self.decay,
            "epsilon": self.epsilon,
            "revive_below": self.revive_below,
        }


def _replica() -> tuple[int, int]:
    """The number of this replica, and how many there are."""
    context = tf.distribute.get_replica_context()
    number = 0 if context is None else context.replica_id_in_sync_group
    return number, tf.distribute.get_strategy().num_replicas_in_sync


def _over_replicas(values: list[Any]) -> list[Any]:
    """The sums of `values` over all replicas."""
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)
