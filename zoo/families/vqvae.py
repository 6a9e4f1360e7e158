"""VQ-VAE: neural discrete representation learning (van den Oord, Vinyals & Kavukcuoglu 2017), with its prior.

An encoder turns an image into a small grid of vectors, each of which is replaced by the nearest of K codes; a decoder
turns the codes back into a distribution over images. What is left of an image is a grid of whole numbers, c(x), and
an autoregressive network (a gated PixelCNN) learns how likely each grid is. The posterior puts all its weight on one
grid, so the bound on the likelihood has two terms and no expectation:

    log p(x) = log sum_c p(x | c) p(c) >= log p(x | c(x)) + log p(c(x))
                                          -reconstruction    -prior

Everything is trained at once by eq. 3 of the paper, per image and in nats:

    loss = reconstruction + dims (|sg(z) - e|^2 + beta |z - sg(e)|^2) + prior

where sg stops the gradient, z are the encoder's vectors and e their codes, and |.|^2 is the mean over the grid and the
entries of a vector. The second term is there only if the codebook learns by gradient; else codes are moving means (see
`zoo.layers.quantizer`). The prior sees codes, whole numbers, so no gradient of its term reaches the encoder: it is
the paper's second stage, trained beside the first on codes that settle.

Given the codes, pixels and channels are independent, each with a discretised mixture of logistics, as in the VAE: all
terms are nats of an image that exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pixelzoo.v1 import capability_pb2
from zoo import autoregressive, contract, likelihoods
from zoo.families.base import GenerativeModel
from zoo.layers.autoencoder import Decoder, Encoder, grid_shape
from zoo.layers.gated_pixelcnn import GatedPixelCNN
from zoo.layers.mixture import Mixture
from zoo.layers.quantizer import VectorQuantizer

MAX_TEMPERATURE = 2.0
# Gradients beyond this many nats for each dimension are clipped: spikes, not the run of the training.
_CLIP_NATS_PER_DIM = 4.0


class CodedImages(keras.Model):
    """The four networks: `encoder` to vectors, `quantizer` to codes, `decoder` to pixels, and the codes' `prior`."""

    def __init__(
        self, *, encoder: Encoder, quantizer: VectorQuantizer, decoder: Decoder, prior: GatedPixelCNN
    ) -> None:
        super().__init__(autocast=False, name="coded_images")
        self.encoder, self.quantizer, self.decoder, self.prior = encoder, quantizer, decoder, prior
        self.built = True


