"""A ladder of latents: the encoder and decoder of a hierarchical VAE.

After Sønderby et al. 2016, "Ladder variational autoencoders", and Child 2021, "Very deep VAEs". The decoder descends
from a vector of latents over maps of latents at growing resolution to the pixels; the encoder climbs from the pixels
once, and the posterior of each group of latents is read off *both*, on the way down, where the choices made above are
known.

All latents have the same prior: independent standard normals. What other ladders write as a learned prior
N(mu(state), sigma(state)) is here a part of the decoder, which is free to shift and scale a latent by what it knows.
The two say the same (z = mu + sigma epsilon), but this way the latents of an image are one flat vector with a simple
prior, which can be drawn, stored, and interpolated without knowing the ladder.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops

from zoo.layers.mixture import Mixture, read_mixture
from zoo.layers.unet import DepthToSpace, SpaceToDepth

# A posterior is never sharper than e^-7 nor wider than e^1: the first bounds the gradient of its divergence from the
# prior, the second the exponential in it.
_LOG_STD_RANGE = (-7.0, 1.0)


class Posterior(NamedTuple):
    """The approximate posterior at one draw `latent` from it, float32 [n, latent_dim] each."""

    mean: Any
    log_std: Any
    latent: Any


class ResidualBlock(layers.Layer):
    """x + conv(relu(conv(relu(x)))); the last convolution starts at zero, so the block starts as the identity."""

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings = {"padding": "same", "dtype": self.dtype_policy}
        self.first = layers.Conv2D(width, 3, kernel_initializer="he_normal", **settings)
        self.second = layers.Conv2D(width, 3, kernel_initializer="zeros", **settings)

    def build(self, shape: Any) -> None:
        self.first.build(shape)
        self.second.build(shape)

    def call(self, x: Any) -> Any:
        return x + self.second(ops.relu(self.first(ops.relu(x))))


class LatentGroup(layers.Layer):
    """One map of latents: a posterior read off the state and the features, and a way into the state."""

    def __init__(self, size: tuple[int, int], channels: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape, self.dim = (*size, channels), size[0] * size[1] * channels
        policy = self.dtype_policy
        self.block = ResidualBlock(width, dtype=policy)
        self.hidden = layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal", dtype=policy)
        self.moments = layers.Conv2D(2 * channels, 1, kernel_initializer=_small(0.1), dtype=policy)
        self.entrance = layers.Conv2D(width, 1, kernel_initializer=_small(0.3), dtype=policy)

    def build(self, shape: Any) -> None:
        *space, width = shape
        self.block.build(shape)
        self.hidden.build((*space, 2 * width))
        self.moments.build(shape)
        self.entrance.build((*space, self.shape[-1]))

    def posterior(self, state: Any, features: Any) -> tuple[Any, Any]:
        """The mean and log standard deviation of the latents, float32 [n, dim] each."""
        seen = ops.relu(ops.concatenate([state, features], axis=-1))
        return _moments(self.moments(ops.relu(self.hidden(seen))), self.dim)

    def enter(self, state: Any, latent: Any) -> Any:
        """The state [n, h, w, width] with `latent` [n, dim] taken in."""
        return state + self.entrance(ops.reshape(latent, (-1, *self.shape)))


class Level(layers.Layer):
    """All groups of latents of one resolution, with the residual blocks of the climb and of the descent."""

    def __init__(
        self, size: tuple[int, int], width: int, blocks: int, groups: int, channels: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.climb = [ResidualBlock(width, dtype=policy) for _ in range(blocks)]
        self.groups = [LatentGroup(size, channels, width, dtype=policy) for _ in range(groups)]
        self.last = ResidualBlock(width, dtype=policy)

    def build(self, shape: Any) -> None:
        parts: list[layers.Layer] = [*self.climb, *self.groups, self.last]
        for part in parts:
            part.build(shape)


class Ladder(keras.Model):
    """Encoder and decoder over one flat vector of latents, float32 [n, latent_dim], with a standard normal prior.

    The vector holds the `top_latents`, then the maps of each level from coarse to fine, each in row-major order.

    Args:
        image_shape: (height, width, channels); sides that the ladder cannot halve evenly are padded inside.
        widths: channels at each level, from fine to coarse; each level has half the resolution of the one before.
        blocks: residual blocks of the encoder at each level.
        latent_groups: groups of latents at each level, each inferred after the one before; 0 for none.
        latent_channels: channels of each group at each level.
        top_latents: latents of the vector at the top of the ladder.
        components: logistics in the mixture of each pixel and channel.
        initial_log_scale: where the log scales of the components start; the range of pixels is 2 wide.
        patch: side of the square of pixels that enters and leaves as one position of the finest level.
        dtype: Keras precision policy; moments and mixtures are float32 in every policy.

    Raises:
        ValueError: the per-level arguments differ in length.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        widths: Sequence[int],
        blocks: Sequence[int],
        latent_groups: Sequence[int],
        latent_channels: Sequence[int],
        top_latents: int,
        components: int,
        initial_log_scale: float,
        patch: int,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(dtype=dtype, autocast=False, name="ladder")
        given = {"blocks": blocks, "latent_groups": latent_groups, "latent_channels": latent_channels}
        for field, values in given.items():
            if len(values) != len(widths):
                raise ValueError(f"{field} has {len(values)} entries for {len(widths)} widths; give one each")
        height, width, channels = image_shape
        factor = patch * 2 ** (len(widths) - 1)
        self.image_shape, self.components, self.initial_log_scale = image_shape, components, initial_log_scale
        self.padding = (-height % factor, -width % factor)
        padded = (height + self.padding[0], width + self.padding[1])
        sizes = [tuple(side // (patch * 2**level) for side in padded) for level in range(len(widths))]
        policy = self.dtype_policy

        self.patches = SpaceToDepth(patch, dtype=policy)
        self.stem = layers.Conv2D(widths[0], 3, padding="same", dtype=policy)
        self.levels = [
            Level(*settings, dtype=policy)
            for settings in zip(sizes, widths, blocks, latent_groups, latent_channels, strict=True)
        ]
        self.downs = [layers.Conv2D(width, 3, 2, padding="same", dtype=policy) for width in widths[1:]]
        # The way up doubles the resolution: four positions are written as four groups of channels.
        self.ups = [layers.Conv2D(4 * width, 1, dtype=policy) for width in widths[:-1]]
        self.double = DepthToSpace(2, dtype=policy)

        coarsest = (*sizes[-1], widths[-1])
        self.top_shape, self.top_latents = coarsest, top_latents
        self.top_hidden = layers.Conv2D(32, 1, dtype=policy)
        self.top_moments = layers.Dense(2 * top_latents, kernel_initializer=_small(0.1), dtype=policy)
        self.top_entrance = layers.Dense(int(np.prod(coarsest)), dtype=policy)
        outputs = 3 * components * channels * patch**2
        self.head = layers.Conv2D(outputs, 1, kernel_initializer=_small(0.1), dtype="float32")
        self.pixels = DepthToSpace(patch, dtype="float32")

        self.latent_dim = top_latents + sum(group.dim for level in self.levels for group in level.groups)
        self.call(ops.zeros((1, *image_shape)), ops.zeros((1, self.latent_dim)))
        # Levels and groups are never called as a whole, so Keras does not see that their parts are built; a strategy
        # refuses to train what is not.
        for layer in self._flatten_layers():
            layer.built = True

    def call(self, x: Any, noise: Any) -> tuple[Mixture, Posterior]:
        """Draws latents of `x` float32 [n, h, w, c] in [-1, 1] with `noise` [n, latent_dim], and decodes them."""
        return self.infer(self.features(x), noise)

    def features(self, x: Any) -> list[Any]:
        """The encoder's climb: one map of features for each level, from fine to coarse."""
        bottom, right = self.padding
        x = ops.pad(x, ((0, 0), (0, bottom), (0, right), (0, 0)), constant_values=-1.0)
        h = self.stem(self.patches(x))
        maps = []
        for index, level in enumerate(self.levels):
            h = self.downs[index - 1](ops.relu(h)) if index else h
            for block in level.climb:
                h = block(h)
            maps.append(h)
        return maps

    def infer(self, features: list[Any], noise: Any) -> tuple[Mixture, Posterior]:
        """The descent with latents from the posterior, mean + e^log_std noise; noise 0 takes the posterior means."""
        noises, drawn = iter(self._split(noise)), []

        def choose(posterior: Callable[..., Any], state: Any, level: int) -> Any:
            mean, log_std = posterior(state, features[level])
            drawn.append((mean, log_std, mean + ops.exp(log_std) * next(noises)))
            return drawn[-1][-1]

        mixture = self._descend(choose)
        return mixture, Posterior(*(ops.concatenate(parts, axis=1) for parts in zip(*drawn, strict=True)))

    def generate(self, latent: Any) -> Mixture:
        """The descent with given latents, float32 [n, latent_dim]: the decoder."""
        parts = iter(self._split(latent))
        return self._descend(lambda *_: next(parts))

    def _split(self, vector: Any) -> list[Any]:
        """A vector over all latents, [n, latent_dim], as the parts of the top and of each group on the way down."""
        groups = [group for level in reversed(self.levels) for group in level.groups]
        ends = itertools.accumulate((self.top_latents, *(group.dim for group in groups)), initial=0)
        return [vector[:, start:end] for start, end in itertools.pairwise(ends)]

    def _descend(self, choose: Callable[[Callable[..., Any], Any, int], Any]) -> Mixture:
        """From the top to the pixels; choose(posterior, state, level) gives the latents of each group in turn."""
        coarsest = len(self.levels) - 1
        top = choose(self._top_posterior, None, coarsest)
        h = ops.reshape(self.top_entrance(top), (-1, *self.top_shape))
        for index, level in reversed(list(enumerate(self.levels))):
            if index < coarsest:
                h = self.double(self.ups[index](ops.relu(h)))
            for group in level.groups:
                h = group.block(h)
                h = group.enter(h, choose(group.posterior, h, index))
            h = level.last(h)
        outputs = self.pixels(self.head(ops.relu(h)))
        return read_mixture(outputs, self.image_shape, self.components, self.initial_log_scale)

    def _top_posterior(self, state: None, features: Any) -> tuple[Any, Any]:
        h = ops.relu(self.top_hidden(ops.relu(features)))
        return _moments(self.top_moments(ops.reshape(h, (-1, int(np.prod(h.shape[1:]))))), self.top_latents)


def _moments(h: Any, dim: int) -> tuple[Any, Any]:
    """Means and log standard deviations, float32 [n, dim] each, from a map or vector with twice as many channels."""
    mean, log_std = ops.split(ops.cast(h, "float32"), 2, axis=-1)
    return ops.reshape(mean, (-1, dim)), ops.clip(ops.reshape(log_std, (-1, dim)), *_LOG_STD_RANGE)


def _small(scale: float) -> keras.initializers.Initializer:
    """Small weights, so that a posterior starts near the prior, and latents enter softly."""
    return keras.initializers.VarianceScaling(scale)
