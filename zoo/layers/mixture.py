"""What decoders end in: a mixture of logistics for every pixel and channel (Salimans et al. 2017, eq. 2)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops

from zoo import likelihoods


class Mixture(NamedTuple):
    """A mixture of logistics for every pixel and channel, float32 [n, h, w, c, components] each."""

    logits: Any
    means: Any
    log_scales: Any

    def nats(self, x: Any) -> Any:
        """-log p(x), float32 [n], of `x` float32 [n, h, w, c]: the sum over all pixels and channels."""
        return -tf.reduce_sum(likelihoods.discretised_logistic_mixture_log_prob(x, *self), axis=(1, 2, 3))

    def picture(self) -> Any:
        """The mean of each pixel's mixture, to the nearest level, uint8 [n, h, w, c].

        A draw from the mixtures instead would add to every pixel a noise of its own, which no neighbour knows of.
        """
        return likelihoods.nearest_level(likelihoods.logistic_mixture_mean(self.logits, self.means))


def read_mixture(
    outputs: Any, image_shape: tuple[int, int, int], components: int, initial_log_scale: float
) -> Mixture:
    """The mixtures in a head's outputs, float32 [n, h', w', 3 components c], cut to the image at the lower right.

    The components start evenly spread over the range of pixels, the ends included. Means count in units of the
    initial scale, so that the gradients of sharp components do not drown the others.
    """
    height, width, channels = image_shape
    h = ops.reshape(outputs[:, :height, :width], (-1, height, width, channels, 3, components))
    logits, means, log_scales = ops.unstack(h, axis=-2)
    centres = np.linspace(-1.0, 1.0, components, dtype="float32") if components > 1 else 0.0
    return Mixture(logits, centres + float(np.exp(initial_log_scale)) * means, log_scales + initial_log_scale)
