"""Gaussian diffusion: noise schedules, the variational bound, and solvers. Pure functions.

References:
    DDPM    Ho, Jain & Abbeel 2020, "Denoising diffusion probabilistic models"
    IDDPM   Nichol & Dhariwal 2021, "Improved denoising diffusion probabilistic models"
    DDIM    Song, Meng & Ermon 2021, "Denoising diffusion implicit models"
    VDM     Kingma, Salimans, Poole & Ho 2021, "Variational diffusion models"
    DPM++   Lu, Zhou, Bao, Chen, Li & Zhu 2022, "DPM-Solver++"
    EDM     Karras, Aittala, Aila & Laine 2022, "Elucidating the design space of diffusion-based generative models"

Time runs from the data, t = 0, to noise, t = T. At t = 1 .. T,

    x_t = alpha_t x_0 + sigma_t noise,        alpha_t^2 + sigma_t^2 = 1,        log_snr_t = log(alpha_t^2 / sigma_t^2),

and at t = 0 alpha is exactly 1 and sigma exactly 0. A schedule is nothing but the table of its log_snr.

What is one number for each item (times, rates, coefficients) is computed in float64 [n], and cast where it meets an
image. In float32 the vectorised and the scalar exp of a CPU differ in the last bit, so that an item's coefficients
would depend on its place in the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

# The numbers of pixelzoo.v1.Sampler.
DDPM, DDIM, DPM_SOLVER_PP_2M = 1, 2, 3

VARIANCES = ("fixed_small", "fixed_large")
SPACINGS = ("uniform", "karras")


@dataclass(frozen=True, eq=False)
class Schedule:
    """A noise schedule: `log_snr` float64 [T], the log signal-to-noise ratio at t = 1 .. T, falling."""

    name: str
    log_snr: np.ndarray

    @property
    def timesteps(self) -> int:
        return len(self.log_snr)

    def log_snr_at(self, t: tf.Tensor) -> tf.Tensor:
        """log_snr, float64 [n], at t in [1, T]; linear between the integers."""
        return _interpolate(self.log_snr, tf.cast(t, tf.float64) - 1.0)

    def rates(self, t: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(alpha, sigma), float64 [n] each, at t in {0} or [1, T]."""
        log_snr = self.log_snr_at(t)
        alpha, sigma = tf.sqrt(tf.sigmoid(log_snr)), tf.sqrt(tf.sigmoid(-log_snr))
        is_data = tf.cast(t, tf.float64) <= 0.0
        return tf.where(is_data, tf.ones_like(alpha), alpha), tf.where(is_data, tf.zeros_like(sigma), sigma)


def linear(timesteps: int = 1000) -> Schedule:
    """DDPM section 4: beta from 1e-4 to 0.02 over 1000 steps, scaled by 1000 / T for other T (IDDPM)."""
    scale = 1000.0 / timesteps
    return _from_betas("linear", np.linspace(1e-4 * scale, 0.02 * scale, timesteps))


def cosine(timesteps: int = 1000, offset: float = 0.008) -> Schedule:
    """IDDPM eq. 17: alpha_bar = cos^2((t/T + s) / (1 + s) * pi/2), with beta at most 0.999."""
    alpha_bar = np.cos((np.arange(timesteps + 1) / timesteps + offset) / (1 + offset) * np.pi / 2) ** 2
    return _from_betas("cosine", 1 - alpha_bar[1:] / alpha_bar[:-1])


def log_snr_linear(timesteps: int = 1000, maximum: float = 13.3, minimum: float = -5.0) -> Schedule:
    """VDM's fixed linear log_snr, `maximum` at t = 1 and `minimum` at t = T: the noise ends well below one level."""
    return Schedule("log_snr_linear", np.linspace(maximum, minimum, timesteps))


def _from_betas(name: str, betas: np.ndarray) -> Schedule:
    alpha_bar = np.cumprod(1.0 - np.clip(betas, 0.0, 0.999))
    return Schedule(name, np.log(alpha_bar) - np.log1p(-alpha_bar))


SCHEDULES = {"linear": linear, "cosine": cosine, "log_snr_linear": log_snr_linear}


def _interpolate(table: np.ndarray, position: tf.Tensor) -> tf.Tensor:
    """`table` float64 [m] at `position` float64 [n], clipped to 0 .. m - 1; linear between the entries."""
    values = tf.constant(table, tf.float64)
    position = tf.clip_by_value(position, 0.0, len(table) - 1.0)
    below = tf.minimum(tf.cast(tf.floor(position), tf.int32), len(table) - 2)
    share = position - tf.cast(below, tf.float64)
    return (1.0 - share) * tf.gather(values, below) + share * tf.gather(values, below + 1)


# --- the forward process and what a network may predict -------------------------------------------------------


