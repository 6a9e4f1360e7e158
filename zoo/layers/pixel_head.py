"""Heads of autoregressive networks: from features of what comes before a pixel to the distribution of its levels.

Inside a pixel the channels are in order, R before G before B: the distribution of a channel may depend on the levels
of the channels before it, and it does so here and nowhere else.

A head has four sides. `embed` turns levels into what a network reads. Calling the head turns features into
parameters, a dict of tensors. `log_prob` scores levels under parameters. `draw` draws the levels of single pixels
from their features, one channel after the other, as inverse distribution functions of given uniform numbers: who has
the same numbers draws the same levels.

All of it runs in the precision of what goes in, whatever that of the weights: training has float32 here, and sampling
float64 (see `zoo.autoregressive`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from zoo import likelihoods

# The centre of a cell of `randomness.item_uniform`, whose numbers are multiples of 2^-23: neither 0 nor 1.
_HALF_CELL = 2.0**-24
# A temperature under this is as good as 0: the likeliest of everything.
_COLD = 1e-4
_EMBEDDING = 16
# A component starts this wide; the range of pixels is 2.
_INITIAL_LOG_SCALE = -2.0


class SoftmaxHead(layers.Layer):
    """A categorical distribution over all levels of each channel (van den Oord et al. 2016a, section 3.3).

    It knows no order of the levels, so it serves codes as well as brightness. Parameters: {"logits": [n, h, w, c,
    levels]}.

    Args:
        channels: c, at least 1.
        levels: number of levels, at least 2.
        components: ignored; the mixture has them.
        features: channels of its hidden layer.
    """

    def __init__(self, channels: int, levels: int, components: int, features: int, **kwargs: Any) -> None:
        super().__init__(name="head", **kwargs)
        del components
        self.channels, self.levels, self.features = channels, levels, features
        self.depth = min(_EMBEDDING, levels)
        self.draws = channels
        self.hidden = layers.Dense(channels * features, kernel_initializer="he_normal")
        self.logits = layers.Dense(levels, kernel_initializer="zeros")

    def build(self, shape: Any) -> None:
        self.hidden.build(shape)
        self.logits.build((*shape[:-1], self.features))
        self.table = self.add_weight(shape=(self.levels, self.depth), initializer=_cosines, name="table")
        # What the channels of a pixel tell those after them: the strict triangle of a matrix of blocks.
        self.within = [
            self.add_weight(shape=(channel * self.depth, self.features), name=f"within_{channel}")
            for channel in range(1, self.channels)
        ]

    def embed(self, x: Any, dtype: Any = "float32") -> Any:
        """Levels int [..., c] to `dtype` [..., c, depth]; the table starts as cosines over the levels."""
        return product(tf.one_hot(x, self.levels, dtype=dtype), self.table.value)

    def call(self, features: Any, embedded: Any) -> dict[str, Any]:
        """The parameters from `features` [n, h, w, f] and the embedded pixels [n, h, w, c, depth] themselves."""
        hidden = tf.split(dense(self.hidden, tf.nn.relu(features)), self.channels, axis=-1)
        logits = [self._logits(hidden[c], embedded[..., :c, :], c) for c in range(self.channels)]
        return {"logits": tf.stack(logits, axis=-2)}

    def _logits(self, hidden: Any, before: Any, channel: int) -> Any:
        """The logits [..., levels] of one channel, given the embedded channels [..., channel, depth] before it."""
        if channel:
            flat = tf.reshape(before, tf.concat([tf.shape(before)[:-2], [channel * self.depth]], 0))
            flat = tf.ensure_shape(flat, [*before.shape[:-2], channel * self.depth])
            hidden += product(tf.cast(flat, hidden.dtype), self.within[channel - 1].value)
        return dense(self.logits, at_least_float32(tf.nn.relu(hidden)))

    def log_prob(self, x: Any, parameters: Mapping[str, Any]) -> Any:
        """log P of the pixels `x` int [n, h, w, c], [n, h, w]: the sum over their channels."""
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=x, logits=parameters["logits"])
        return -tf.reduce_sum(nats, axis=-1)

    def draw(self, features: Any, uniform: Any, temperature: Any) -> Any:
        """Levels int32 [m, c] from `features` [m, f], `uniform` [m, draws] in [0, 1) and `temperature` [m]."""
        hidden = tf.split(dense(self.hidden, tf.nn.relu(features)), self.channels, axis=-1)
        drawn: list[Any] = []
        for channel in range(self.channels):
            before = self.embed(tf.stack(drawn, axis=-1), features.dtype) if drawn else features[:, None, :0]
            logits = self._logits(hidden[channel], before, channel)
            drawn.append(draw_category(logits, uniform[:, channel], temperature))
        return tf.stack(drawn, axis=-1)


class LogisticMixtureHead(layers.Layer):
    """A discretised mixture of logistics for each pixel (Salimans et al. 2017, "PixelCNN++", sections 2.1 and 2.2).

    The component belongs to the pixel, not to the channel, and the mean of a channel is shifted in proportion to the
    levels of the channels before it. Parameters: {"logits": [n, h, w, k], "means": [n, h, w, c, k], "log_scales": [n,
    h, w, c, k]}; for one channel these are 3 k numbers a pixel, for three 10 k.

    Args:
        channels: c, at least 1.
        levels: must be 256.
        components: k, at least 1.
        features: channels of its hidden layer.
    """

    depth = 1

    def __init__(self, channels: int, levels: int, components: int, features: int, **kwargs: Any) -> None:
        super().__init__(name="head", **kwargs)
        if levels != 256:
            raise ValueError(f"the logistic mixture has 256 levels, got {levels}: use head='softmax'")
        self.channels, self.components, self.features = channels, components, features
        self.pairs = channels * (channels - 1) // 2
        self.outputs = components * (1 + 2 * channels + self.pairs)
        self.draws = channels + 1
        self.hidden = layers.Dense(features, kernel_initializer="he_normal")
        self.output_ = layers.Dense(self.outputs, kernel_initializer=keras.initializers.VarianceScaling(0.1))

    def build(self, shape: Any) -> None:
        self.hidden.build(shape)
        self.output_.build((*shape[:-1], self.features))

    def embed(self, x: Any, dtype: Any = "float32") -> Any:
        """Levels int [..., c] to `dtype` [..., c, 1] in [-1, 1]."""
        return (tf.cast(x, dtype) / 127.5 - 1.0)[..., None]

    def call(self, features: Any, embedded: Any) -> dict[str, Any]:
        """The parameters from `features` [n, h, w, f] and the embedded pixels [n, h, w, c, 1] themselves."""
        logits, means, log_scales, shares = self._raw(features)
        levels = tf.cast(embedded, means.dtype)
        coupled = [self._mean(means, shares, levels, channel) for channel in range(self.channels)]
        return {"logits": logits, "means": tf.stack(coupled, axis=-2), "log_scales": log_scales}

    def _raw(self, features: Any) -> tuple[Any, Any, Any, Any]:
        """Logits [..., k], means and log scales [..., c, k], and shares [..., pairs, k], not coupled yet.

        Means start evenly spread over the range of pixels, and count in units of the initial scale, so that the
        gradients of sharp components do not drown the others.
        """
        hidden = tf.nn.relu(dense(self.hidden, tf.nn.relu(features)))
        h = dense(self.output_, at_least_float32(hidden))
        parts = tf.split(
            h, [self.components * count for count in (1, self.channels, self.channels, self.pairs)], -1
        )
        logits, means, log_scales, shares = (
            tf.reshape(part, tf.concat([tf.shape(part)[:-1], [-1, self.components]], 0)) for part in parts
        )
        means = np.linspace(-1.0, 1.0, self.components) + np.exp(_INITIAL_LOG_SCALE) * means
        return logits[..., 0, :], means, log_scales + _INITIAL_LOG_SCALE, tf.tanh(shares)

    def _mean(self, means: Any, shares: Any, levels: Any, channel: int) -> Any:
        """The means [..., k] of one channel, given the scaled `levels` [..., >= channel, 1] (PixelCNN++ eq. 3)."""
        first = channel * (channel - 1) // 2
        terms = (shares[..., first + before, :] * levels[..., before, :] for before in range(channel))
        return sum(terms, means[..., channel, :])

    def log_prob(self, x: Any, parameters: Mapping[str, Any]) -> Any:
        """log P of the pixels `x` int [n, h, w, c], [n, h, w]: all channels from one component."""
        scaled = self.embed(x, parameters["means"].dtype)
        each = likelihoods.discretised_logistic_log_prob(
            scaled, parameters["means"], parameters["log_scales"]
        )
        weights = tf.nn.log_softmax(parameters["logits"])
        return tf.reduce_logsumexp(weights + tf.reduce_sum(each, axis=-2), axis=-1)

    def draw(self, features: Any, uniform: Any, temperature: Any) -> Any:
        """Levels int32 [m, c] from `features` [m, f], `uniform` [m, draws] in [0, 1) and `temperature` [m].

        The temperature divides the logits of the components and multiplies their scales.
        """
        logits, means, log_scales, shares = self._raw(features)
        component = draw_category(logits, uniform[:, 0], temperature)
        chosen = tf.one_hot(component, self.components, dtype=means.dtype)[:, None, :]
        drawn = tf.zeros_like(means[:, :0, :1])
        for channel in range(self.channels):
            mean = tf.reduce_sum(chosen[:, 0] * self._mean(means, shares, drawn, channel), axis=-1)
            log_scale = tf.reduce_sum(chosen[:, 0] * log_scales[:, channel], axis=-1)
            scale = temperature * tf.exp(tf.maximum(log_scale, likelihoods.MIN_LOG_SCALE))
            u = uniform[:, channel + 1] + _HALF_CELL
            x = mean + scale * (tf.math.log(u) - tf.math.log1p(-u))
            level = tf.round(tf.clip_by_value(x, -1.0, 1.0) * 127.5 + 127.5)
            drawn = tf.concat([drawn, (level / 127.5 - 1.0)[:, None, None]], axis=1)
        return tf.cast(tf.round(drawn[..., 0] * 127.5 + 127.5), tf.int32)


Head = SoftmaxHead | LogisticMixtureHead
HEADS: dict[str, type[Head]] = {"softmax": SoftmaxHead, "logistic_mixture": LogisticMixtureHead}


def draw_category(logits: Any, uniform: Any, temperature: Any) -> Any:
    """The category int32 [m] at which the distribution function of `logits` [m, k] / temperature passes `uniform`."""
    cold = tf.maximum(temperature, _COLD)[:, None]
    cumulative = tf.cumsum(tf.nn.softmax(logits / cold), axis=-1)
    # Scaled by the sum, which rounding may leave on either side of 1: the last category is never passed.
    passed = cumulative[:, :-1] <= (uniform + _HALF_CELL)[:, None] * cumulative[:, -1:]
    return tf.reduce_sum(tf.cast(passed, tf.int32), axis=-1)


def dense(layer: layers.Dense, x: Any) -> Any:
    """`layer` on the last axis of `x`, in the precision of `x`."""
    return product(x, layer.kernel.value) + tf.cast(layer.bias.value, x.dtype)


def product(x: Any, kernel: Any) -> Any:
    """`x` [..., i] times the matrix `kernel` [i, o], in the precision of `x`."""
    return tf.tensordot(x, tf.cast(kernel, x.dtype), axes=1)


def at_least_float32(x: Any) -> Any:
    """The last layer is never in half precision: a mean is wanted to a fraction of a level."""
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)


def _cosines(shape: tuple[int, int], dtype: Any = None) -> Any:
    """Level l starts as cos(pi k l / (levels - 1)) for k = 1, 2, ...: neighbours lie close, and no two are equal."""
    levels, depth = shape
    angles = np.pi * np.linspace(0.0, 1.0, levels)[:, None] * np.arange(1, depth + 1)
    return keras.ops.convert_to_tensor(np.cos(angles), dtype)
