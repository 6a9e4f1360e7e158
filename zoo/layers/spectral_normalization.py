"""Spectral normalisation (Miyato et al. 2018): a layer whose weights are divided by their largest singular value."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("pixelzoo")
class SpectralNormalization(layers.Wrapper):
    """Runs `layer` with W / sigma(W) in the place of its kernel or embeddings W (eq. 8), so that sigma becomes 1.

    W [..., out] counts as a matrix with `out` columns. Its largest singular value is found by one step of the power
    iteration (algorithm 1) from the vector of the call before; calls in training keep the new vector. The stored W
    stays as the optimizer left it, and the gradient goes through sigma. (Keras' own layer overwrites W at each call
    in training, which is another algorithm.)
    """

    def __init__(self, layer: layers.Layer, **kwargs: Any) -> None:
        # The norm is taken in float32 whatever `layer` computes in, and its inputs are left as they are.
        kwargs["dtype"] = "float32"
        super().__init__(layer, autocast=False, **kwargs)

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.vector = self.add_weight(
            (1, self._weight.shape[-1]), initializer="random_normal", trainable=False, name="vector"
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        weight = ops.cast(self._weight, "float32")
        sigma, vector = self._largest_singular_value(ops.reshape(weight, (-1, weight.shape[-1])))
        if training:
            self.vector.assign(vector)
        # Read through a scope: the layer runs as it is, only with another value of its weight.
        with keras.StatelessScope([(self._weight, weight / sigma)]):
            return self.layer(inputs)

    def _largest_singular_value(self, matrix: Any) -> tuple[Any, Any]:
        left = _unit(ops.matmul(self.vector, ops.transpose(matrix)))
        right = _unit(ops.matmul(left, matrix))
        left, right = ops.stop_gradient(left), ops.stop_gradient(right)
        return ops.sum(ops.matmul(left, matrix) * right), right

    @property
    def _weight(self) -> keras.Variable:
        return self.layer.embeddings if isinstance(self.layer, layers.Embedding) else self.layer.kernel

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)


def _unit(vector: Any) -> Any:
    return vector / (ops.sqrt(ops.sum(ops.square(vector))) + 1e-12)