@keras.saving.register_keras_serializable("pixelzoo")
class VQVAE(GenerativeModel):
    """A vector-quantised auto-encoder of uint8 images, with one channel or three, and a prior over its codes.

    Args:
        codebook_size: K, the number of codes.
        code_dim: length of a code.
        codebook_updates: how codes learn, "ema" or "gradient".
        codebook_decay, revive_below: see `zoo.layers.quantizer.VectorQuantizer`.
        commitment: beta, the weight of the encoder's distance from its codes.
        widths, blocks, patch: of encoder and decoder, from fine to coarse; see `zoo.layers.autoencoder.Encoder`. The
            grid of codes has 1 / (patch 2^(levels - 1)) of the image's rows and columns.
        components, initial_log_scale: of the pixels' mixtures; see `zoo.layers.autoencoder.Decoder`.
        prior_features, prior_blocks: channels and blocks of the prior; see
            `zoo.layers.gated_pixelcnn.GatedPixelCNN`.
        **kwargs: see `GenerativeModel`; this family has no classes.
    """

    family = "vqvae"
    buckets = (16,)
    term_names = ("loss", "bits_per_dim", "reconstruction", "prior", "commitment", "perplexity")

    def __init__(
        self,
        *,
        codebook_size: int = 256,
        code_dim: int = 32,
        codebook_updates: str = "ema",
        codebook_decay: float = 0.99,
        revive_below: float = 0.05,
        commitment: float = 0.25,
        widths: Sequence[int] = (64, 64),
        blocks: Sequence[int] = (2, 2),
        patch: int = 2,
        components: int = 5,
        initial_log_scale: float = -2.0,
        prior_features: int = 64,
        prior_blocks: int = 6,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if self.num_classes:
            raise ValueError(f"num_classes must be 0, got {self.num_classes}: this VQ-VAE takes no labels")
        if self.image_shape[2] not in (1, 3):
            raise ValueError(f"image_shape must have 1 or 3 channels; got {self.image_shape}")
        if len(blocks) != len(widths):
            raise ValueError(f"blocks has {len(blocks)} entries for {len(widths)} widths; give one each")
        for field, value in (("patch", patch), ("components", components), ("code_dim", code_dim)):
            if value < 1:
                raise ValueError(f"{field} must be at least 1; got {value}")
        if commitment < 0.0:
            raise ValueError(f"commitment must not be negative; got {commitment}")
        self.architecture: dict[str, Any] = {
            "codebook_size": codebook_size,
            "code_dim": code_dim,
            "codebook_updates": codebook_updates,
            "codebook_decay": codebook_decay,
            "revive_below": revive_below,
            "commitment": commitment,
            "widths": tuple(widths),
            "blocks": tuple(blocks),
            "patch": patch,
            "components": components,
            "initial_log_scale": initial_log_scale,
            "prior_features": prior_features,
            "prior_blocks": prior_blocks,
        }
        self.codebook_size, self.commitment = codebook_size, commitment
        self.grid = grid_shape(self.image_shape, patch, len(widths))
        self.cell = patch * 2 ** (len(widths) - 1)
        self.dims = int(np.prod(self.image_shape))
        self._build_networks()
        # One row of codes is one step. On so small a grid XLA saves less than it costs to start, and float64, in which
        # no two programs draw different codes, is affordable.
        self.sampler = autoregressive.RowSampler(self.ema_network.prior, xla=False, precision="float64")

    def build_network(self, dtype: Any) -> CodedImages:
        made = self.architecture
        convolutions = {
            "patch": made["patch"],
            "widths": made["widths"],
            "blocks": made["blocks"],
            "dim": made["code_dim"],
            "dtype": dtype,
        }
        quantizer = VectorQuantizer(
            self.codebook_size,
            made["code_dim"],
            updates=made["codebook_updates"],
            decay=made["codebook_decay"],
            revive_below=made["revive_below"],
        )
        quantizer.build()
        return CodedImages(
            encoder=Encoder(self.image_shape, **convolutions),
            quantizer=quantizer,
            decoder=Decoder(
                self.image_shape,
                components=made["components"],
                initial_log_scale=made["initial_log_scale"],
                **convolutions,
            ),
            prior=GatedPixelCNN(
                image_shape=(*self.grid, 1),
                levels=self.codebook_size,
                features=made["prior_features"],
                blocks=made["prior_blocks"],
                head="softmax",
                dtype=dtype,
            ),
        )

    def default_optimizer(
        self, learning_rate: float | None = None, total_steps: int | None = None
    ) -> keras.optimizers.Optimizer:
        """The recipe's optimizer: Adam; warm-up and cosine if `total_steps` is known. Clips only what is far out."""
        rate = self.warmup_cosine(learning_rate, total_steps)
        return keras.optimizers.Adam(rate, global_clipnorm=_CLIP_NATS_PER_DIM * self.dims)

    # --- training ---------------------------------------------------------------------------------------------

    def terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        """The loss, the bound in bits/dim and its two terms in nats, the commitment, and the codebook's perplexity.

        All float32 [n]. The perplexity is a number of the codebook, not of an item: that of the moving usage.
        """
        network = self.network if training else self.ema_network
        x = likelihoods.scale_pixels(batch["image"])
        z = network.encoder(x)
        quantised = network.quantizer(z)
        reconstruction = network.decoder(quantised.vectors).nats(x)
        prior = _prior_nats(network.prior, quantised.codes)
        distance = self.commitment * quantised.commitment
        if self.architecture["codebook_updates"] == "gradient":
            distance += quantised.codebook
        if training:
            network.quantizer.update(z, quantised.codes)
        bits = likelihoods.bits_per_dim(reconstruction + prior, self.dims)
        return {
            "loss": reconstruction + prior + self.dims * distance,
            "bits_per_dim": bits,
            "reconstruction": reconstruction,
            "prior": prior,
            "commitment": quantised.commitment,
            "perplexity": tf.fill(tf.shape(bits), self.network.quantizer.perplexity),
        }

    # --- what it answers --------------------------------------------------------------------------------------

    def contract_capabilities(self) -> list[contract.Capability]:
        image = contract.image(self.image_shape)
        latent = contract.Latent(
            self.grid, tf.int32, capability_pb2.LATENT_PRIOR_LEARNED, codebook_size=self.codebook_size
        )
        temperature = contract.Real(
            "temperature",
            1.0,
            0.0,
            MAX_TEMPERATURE,
            "Divides the prior's logits before each code is drawn; 1 draws from the model, less is more cautious.",
        )
        return [
            contract.iterative(
                "sample",
                begin=self._sample_begin,
                advance=self.sampler.advance,
                preview=self._sample_preview,
                finish=self._sample_finish,
                steps=self.ema_network.prior.image_shape[0],
                inputs={"seed": contract.SEED},
                options=[temperature],
            ),
            contract.one_shot(
                "score",
                self._score,
                inputs={"image": image, "label": contract.LABEL, "seed": contract.SEED},
                scores=[
                    contract.bound(
                        "bits_per_dim", "Evidence bound: reconstruction and prior together.", primary=True
                    ),
                    contract.bound("reconstruction_bits", "The pixels' share of the bound, given the codes."),
                    contract.bound("prior_bits", "The codes' share of the bound, under the prior."),
                    contract.Score(
                        "reconstruction_error",
                        capability_pb2.SCORE_KIND_RECONSTRUCTION_ERROR,
                        "levels",
                        "Root mean square difference between the image and the picture of its codes.",
                        exact=True,
                    ),
                ],
            ),
            contract.one_shot("encode", self._encode, inputs={"image": image}, latent=latent),
            contract.one_shot(
                "decode",
                self._decode,
                inputs={"latent": tf.TensorSpec([None, *latent.shape], latent.dtype, name="latent")},
                latent=latent,
            ),
        ]

    def decode(self, latent: Any) -> np.ndarray:
        """Returns the images, uint8 [n, h, w, c], of the grids of codes `latent`, integers [n, rows, columns].

        Raises ValueError if a code lies outside the codebook.
        """
        codes = np.asarray(latent)
        if codes.size and not 0 <= codes.min() <= codes.max() < self.codebook_size:
            raise ValueError(
                f"latent must hold codes of 0 .. {self.codebook_size - 1}; got {codes.min()} .. {codes.max()}"
            )
        return super().decode(codes)

    def _sample_begin(self, seed: Any, temperature: Any) -> dict[str, Any]:
        return self.sampler.initial(seed=seed, label=_no_label(seed), temperature=temperature)

    def _sample_preview(self, **state: Any) -> dict[str, Any]:
        """The picture of the codes so far; black where they are not drawn yet."""
        height = self.image_shape[0]
        drawn = tf.range(height)[None, :] // self.cell < state["step"][:, None]
        return {"image": tf.where(drawn[:, :, None, None], self._sample_finish(**state)["image"], 0)}

    def _sample_finish(self, **state: Any) -> dict[str, Any]:
        return self._decode(state["levels"][..., 0])

    def _encode(self, image: Any) -> dict[str, Any]:
        return {"latent": self._codes(likelihoods.scale_pixels(image))}

    def _codes(self, x: Any) -> Any:
        """The codes of `x` float32 [n, h, w, c] in [-1, 1], int32 [n, rows, columns]."""
        return self.ema_network.quantizer.nearest(self.ema_network.encoder(x))

    def _mixture(self, codes: Any) -> Mixture:
        return self.ema_network.decoder(self.ema_network.quantizer.lookup(codes))

    def _decode(self, latent: Any) -> dict[str, Any]:
        """The picture of codes: the mean of each pixel's mixture, to the nearest level."""
        return {"image": self._mixture(latent).picture()}

    def _score(self, image: Any, label: Any, seed: Any) -> dict[str, Any]:
        """The bound and its terms, and how far the picture of the codes is from the image. Nothing is drawn."""
        x = likelihoods.scale_pixels(image)
        codes = self._codes(x)
        mixture = self._mixture(codes)
        nats = {
            "reconstruction_bits": mixture.nats(x),
            "prior_bits": _prior_nats(self.ema_network.prior, codes),
        }
        nats["bits_per_dim"] = nats["reconstruction_bits"] + nats["prior_bits"]
        error = tf.cast(mixture.picture(), tf.float32) - tf.cast(image, tf.float32)
        return {
            **{name: likelihoods.bits_per_dim(value, self.dims) for name, value in nats.items()},
            "reconstruction_error": tf.sqrt(tf.reduce_mean(error**2, axis=(1, 2, 3))),
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.architecture}


def _prior_nats(prior: GatedPixelCNN, codes: Any) -> Any:
    """-log p(codes), float32 [n]: the sum over the grid."""
    levels = codes[..., None]
    log_prob = prior.head.log_prob(levels, prior(levels, _no_label(codes)))
    return -tf.reduce_sum(log_prob, axis=(1, 2))


def _no_label(items: Any) -> Any:
    """-1 for each item, int32 [n]."""
    return tf.fill(tf.shape(items)[:1], -1)
