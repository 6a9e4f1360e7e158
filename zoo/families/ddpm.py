"""DDPM: denoising diffusion probabilistic models (Ho, Jain & Abbeel 2020), class-conditional.

The data is destroyed by noise in T small steps, and a network learns to undo one of them. All terms of the
variational bound have a closed form but for one regression (eq. 5):

    -log p(x_0) <= KL(q(x_T | x_0) || N(0, 1)) + sum_t KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)) - log p(x_0 | x_1)
                   prior                         diffusion, t = 2 .. T                                 decoder

`loss="simple"` regresses the network's target with equal weight at every t (eq. 14); `loss="bound"` weights each t as
the bound does (eq. 12). Which one fits the likelihood is a matter of the schedule: with `log_snr_linear` and
prediction="noise" the two are the same up to a constant (Kingma et al. 2021, eq. 17), and with prediction="velocity"
the simple loss is the bound at the fine scales with the coarse ones weighted up by 1 / alpha^2, a monotonic weighting
in the sense of Kingma & Gao 2023 ("Understanding diffusion objectives as the ELBO").

Labels are dropped at random in training, so that one network is both p(x | label) and p(x), and classifier-free
guidance works (Ho & Salimans 2022): prediction = p(x) + guidance (p(x | label) - p(x)).

A walk back may also begin with a picture, noised part of the way (Meng et al. 2022, "SDEdit"), and keep a part of it:
where the mask is black the estimate of x_0 is replaced by the picture, so that the part around it is drawn to fit
(the replacement method of Song et al. 2021, "Score-based generative modeling", appendix I.2, in terms of x_0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import contract, diffusion, likelihoods, randomness
from zoo.families.base import GenerativeModel
from zoo.layers.unet import unet

LOSSES = ("simple", "bound")
PREDICTIONS = ("noise", "velocity")

# Timesteps of the bound that one scoring step evaluates for each item.
SCORE_GROUP = 4
# Streams of the timestep drawn in each stratum; they follow on the streams of that stratum's noise.
_STRATUM_STREAM = 1 << 20


@keras.saving.register_keras_serializable("pixelzoo")
class DDPM(GenerativeModel):
    """A diffusion model of uint8 images.

    Args:
        timesteps: T, at least 2.
        schedule: "linear", "cosine" or "log_snr_linear".
        prediction: what the network's output means, "noise" (eq. 11) or "velocity" (Salimans & Ho 2022).
        loss: "simple" (eq. 14) or "bound" (eq. 12).
        variance: of the reverse steps, "fixed_small" (beta tilde) or "fixed_large" (beta), section 3.2.
        spacing: how fewer steps than T are spread, "uniform" or "karras" (see `diffusion.sampling_time`).
        label_dropout: share of training items whose label is hidden, 0 .. 1.
        widths, blocks, attention, patch, fourier, groups, heads, dropout, activation: see `zoo.layers.unet.unet`.
        **kwargs: see `GenerativeModel`.
    """

    family = "ddpm"
    term_names = ("loss", "bits_per_dim")

    def __init__(
        self,
        *,
        timesteps: int = 1000,
        schedule: str = "log_snr_linear",
        prediction: str = "velocity",
        loss: str = "simple",
        variance: str = "fixed_small",
        spacing: str = "karras",
        label_dropout: float = 0.1,
        widths: Sequence[int] = (64, 64),
        blocks: Sequence[int] = (2, 1),
        attention: Sequence[bool] = (False, False),
        patch: int = 2,
        fourier: int = 4,
        groups: int = 8,
        heads: int = 4,
        dropout: float = 0.0,
        activation: str = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for field, value, allowed in (
            ("schedule", schedule, tuple(diffusion.SCHEDULES)),
            ("prediction", prediction, PREDICTIONS),
            ("loss", loss, LOSSES),
            ("variance", variance, diffusion.VARIANCES),
            ("spacing", spacing, diffusion.SPACINGS),
        ):
            if value not in allowed:
                raise ValueError(f"{field} {value!r} is unknown; choose one of {', '.join(allowed)}")
        if timesteps < 2:
            raise ValueError(f"timesteps must be at least 2; got {timesteps}")
        if not 0.0 <= label_dropout <= 1.0:
            raise ValueError(f"label_dropout must lie in 0 .. 1; got {label_dropout}")
        self.settings: dict[str, Any] = {
            "timesteps": int(timesteps),
            "schedule": schedule,
            "prediction": prediction,
            "loss": loss,
            "variance": variance,
            "spacing": spacing,
            "label_dropout": float(label_dropout),
        }
        self.architecture: dict[str, Any] = {
            "widths": tuple(widths),
            "blocks": tuple(blocks),
            "attention": tuple(attention),
            "patch": patch,
            "fourier": fourier,
            "groups": groups,
            "heads": heads,
            "dropout": dropout,
            "activation": activation,
        }
        self.schedule = diffusion.SCHEDULES[schedule](timesteps)
        self.timesteps = int(timesteps)
        self.dims = int(np.prod(self.image_shape))
        self._build_networks()

    def build_network(self, dtype: Any) -> keras.Model:
        return unet(
            image_shape=self.image_shape,
            output_channels=self.image_shape[-1],
            num_classes=self.num_classes,
            dtype=dtype,
            **self.architecture,
        )

    # --- training ---------------------------------------------------------------------------------------------

    def terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        """The loss, and one unbiased draw of the whole bound in bits/dim, float32 [n] each."""
        seed, x0 = batch["seed"], to_network_range(batch["image"])
        hidden = randomness.item_uniform(seed, randomness.LABEL_DROPOUT, ()) < self.settings["label_dropout"]
        label = tf.where(hidden & training, -1, batch["label"])
        t = 1.0 + tf.floor(randomness.item_stratum(seed) * self.timesteps)
        noise = randomness.item_normal(seed, randomness.TRAINING_NOISE, self.image_shape)

        alpha, sigma = self.schedule.rates(t)
        x = diffusion.diffuse(x0, noise, alpha, sigma)
        network = self.network if training else self.ema_network
        prediction = network([x, t, label], training=training)
        bound = self._bound_draw(t, x0, self._x0(x, prediction, alpha, sigma))
        if self.settings["loss"] == "bound":
            # Without the clip: no gradient flows through it where the estimate is far out.
            unclipped = self._x0(x, prediction, alpha, sigma, clip=False)
            return {"loss": self._bound_draw(t, x0, unclipped), "bits_per_dim": bound}
        is_noise = self.settings["prediction"] == "noise"
        target = noise if is_noise else diffusion.velocity(x0, noise, alpha, sigma)
        return {"loss": tf.reduce_mean((prediction - target) ** 2, axis=(1, 2, 3)), "bits_per_dim": bound}

    def _x0(self, x: Any, prediction: Any, alpha: Any, sigma: Any, *, clip: bool = True) -> Any:
        """The image that a prediction means, clipped to the range of images."""
        is_noise = self.settings["prediction"] == "noise"
        x0 = (diffusion.x0_from_noise if is_noise else diffusion.x0_from_velocity)(
            x, prediction, alpha, sigma
        )
        return tf.clip_by_value(x0, -1.0, 1.0) if clip else x0

    def _bound_draw(self, t: Any, x0: Any, estimate: Any) -> Any:
        """One draw of the bound in bits/dim, float32 [n]: T times the term at a uniform t in 1 .. T, and the prior."""
        # The decoder takes the place of the divergence at t = 1 (eq. 5).
        decoder, divergence = self._decoder_nats(x0, estimate), self._divergence_nats(t, x0, estimate)
        term = tf.where(tf.equal(t, 1.0), decoder, divergence)
        return likelihoods.bits_per_dim(self._prior_nats(x0) + self.timesteps * term, self.dims)

    # --- the variational bound --------------------------------------------------------------------------------

    def _prior_nats(self, x0: Any) -> Any:
        return diffusion.prior_kl_nats(x0, *self.schedule.rates(self.timesteps))

    def _divergence_nats(self, t: Any, x0: Any, estimate: Any) -> Any:
        """KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)), float32 [n], for t = 2 .. T."""
        t = tf.maximum(t, 2.0)
        q = diffusion.posterior(*self.schedule.rates(t), *self.schedule.rates(t - 1.0))
        error = q.x0**2 * tf.cast(tf.reduce_sum((x0 - estimate) ** 2, axis=(1, 2, 3)), tf.float64)
        variance = q.small if self.settings["variance"] == "fixed_small" else q.large
        return diffusion.gaussian_kl_nats(error, q.small, variance, self.dims)

    def _decoder_nats(self, x0: Any, estimate: Any) -> Any:
        """-log p(x_0 | x_1), float32 [n]: a discretised normal with the variance sigma_1^2 = beta_1 (eq. 13)."""
        _, sigma = self.schedule.rates(1)
        log_prob = likelihoods.discretised_gaussian_log_prob(
            x0, estimate, tf.cast(tf.math.log(sigma), tf.float32)
        )
        return -tf.reduce_sum(log_prob, axis=(1, 2, 3))

    # --- what it answers --------------------------------------------------------------------------------------

    def contract_capabilities(self) -> list[contract.Capability]:
        label = {"label": contract.LABEL} if self.num_classes else {}
        sample = contract.iterative(
            "sample",
            begin=self._sample_begin,
            advance=self._sample_advance,
            preview=self._sample_preview,
            finish=self._sample_finish,
            inputs={"seed": contract.SEED, **label},
            options=self._sample_options(),
        )
        translate = contract.iterative(
            "translate",
            begin=self._translate_begin,
            advance=self._sample_advance,
            preview=self._sample_preview,
            finish=self._sample_finish,
            inputs={"image": contract.image(self.image_shape), "seed": contract.SEED, **label},
            options=self._translate_options(),
            translation=contract.Translation(self.image_shape),
        )
        score = contract.iterative(
            "score",
            begin=self._score_begin,
            advance=self._score_advance,
            finish=self._score_finish,
            inputs={
                "image": contract.image(self.image_shape),
                "label": contract.LABEL,
                "seed": contract.SEED,
            },
            options=[
                contract.Integer(
                    "timesteps",
                    min(16, self.timesteps - 1),
                    1,
                    self.timesteps - 1,
                    f"Strata of the timesteps 2 .. {self.timesteps} at which the bound is evaluated, one draw in each; "
                    f"{self.timesteps - 1} evaluates every term.",
                )
            ],
            scores=[
                contract.bound(
                    "bits_per_dim", "Variational bound: the sum of the three terms.", primary=True
                ),
                contract.bound("prior_bits_per_dim", "KL of the noised image at t = T from the prior."),
                contract.bound("diffusion_bits_per_dim", "Sum of the divergences at t = 2 .. T."),
                contract.bound("decoder_bits_per_dim", "Negative log-likelihood of the image given x_1."),
            ],
        )
        return [sample, translate, score]

    def _sample_options(self) -> list[contract.Option]:
        options: list[contract.Option] = [
            contract.Choice(
                "sampler",
                diffusion.DDIM,
                {
                    "ddpm": diffusion.DDPM,
                    "ddim": diffusion.DDIM,
                    "dpm_solver_pp_2m": diffusion.DPM_SOLVER_PP_2M,
                },
                "Solver: ancestral (Ho et al. 2020), DDIM (Song et al. 2021) or DPM-Solver++(2M) (Lu et al. 2022).",
            ),
            contract.Integer(
                "steps", min(50, self.timesteps), 2, self.timesteps, "Solver steps from noise to image."
            ),
            contract.Real(
                "eta", 0.0, 0.0, 1.0, "Share of the ancestral noise that DDIM adds; 0 is deterministic."
            ),
        ]
        if self.num_classes:
            options.append(
                contract.Real(
                    "guidance", 1.0, 0.0, 20.0, "Classifier-free guidance; 1 is the plain conditional model."
                )
            )
        return options

    def _translate_options(self) -> list[contract.Option]:
        height, width, _ = self.image_shape
        return [
            contract.Real(
                "strength", 0.6, 0.0, 1.0, "How far the picture is noised first: 0 keeps it, 1 forgets it."
            ),
            contract.Picture(
                "mask",
                255,
                (height, width, 1),
                "White is drawn anew, black is kept as it is; one level splits at 128.",
            ),
            *self._sample_options(),
        ]

    def _sample_begin(
        self, seed: Any, sampler: Any, steps: Any, eta: Any, **conditions: Any
    ) -> dict[str, Any]:
        noise = randomness.item_normal(seed, randomness.INITIAL_NOISE, self.image_shape)
        return {
            "x": noise,
            "x0_prev": tf.zeros_like(noise),
            "seed": seed,
            "step": tf.zeros_like(steps),
            "steps": steps,
            "sampler": sampler,
            "eta": eta,
            **conditions,
        }

    def _translate_begin(
        self, image: Any, seed: Any, strength: Any, mask: Any, steps: Any, **others: Any
    ) -> dict[str, Any]:
        """The last `strength` of a whole walk of `steps`; the state of a sample, and where the walk began."""
        # A share such as 0.6 of 50 is a hair above 30 in float32, and must not become 31 steps.
        taken = tf.cast(tf.math.ceil(strength * tf.cast(steps, tf.float32) - 1e-3), tf.int32)
        first = steps - taken
        t = diffusion.sampling_time(self.schedule, self.settings["spacing"], first, steps)
        x0 = to_network_range(image)
        state = self._sample_begin(seed=seed, steps=taken, **others)
        # At full strength nothing of the picture is left, where diffusing to T would leave a trace.
        whole = diffusion.like(tf.equal(first, 0), x0)
        x = tf.where(whole, state["x"], diffusion.diffuse(x0, state["x"], *self.schedule.rates(t)))
        return {**state, "x": x, "x0_prev": x0, "first": first, "image": image, "mask": mask}

    def _sample_advance(self, **state: Any) -> dict[str, Any]:
        first = state.get("first", 0)
        alive = state["step"] < state["steps"]
        # An item that is done repeats its first step, and the result is left out below.
        step = first + tf.where(alive, state["step"], 0)
        steps = first + tf.maximum(state["steps"], 1)
        x = state["x"]
        t = diffusion.sampling_time(self.schedule, self.settings["spacing"], step, steps)
        prediction = self._guided(x, tf.cast(t, tf.float32), state.get("label"), state.get("guidance"))
        x0 = self._x0(x, prediction, *self.schedule.rates(t))
        if "mask" in state:
            x0 = tf.where(state["mask"] >= 128, x0, to_network_range(state["image"]))
        update = diffusion.solver_update(
            self.schedule,
            self.settings["spacing"],
            self.settings["variance"],
            sampler=state["sampler"],
            step=step,
            steps=steps,
            eta=state["eta"],
            first=first,
        )
        noise = randomness.item_normal(state["seed"], step, self.image_shape)
        moved = update.apply(x, x0, state["x0_prev"], noise)
        mask = diffusion.like(alive, x)
        return {
            **state,
            "x": tf.where(mask, moved, x),
            "x0_prev": tf.where(mask, x0, state["x0_prev"]),
            "step": state["step"] + tf.cast(alive, tf.int32),
        }

    def _guided(self, x: Any, t: Any, label: Any, guidance: Any) -> Any:
        """The prediction under guidance. The second evaluation has the batch shape of the first, and runs if needed."""
        no_label = tf.fill(tf.shape(t), -1)
        if label is None:
            return self.ema_network([x, t, no_label], training=False)
        conditional = self.ema_network([x, t, label], training=False)
        unconditional = tf.cond(
            tf.reduce_any((guidance != 1.0) & (label >= 0)),
            lambda: self.ema_network([x, t, no_label], training=False),
            lambda: conditional,
        )
        # Items without guidance keep their prediction to the bit, whatever their neighbours ask for.
        guided = unconditional + diffusion.like(guidance, x) * (conditional - unconditional)
        return tf.where(diffusion.like((guidance != 1.0) & (label >= 0), x), guided, conditional)

    def _sample_preview(self, **state: Any) -> dict[str, Any]:
        return {"image": to_levels(state["x0_prev"])}

    def _sample_finish(self, **state: Any) -> dict[str, Any]:
        return {"image": to_levels(state["x"])}

    def _score_begin(self, image: Any, label: Any, seed: Any, timesteps: Any) -> dict[str, Any]:
        zeros = tf.zeros_like(seed, tf.float32)
        return {
            "image": image,
            "label": label,
            "seed": seed,
            "timesteps": timesteps,
            "step": tf.zeros_like(timesteps),
            # One step for the decoder, then groups of strata.
            "steps": 1 + (timesteps + SCORE_GROUP - 1) // SCORE_GROUP,
            "diffusion": zeros,
            "decoder": zeros,
        }

    def _score_advance(self, **state: Any) -> dict[str, Any]:
        step, alive = state["step"], state["step"] < state["steps"]
        strata = tf.maximum(step - 1, 0)[:, None] * SCORE_GROUP + tf.range(SCORE_GROUP)[None]
        drawing, decoding = alive & (step > 0), alive & (step == 0)
        used = (strata < state["timesteps"][:, None]) & drawing[:, None]

        def flat(values: Any) -> Any:
            return tf.reshape(values, [-1])

        # The first step spends its group on draws of the decoder term.
        seed = tf.repeat(state["seed"], SCORE_GROUP)
        stream = flat(strata)
        is_decoder = tf.repeat(decoding, SCORE_GROUP)
        place = randomness.item_uniform(seed, stream + _STRATUM_STREAM, ())
        # In float32 the last strata of many would round up to the timestep after their own.
        width = (self.timesteps - 1) / tf.repeat(tf.cast(state["timesteps"], tf.float64), SCORE_GROUP)
        t = 2.0 + tf.floor((tf.cast(stream, tf.float64) + tf.cast(place, tf.float64)) * width)
        t = tf.where(is_decoder, 1.0, tf.cast(tf.clip_by_value(t, 2.0, float(self.timesteps)), tf.float32))
        stream = tf.where(is_decoder, randomness.DECODER_NOISE - stream, stream)
        noise = randomness.item_normal(seed, stream, self.image_shape)

        x0 = to_network_range(tf.repeat(state["image"], SCORE_GROUP, axis=0))
        alpha, sigma = self.schedule.rates(t)
        x = diffusion.diffuse(x0, noise, alpha, sigma)
        label = tf.repeat(state["label"], SCORE_GROUP)
        estimate = self._x0(x, self.ema_network([x, t, label], training=False), alpha, sigma)
        divergence = tf.reshape(self._divergence_nats(t, x0, estimate), [-1, SCORE_GROUP])
        decoder = tf.reduce_mean(tf.reshape(self._decoder_nats(x0, estimate), [-1, SCORE_GROUP]), axis=1)
        return {
            **state,
            "diffusion": state["diffusion"] + tf.reduce_sum(tf.where(used, divergence, 0.0), axis=1),
            "decoder": tf.where(decoding, decoder, state["decoder"]),
            "step": step + tf.cast(alive, tf.int32),
        }

    def _score_finish(self, **state: Any) -> dict[str, Any]:
        scale = (self.timesteps - 1) / tf.cast(state["timesteps"], tf.float32)
        terms = {
            "prior": self._prior_nats(to_network_range(state["image"])),
            "diffusion": state["diffusion"] * scale,
            "decoder": state["decoder"],
        }
        bits = {
            f"{name}_bits_per_dim": likelihoods.bits_per_dim(nats, self.dims) for name, nats in terms.items()
        }
        return {"bits_per_dim": tf.add_n(list(bits.values())), **bits}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings, **self.architecture}


def to_network_range(image: Any) -> Any:
    """uint8 levels 0 .. 255 to float32 in [-1, 1] (section 3.3)."""
    return tf.cast(image, tf.float32) / 127.5 - 1.0


def to_levels(x: Any) -> Any:
    """float32 in [-1, 1] to the nearest uint8 level; what lies outside is clipped."""
    return tf.cast(tf.round(tf.clip_by_value(x, -1.0, 1.0) * 127.5 + 127.5), tf.uint8)
