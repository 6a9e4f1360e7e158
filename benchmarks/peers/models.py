"""The models that serving is measured with: a DCGAN of usual size, and one whose network has been taken out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from pixelzoo.v1 import card_pb2
from zoo import contract
from zoo.contract.capability import Capability, one_shot
from zoo.randomness import INITIAL_NOISE, item_normal

LATENT = 100
BUCKETS = (1, 2, 4, 8, 16, 32)


class OneShot:
    """What the contract's writer needs of a model that only samples. Its weights are untrained: they cost the same."""

    family = "dcgan"
    image_shape = (28, 28, 1)
    num_classes = 0
    label_required = False
    buckets: Sequence[int] = BUCKETS
    capabilities = ("sample",)

    def __init__(self, network: keras.Model | None) -> None:
        self.served_networks = [network] if network else []
        self._network = network

    def capability(self, name: str) -> Capability:
        return one_shot(name, self._sample, inputs={"seed": tf.TensorSpec([None], tf.int64, "seed")})

    def _sample(self, seed: tf.Tensor) -> dict[str, Any]:
        if self._network is None:
            grey = tf.cast(seed % 256, tf.uint8)[:, None, None, None]
            return {"image": tf.tile(grey, [1, *self.image_shape])}
        image = self._network(item_normal(seed, INITIAL_NOISE, [LATENT]), training=False)
        return {"image": tf.cast(tf.round(image * 127.5 + 127.5), tf.uint8)}


def generator() -> keras.Model:
    """A DCGAN's generator of 1.06 million parameters: 7x7x128, 14x14x128, 28x28x64, 28x28x1."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input([LATENT]),
            layers.Dense(7 * 7 * 128),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Reshape([7, 7, 128]),
            layers.Conv2DTranspose(128, 4, strides=2, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2DTranspose(64, 4, strides=2, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(1, 7, padding="same", activation="tanh"),
        ]
    )


def write(folder: Path) -> None:
    """Write <folder>/dcgan/1 and <folder>/blank/1."""
    keras.utils.set_random_seed(0)
    for name, network in (("dcgan", generator()), ("blank", None)):
        contract.write(OneShot(network), folder / name / "1", card=card_pb2.ModelCard(title=name))


if __name__ == "__main__":
    import sys

    write(Path(sys.argv[1]))
    print("written", flush=True)