def like(vector: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """`vector` [n] in the type of `images` [n, ...] and with trailing axes of one, to multiply them."""
    if vector.dtype != tf.bool:
        vector = tf.cast(vector, images.dtype)
    return tf.reshape(vector, [-1, *([1] * (images.shape.rank - 1))])


def diffuse(x0: tf.Tensor, noise: tf.Tensor, alpha: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """x_t, float32 [n, h, w, c], from x_0 and noise of that shape (DDPM eq. 4)."""
    return like(alpha, x0) * x0 + like(sigma, x0) * noise


def velocity(x0: tf.Tensor, noise: tf.Tensor, alpha: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """v = alpha noise - sigma x_0 (Salimans & Ho 2022, "Progressive distillation", section 3)."""
    return like(alpha, x0) * noise - like(sigma, x0) * x0


def x0_from_noise(x: tf.Tensor, noise: tf.Tensor, alpha: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """x_0 from x_t and its noise (DDPM eq. 15)."""
    return (x - like(sigma, x) * noise) / like(alpha, x)


def x0_from_velocity(x: tf.Tensor, v: tf.Tensor, alpha: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """x_0 = alpha x_t - sigma v."""
    return like(alpha, x) * x - like(sigma, x) * v


# --- the reverse process --------------------------------------------------------------------------------------


class Posterior(NamedTuple):
    """q(x_s | x_t, x_0) for s < t (DDPM eq. 6-7): mean = `x` x_t + `x0` x_0; `small` and `large` variance, [n] each.

    `small` is the true posterior variance (beta tilde), optimal for data at a point; `large` is the variance of
    x_t given x_s (beta), optimal for standard normal data (DDPM section 3.2).
    """

    x: tf.Tensor
    x0: tf.Tensor
    small: tf.Tensor
    large: tf.Tensor


def posterior(alpha_t: tf.Tensor, sigma_t: tf.Tensor, alpha_s: tf.Tensor, sigma_s: tf.Tensor) -> Posterior:
    """The posterior's coefficients for one step from t to s; s = 0 gives exactly x_0 and small variance 0."""
    ratio = alpha_t / alpha_s
    # beta = sigma_t^2 - ratio^2 sigma_s^2 would cancel where the steps are fine.
    log_snr_drop = 2.0 * (
        tf.math.log(alpha_s) + tf.math.log(sigma_t) - tf.math.log(alpha_t) - tf.math.log(sigma_s)
    )
    share = -tf.math.expm1(-log_snr_drop)  # beta / sigma_t^2
    return Posterior(
        x=ratio * (sigma_s / sigma_t) ** 2,
        x0=alpha_s * share,
        small=share * sigma_s**2,
        large=share * sigma_t**2,
    )


def gaussian_kl_nats(
    squared_error: tf.Tensor, variance_q: tf.Tensor, variance_p: tf.Tensor, size: int
) -> tf.Tensor:
    """KL(q || p), float32 [n], of isotropic normals of `size` dimensions; `squared_error` is that of their means."""
    log_ratio = tf.math.log(variance_p) - tf.math.log(variance_q)
    nats = 0.5 * (
        size * (log_ratio + tf.exp(-log_ratio) - 1.0) + tf.cast(squared_error, tf.float64) / variance_p
    )
    return tf.cast(nats, tf.float32)


def prior_kl_nats(x0: tf.Tensor, alpha: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """KL(q(x_T | x_0) || N(0, 1)), float32 [n]: L_T of DDPM eq. 5; `alpha`, `sigma` are those of T."""
    power = tf.cast(tf.reduce_sum(x0**2, list(range(1, x0.shape.rank))), tf.float64)
    size = float(np.prod(x0.shape[1:]))
    return tf.cast(0.5 * (alpha**2 * power + size * (sigma**2 - 1.0 - 2.0 * tf.math.log(sigma))), tf.float32)


# --- solvers --------------------------------------------------------------------------------------------------


class Update(NamedTuple):
    """One solver step, x' = `x` x + `x0` x_0 + `x0_prev` x_0 of the step before + `noise` noise; [n] each."""

    x: tf.Tensor
    x0: tf.Tensor
    x0_prev: tf.Tensor
    noise: tf.Tensor

    def apply(self, x: tf.Tensor, x0: tf.Tensor, x0_prev: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """The next x, float32 [n, h, w, c], from tensors of that shape."""
        return (
            like(self.x, x) * x
            + like(self.x0, x) * x0
            + like(self.x0_prev, x) * x0_prev
            + like(self.noise, x) * noise
        )


def sampling_time(schedule: Schedule, spacing: str, step: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    """The time t, float64 [n], before step number `step` of `steps`, int32 [n] each: T at step 0, and 0 at the end.

    `uniform` walks equal strides of integer timesteps, and with steps = T each of them once. `karras` spaces the
    noise-to-signal ratio as EDM eq. 5 with rho = 7, which spends few steps on noise too small to see.
    """
    step, steps = tf.cast(step, tf.float64), tf.cast(steps, tf.float64)
    if spacing == "uniform":
        return tf.round(schedule.timesteps * (1.0 - step / steps))
    if spacing != "karras":
        raise ValueError(f"spacing {spacing!r} is unknown; choose one of {', '.join(SPACINGS)}")
    times = _karras_times(schedule)
    t = _interpolate(times, step / tf.maximum(steps - 1.0, 1.0) * (len(times) - 1))
    return tf.where(step >= steps, tf.zeros_like(t), t)


def _karras_times(schedule: Schedule, rho: float = 7.0, size: int = 4097) -> np.ndarray:
    """t at `size` equal strides of ratio^(1/rho), from the noisiest to the cleanest; ratio = sigma / alpha."""
    log_ratio = -0.5 * schedule.log_snr
    low, high = np.exp(log_ratio[0] / rho), np.exp(log_ratio[-1] / rho)
    wanted = rho * np.log(np.linspace(high, low, size))
    return np.interp(wanted, log_ratio, np.arange(1, schedule.timesteps + 1))


def solver_update(
    schedule: Schedule,
    spacing: str,
    variance: str,
    *,
    sampler: tf.Tensor,
    step: tf.Tensor,
    steps: tf.Tensor,
    eta: tf.Tensor,
    first: tf.Tensor | int = 0,
) -> Update:
    """The coefficients of one step for items that each have their own sampler and position.

    Args:
        sampler: int32 [n], DDPM, DDIM or DPM_SOLVER_PP_2M.
        step, steps: int32 [n], 0 <= step < steps.
        first: int32 [n], the step that an item began with: 0, or later if it began with a picture.
        eta: [n], DDIM's share of the ancestral noise, 0 .. 1 (0 = deterministic); only DDIM reads it.
        variance: the ancestral sampler's variance, one of VARIANCES.
    """
    eta = tf.cast(eta, tf.float64)
    time = [sampling_time(schedule, spacing, step + i, steps) for i in (-1, 0, 1)]
    before, (alpha_t, sigma_t), (alpha_s, sigma_s) = (schedule.rates(t) for t in time)
    last = tf.equal(step + 1, steps)
    choices = [
        ancestral(alpha_t, sigma_t, alpha_s, sigma_s, last, variance),
        ddim(alpha_t, sigma_t, alpha_s, sigma_s, eta),
        dpm_solver_pp_2m(
            before, (alpha_t, sigma_t), (alpha_s, sigma_s), first=tf.equal(step, first), last=last
        ),
    ]
    row = tf.cast(sampler, tf.int32) - 1
    columns = tf.range(tf.shape(row)[0])
    where = tf.stack([row, columns], axis=1)
    return Update(*(tf.gather_nd(tf.stack(parts), where) for parts in zip(*choices, strict=True)))


def ancestral(
    alpha_t: tf.Tensor,
    sigma_t: tf.Tensor,
    alpha_s: tf.Tensor,
    sigma_s: tf.Tensor,
    last: tf.Tensor,
    variance: str,
) -> Update:
    """DDPM algorithm 2, for any s < t. The last step adds no noise."""
    q = posterior(alpha_t, sigma_t, alpha_s, tf.maximum(sigma_s, 1e-100))
    noise = tf.sqrt(q.small if variance == "fixed_small" else q.large)
    zero = tf.zeros_like(noise)
    return Update(
        x=tf.where(last, zero, q.x),
        x0=tf.where(last, zero + 1.0, q.x0),
        x0_prev=zero,
        noise=tf.where(last, zero, noise),
    )


def ddim(
    alpha_t: tf.Tensor, sigma_t: tf.Tensor, alpha_s: tf.Tensor, sigma_s: tf.Tensor, eta: tf.Tensor
) -> Update:
    """DDIM eq. 12 and 16. eta = 1 is the ancestral sampler with the small variance."""
    ancestral_noise = tf.sqrt(posterior(alpha_t, sigma_t, alpha_s, tf.maximum(sigma_s, 1e-100)).small)
    noise = tf.where(sigma_s > 0.0, eta * ancestral_noise, tf.zeros_like(eta))
    keep = tf.sqrt(tf.maximum(sigma_s**2 - noise**2, 0.0)) / sigma_t
    return Update(x=keep, x0=alpha_s - keep * alpha_t, x0_prev=tf.zeros_like(keep), noise=noise)


def dpm_solver_pp_2m(
    before: tuple[tf.Tensor, tf.Tensor],
    now: tuple[tf.Tensor, tf.Tensor],
    after: tuple[tf.Tensor, tf.Tensor],
    *,
    first: tf.Tensor,
    last: tf.Tensor,
) -> Update:
    """DPM++ algorithm 2: second order by the x_0 of the step before; first order at either end."""
    (alpha_r, sigma_r), (alpha_t, sigma_t), (alpha_s, sigma_s) = before, now, after

    def half_log_snr(alpha: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
        return tf.math.log(alpha) - tf.math.log(tf.maximum(sigma, 1e-100))

    h = half_log_snr(alpha_s, sigma_s) - half_log_snr(alpha_t, sigma_t)
    h_before = half_log_snr(alpha_t, sigma_t) - half_log_snr(alpha_r, sigma_r)
    # 1 / (2 r), r = h_before / h; at the first step there is no step before, at the last h is infinite.
    lead = tf.where(first | last, tf.zeros_like(h), h / (2.0 * tf.where(first, tf.ones_like(h), h_before)))
    weight = -alpha_s * tf.math.expm1(-h)
    return Update(
        x=sigma_s / sigma_t, x0=weight * (1.0 + lead), x0_prev=-weight * lead, noise=tf.zeros_like(weight)
    )
