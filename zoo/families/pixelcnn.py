"""PixelCNN: an image drawn pixel by pixel, each given all before it (van den Oord et al. 2016b, the gated network).

The likelihood of an image is a product of one-dimensional distributions, and so it is exact (eq. 1):

    log p(x | label) = sum_i log p(x_i | x_1, ..., x_{i-1}, label)

Training evaluates all factors at once, since the image is known. Sampling cannot: it takes one pixel after the other,
and `zoo.autoregressive` does so without computing anything twice. Labels are dropped at random in training, so that
one network is both p(x | label) and p(x).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pixelzoo.v1 import capability_pb2
from zoo import contract, likelihoods, randomness
from zoo.autoregressive import RowSampler
from zoo.families.base import GenerativeModel
from zoo.layers.gated_pixelcnn import GatedPixelCNN

MAX_TEMPERATURE = 10.0
# Gradients beyond this many nats for each dimension are clipped: spikes, not the run of the training.
_CLIP_NATS_PER_DIM = 1.0


@keras.saving.register_keras_serializable("pixelzoo")
class PixelCNN(GenerativeModel):
    """A gated PixelCNN of uint8 images, with one channel or several.

    Args:
        features, blocks, head, components, first_reach, reach, head_features: see
            `zoo.layers.gated_pixelcnn.GatedPixelCNN`.
        label_dropout: share of training items whose label is hidden, 0 .. 1.
        **kwargs: see `GenerativeModel`.
    """

    family = "pixelcnn"
    term_names = ("loss", "bits_per_dim")
    buckets = (16,)

    def __init__(
        self,
        *,
        features: int = 64,
        blocks: int = 8,
        head: str = "logistic_mixture",
        components: int = 10,
        first_reach: int = 3,
        reach: int = 1,
        head_features: int = 128,
        label_dropout: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0.0 <= label_dropout <= 1.0:
            raise ValueError(f"label_dropout must lie in 0 .. 1; got {label_dropout}")
        self.label_dropout = float(label_dropout)
        self.architecture: dict[str, Any] = {
            "features": features,
            "blocks": blocks,
            "head": head,
            "components": components,
            "first_reach": first_reach,
            "reach": reach,
            "head_features": head_features,
        }
        self.dims = int(np.prod(self.image_shape))
        self._build_networks()
        self._sampler = RowSampler(self.ema_network)

    def build_network(self, dtype: Any) -> GatedPixelCNN:
        return GatedPixelCNN(
            image_shape=self.image_shape, num_classes=self.num_classes, dtype=dtype, **self.architecture
        )

    def default_optimizer(
        self, learning_rate: float | None = None, total_steps: int | None = None
    ) -> keras.optimizers.Optimizer:
        """The recipe's optimizer: Adam; warm-up and cosine if `total_steps` is known. Clips only what is far out."""
        rate = self.warmup_cosine(learning_rate, total_steps, longest_warmup=200)
        return keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=_CLIP_NATS_PER_DIM * self.dims)

    # --- training ---------------------------------------------------------------------------------------------

    def terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        """-log p(image | label), exact: in nats (`loss`) and in bits/dim, float32 [n] each."""
        hidden = randomness.item_uniform(batch["seed"], randomness.LABEL_DROPOUT, ()) < self.label_dropout
        label = tf.where(hidden & training, -1, batch["label"])
        nats = self._nats(self.network if training else self.ema_network, batch["image"], label)
        return {"loss": nats, "bits_per_dim": likelihoods.bits_per_dim(nats, self.dims)}

    def _nats(self, network: GatedPixelCNN, image: Any, label: Any) -> Any:
        levels = tf.cast(image, tf.int32)
        return -tf.reduce_sum(network.head.log_prob(levels, network(levels, label)), axis=(1, 2))

    # --- what it answers --------------------------------------------------------------------------------------

    def contract_capabilities(self) -> list[contract.Capability]:
        height = self.image_shape[0]
        label = {"label": contract.LABEL} if self.num_classes else {}
        sample = contract.iterative(
            "sample",
            begin=self._sample_begin,
            advance=self._sampler.advance,
            preview=self._picture,
            finish=self._picture,
            steps=height,
            inputs={"seed": contract.SEED, **label},
            options=[
                contract.Real(
                    "temperature",
                    1.0,
                    0.0,
                    MAX_TEMPERATURE,
                    "1 draws from the model; less is more cautious, and 0 takes the likeliest of everything.",
                ),
                contract.Picture("image", 0, self.image_shape, "A picture whose top rows are kept."),
                contract.Integer(
                    "given_rows", 0, 0, height, "Rows of the image that are kept, counted from the top."
                ),
            ],
        )
        score = contract.one_shot(
            "score",
            self._score,
            inputs={
                "image": contract.image(self.image_shape),
                "label": contract.LABEL,
                "seed": contract.SEED,
            },
            scores=[
                contract.Score(
                    "bits_per_dim",
                    capability_pb2.SCORE_KIND_EXACT_LOG_LIKELIHOOD,
                    "bits/dim",
                    "Negative log-likelihood, exact; given the class if there is a label.",
                    exact=True,
                    primary=True,
                )
            ],
        )
        return [sample, score]

    def _sample_begin(
        self, seed: Any, temperature: Any, image: Any, given_rows: Any, label: Any = None
    ) -> dict[str, Any]:
        label = tf.fill(tf.shape(seed), -1) if label is None else label
        return self._sampler.initial(seed, label, temperature, image, given_rows)

    def _picture(self, **state: Any) -> dict[str, Any]:
        """The rows drawn so far, the given ones, and black below them."""
        return {"image": tf.cast(state["levels"], tf.uint8)}

    def _score(self, image: Any, label: Any, seed: Any) -> dict[str, Any]:
        del seed  # nothing is drawn
        nats = self._nats(self.ema_network, image, label)
        return {"bits_per_dim": likelihoods.bits_per_dim(nats, self.dims)}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_dropout": self.label_dropout, **self.architecture}
