"""VAE: the variational auto-encoder (Kingma & Welling 2014), with a ladder of latents and an honest likelihood.

A decoder p(x | z) turns latents z ~ N(0, 1) into an image, and an encoder q(z | x) guesses the latents of an image.
Together they bound the likelihood of an image from below (eq. 3):

    log p(x) >= E_q [ log p(x | z) ] - KL(q(z | x) || p(z))
                      -reconstruction           kl

Given the latents, pixels (and channels) are independent: each has a discretised mixture of logistics (Salimans et al.
2017, eq. 2), the probability of one of 256 levels and not a density. All terms are nats of a whole image, summed over
its pixels and latents and averaged over nothing.

Averaging k draws inside the logarithm tightens the bound (Burda et al. 2016, eq. 8): that is `importance_samples`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import contract, likelihoods, randomness
from zoo.families.base import GenerativeModel
from zoo.layers.ladder import Ladder, Posterior

MAX_IMPORTANCE_SAMPLES = 64
MAX_TEMPERATURE = 2.0
# Gradients beyond this many nats for each dimension are clipped: spikes, not the run of the training.
_CLIP_NATS_PER_DIM = 4.0


@keras.saving.register_keras_serializable("pixelzoo")
class VAE(GenerativeModel):
    """A variational auto-encoder of uint8 images of any size from 8x8, with one channel or three.

    Args:
        widths, blocks, latent_groups, latent_channels, top_latents, components, initial_log_scale, patch: see
            `zoo.layers.ladder.Ladder`.
            With `latent_groups` all 0 it is the flat VAE of the paper.
        **kwargs: see `GenerativeModel`; this family has no classes.
    """

    family = "vae"
    term_names = ("loss", "bits_per_dim", "reconstruction", "kl")

    def __init__(
        self,
        *,
        widths: Sequence[int] = (64, 64),
        blocks: Sequence[int] = (2, 2),
        latent_groups: Sequence[int] = (2, 2),
        latent_channels: Sequence[int] = (4, 8),
        top_latents: int = 32,
        components: int = 5,
        initial_log_scale: float = -2.0,
        patch: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if self.num_classes:
            raise ValueError(f"num_classes must be 0, got {self.num_classes}: this VAE takes no labels")
        if min(self.image_shape[:2]) < 8 or self.image_shape[2] not in (1, 3):
            raise ValueError(f"image_shape must be at least 8x8 with 1 or 3 channels; got {self.image_shape}")
        for field, value in (("top_latents", top_latents), ("components", components), ("patch", patch)):
            if value < 1:
                raise ValueError(f"{field} must be at least 1; got {value}")
        self.architecture: dict[str, Any] = {
            "widths": tuple(widths),
            "blocks": tuple(blocks),
            "latent_groups": tuple(latent_groups),
            "latent_channels": tuple(latent_channels),
            "top_latents": top_latents,
            "components": components,
            "initial_log_scale": initial_log_scale,
            "patch": patch,
        }
        self.dims = int(np.prod(self.image_shape))
        self._build_networks()

    def build_network(self, dtype: Any) -> Ladder:
        return Ladder(image_shape=self.image_shape, dtype=dtype, **self.architecture)

    def default_optimizer(
        self, learning_rate: float | None = None, total_steps: int | None = None
    ) -> keras.optimizers.Optimizer:
        """The recipe's optimizer: Adam; warm-up and cosine if `total_steps` is known. Clips only what is far out."""
        rate = self.warmup_cosine(learning_rate, total_steps)
        return keras.optimizers.Adam(rate, global_clipnorm=_CLIP_NATS_PER_DIM * self.dims)

    # --- training ---------------------------------------------------------------------------------------------

    def terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        """The negative bound (`loss`) and its two parts in nats, and the bound in bits/dim, float32 [n] each."""
        network = self.network if training else self.ema_network
        x = likelihoods.scale_pixels(batch["image"])
        mixture, posterior = network(x, self._posterior_noise(batch["seed"], 0))
        reconstruction = mixture.nats(x)
        kl = tf.reduce_sum(likelihoods.gaussian_kl(posterior.mean, posterior.log_std), axis=1)
        loss = reconstruction + kl
        bits = likelihoods.bits_per_dim(loss, self.dims)
        return {"loss": loss, "bits_per_dim": bits, "reconstruction": reconstruction, "kl": kl}

    def _posterior_noise(self, seed: Any, draw: Any) -> Any:
        """The noise of one draw from the posterior, float32 [n, latent_dim]; `draw` 0, 1, ... is the stream."""
        return randomness.item_normal(seed, draw, (self.ema_network.latent_dim,))

    # --- what it answers --------------------------------------------------------------------------------------

    def contract_capabilities(self) -> list[contract.Capability]:
        image, latent = contract.image(self.image_shape), contract.Latent((self.ema_network.latent_dim,))
        draws = contract.Integer(
            "importance_samples",
            1,
            1,
            MAX_IMPORTANCE_SAMPLES,
            "Draws of the latents; more tighten the bound (and cost as many network evaluations).",
        )
        temperature = contract.Real(
            "temperature",
            1.0,
            0.0,
            MAX_TEMPERATURE,
            "Scale of the latents' standard deviation; 1 draws from the model, less gives plainer images.",
        )
        return [
            contract.one_shot("sample", self._sample, inputs={"seed": contract.SEED}, options=[temperature]),
            contract.iterative(
                "score",
                begin=self._score_begin,
                advance=self._score_advance,
                finish=self._score_finish,
                inputs={"image": image, "label": contract.LABEL, "seed": contract.SEED},
                options=[draws],
                scores=[
                    contract.bound(
                        "bits_per_dim",
                        "Importance-weighted bound; with 1 draw the evidence bound.",
                        primary=True,
                    ),
                    contract.bound("elbo_bits_per_dim", "Evidence bound, the mean over the draws."),
                    contract.bound(
                        "reconstruction_bits", "The pixels' share of the evidence bound, given the latents."
                    ),
                    contract.bound("kl_bits", "The latents' share of the evidence bound."),
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

    def _sample(self, seed: Any, temperature: Any) -> dict[str, Any]:
        latent = randomness.item_normal(seed, randomness.INITIAL_NOISE, (self.ema_network.latent_dim,))
        return self._decode(temperature[:, None] * latent)

    def _decode(self, latent: Any) -> dict[str, Any]:
        """The picture of `latent`."""
        return {"image": self.ema_network.generate(latent).picture()}

    def _encode(self, image: Any) -> dict[str, Any]:
        """The posterior means, each group's given the means above it."""
        features = self.ema_network.features(likelihoods.scale_pixels(image))
        no_noise = tf.zeros([tf.shape(image)[0], self.ema_network.latent_dim])
        return {"latent": self.ema_network.infer(features, no_noise)[1].mean}

    def _score_begin(self, image: Any, label: Any, seed: Any, importance_samples: Any) -> dict[str, Any]:
        """One step is one draw; the encoder's climb is the same for all of them, so the state carries its maps."""
        x = likelihoods.scale_pixels(image)
        zeros = tf.zeros_like(seed, tf.float32)
        maps = {f"features_{level}": h for level, h in enumerate(self.ema_network.features(x))}
        return {
            **maps,
            "image": image,
            "label": label,
            "seed": seed,
            "step": tf.zeros_like(importance_samples),
            "steps": importance_samples,
            "log_sum": zeros - np.inf,
            "reconstruction": zeros,
            "kl": zeros,
        }

    def _score_advance(self, **state: Any) -> dict[str, Any]:
        step, alive = state["step"], state["step"] < state["steps"]
        noise = self._posterior_noise(state["seed"], step)
        maps = [state[f"features_{level}"] for level in range(len(self.architecture["widths"]))]
        mixture, posterior = self.ema_network.infer(maps, noise)
        reconstruction = mixture.nats(likelihoods.scale_pixels(state["image"]))
        kl = _drawn_kl_nats(posterior, noise)
        log_sum = tf.reduce_logsumexp([state["log_sum"], -(reconstruction + kl)], axis=0)
        return {
            **state,
            "step": step + tf.cast(alive, tf.int32),
            "log_sum": tf.where(alive, log_sum, state["log_sum"]),
            "reconstruction": state["reconstruction"] + tf.where(alive, reconstruction, 0.0),
            "kl": state["kl"] + tf.where(alive, kl, 0.0),
        }

    def _score_finish(self, **state: Any) -> dict[str, Any]:
        """The bounds of each item over its own number of draws."""
        count = tf.cast(state["steps"], tf.float32)
        reconstruction, kl = state["reconstruction"] / count, state["kl"] / count
        nats = {
            "bits_per_dim": tf.math.log(count) - state["log_sum"],
            "elbo_bits_per_dim": reconstruction + kl,
            "reconstruction_bits": reconstruction,
            "kl_bits": kl,
        }
        return {name: likelihoods.bits_per_dim(value, self.dims) for name, value in nats.items()}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.architecture}


def _drawn_kl_nats(posterior: Posterior, noise: Any) -> Any:
    """log q(z | x) - log p(z) at the drawn latents, float32 [n]: the KL in expectation (Burda et al. 2016, eq. 8)."""
    ratio = 0.5 * (posterior.latent**2 - noise**2) - posterior.log_std
    return tf.reduce_sum(ratio, axis=1)
