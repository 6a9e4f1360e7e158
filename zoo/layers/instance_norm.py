"""Instance normalisation (Ulyanov et al. 2016): each channel of each image has mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("pixelzoo")
class InstanceNormalization(layers.Layer):
    """[n, h, w, c] -> [n, h, w, c], scaled by gamma and shifted by beta, float32 [c] each.

    Gamma starts at 1, as any norm's does: drawn around 0, half of the channels would start upside down and most near
    nothing. Statistics are float32 in every precision policy. Nothing is shared between the images of a batch.
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, x_shape: Any) -> None:
        self.gamma = self.add_weight((x_shape[-1],), initializer="ones", name="gamma")
        self.beta = self.add_weight((x_shape[-1],), initializer="zeros", name="beta")

    def call(self, x: Any) -> Any:
        wide = ops.cast(x, "float32")
        mean = ops.mean(wide, (1, 2), keepdims=True)
        variance = ops.maximum(ops.mean(ops.square(wide), (1, 2), keepdims=True) - ops.square(mean), 0.0)
        # Norm, scale and shift are folded into one multiplication and one addition for each element.
        gain = ops.cast(self.gamma, "float32") * ops.rsqrt(variance + self.epsilon)
        offset = ops.cast(self.beta, "float32") - mean * gain
        return x * ops.cast(gain, x.dtype) + ops.cast(offset, x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}
