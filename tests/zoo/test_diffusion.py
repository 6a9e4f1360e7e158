"""Diffusion mathematics by identities and hand-worked values."""

import numpy as np
import pytest
import tensorflow as tf

from zoo import diffusion

SCHEDULES = [make(1000) for make in diffusion.SCHEDULES.values()]
BY_NAME = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)


def floats(*values: float) -> tf.Tensor:
    return tf.constant(values, tf.float64)


def ints(*values: int) -> tf.Tensor:
    return tf.constant(values, tf.int32)


# --- schedules ------------------------------------------------------------------------------------------------


def test_linear_schedule_has_the_betas_of_the_paper() -> None:
    alpha_bar = 1 / (1 + np.exp(-diffusion.linear(1000).log_snr))
    assert alpha_bar[0] == pytest.approx(1 - 1e-4, rel=1e-9)
    assert 1 - alpha_bar[-1] / alpha_bar[-2] == pytest.approx(0.02, rel=1e-6)
    # prod(1 - beta) of the paper's schedule, worked out apart.
    assert alpha_bar[-1] == pytest.approx(4.0358e-5, rel=1e-3)


def test_linear_schedule_of_fewer_steps_destroys_as_much() -> None:
    assert diffusion.linear(250).log_snr[-1] == pytest.approx(diffusion.linear(1000).log_snr[-1], rel=0.03)


def test_cosine_schedule_follows_its_equation() -> None:
    wanted = np.cos((0.5 + 0.008) / 1.008 * np.pi / 2) ** 2 / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    assert 1 / (1 + np.exp(-diffusion.cosine(1000).log_snr[499])) == pytest.approx(wanted, rel=1e-6)


@BY_NAME
def test_schedules_fall_and_keep_the_variance(schedule: diffusion.Schedule) -> None:
    assert (np.diff(schedule.log_snr) < 0).all()
    alpha, sigma = schedule.rates(tf.range(0, 1001))
    np.testing.assert_allclose(alpha**2 + sigma**2, 1.0, atol=1e-12)


@BY_NAME
def test_the_data_end_is_exactly_the_data(schedule: diffusion.Schedule) -> None:
    alpha, sigma = schedule.rates(floats(0.0))
    assert alpha[0] == 1.0
    assert sigma[0] == 0.0


# --- prediction -----------------------------------------------------------------------------------------------


def test_x0_comes_back_from_noise_and_from_velocity() -> None:
    rng = np.random.default_rng(0)
    x0, noise = (tf.constant(rng.normal(size=(3, 4, 4, 1)), tf.float32) for _ in range(2))
    alpha, sigma = diffusion.linear(1000).rates(floats(1, 300, 700))
    x = diffusion.diffuse(x0, noise, alpha, sigma)
    v = diffusion.velocity(x0, noise, alpha, sigma)
    np.testing.assert_allclose(diffusion.x0_from_noise(x, noise, alpha, sigma), x0, atol=1e-4)
    np.testing.assert_allclose(diffusion.x0_from_velocity(x, v, alpha, sigma), x0, atol=1e-5)


# --- posterior and bound --------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [2, 500, 1000])
@BY_NAME
def test_posterior_agrees_with_the_paper(schedule: diffusion.Schedule, t: int) -> None:
    """DDPM eq. 7 in float64, written with alpha_bar and beta as there."""
    bar = 1 / (1 + np.exp(-schedule.log_snr))
    bar_t, bar_s = bar[t - 1], bar[t - 2]
    alpha = bar_t / bar_s
    beta = 1 - alpha
    q = diffusion.posterior(*schedule.rates(floats(t)), *schedule.rates(floats(t - 1)))
    assert float(q.x0[0]) == pytest.approx(np.sqrt(bar_s) * beta / (1 - bar_t), rel=1e-6)
    assert float(q.x[0]) == pytest.approx(np.sqrt(alpha) * (1 - bar_s) / (1 - bar_t), rel=1e-6, abs=1e-12)
    assert float(q.large[0]) == pytest.approx(beta, rel=1e-6)
    assert float(q.small[0]) == pytest.approx((1 - bar_s) / (1 - bar_t) * beta, rel=1e-6)


def test_kl_of_normals_by_hand() -> None:
    # Equal variances: half the squared distance over the variance. Variances 1 and e: (1 + 1/e - 1) / 2 a dimension.
    assert float(diffusion.gaussian_kl_nats(floats(8.0), floats(2.0), floats(2.0), 5)[0]) == pytest.approx(
        2.0
    )
    kl = diffusion.gaussian_kl_nats(floats(0.0), floats(1.0), floats(np.e), 4)
    assert float(kl[0]) == pytest.approx(2.0 / np.e, rel=1e-6)


def test_prior_kl_by_hand() -> None:
    # alpha x0 = 0.5 in 4 dimensions, sigma^2 = 0.75: (4 * 0.25 + 4 * (0.75 - 1 - log 0.75)) / 2.
    kl = diffusion.prior_kl_nats(tf.ones((1, 2, 2, 1)), floats(0.5), floats(np.sqrt(0.75)))
    assert float(kl[0]) == pytest.approx(0.5 * (1.0 + 4 * (-0.25 - np.log(0.75))), rel=1e-5)


# --- where samplers walk --------------------------------------------------------------------------------------


@BY_NAME
def test_a_full_uniform_walk_visits_every_timestep_once(schedule: diffusion.Schedule) -> None:
    step = tf.range(1001)
    times = diffusion.sampling_time(schedule, "uniform", step, tf.fill([1001], 1000))
    np.testing.assert_array_equal(times, np.arange(1000, -1, -1))


@pytest.mark.parametrize("steps", [2, 3, 20, 50, 999])
@pytest.mark.parametrize("spacing", diffusion.SPACINGS)
@BY_NAME
def test_walks_start_at_the_noise_end_at_the_data_and_never_stand(
    schedule: diffusion.Schedule, spacing: str, steps: int
) -> None:
    times = diffusion.sampling_time(
        schedule, spacing, tf.range(steps + 1), tf.fill([steps + 1], steps)
    ).numpy()
    assert times[0] == pytest.approx(1000)
    assert times[-1] == 0.0
    assert times[-2] >= 1.0
    assert (np.diff(times) < 0).all()


def test_karras_spacing_follows_its_equation() -> None:
    schedule = diffusion.log_snr_linear(1000)
    times = diffusion.sampling_time(schedule, "karras", tf.range(5), tf.fill([5], 5))
    ratio = np.exp(-0.5 * schedule.log_snr_at(times).numpy())
    low, high = np.exp(-13.3 / 2), np.exp(5.0 / 2)
    wanted = (high ** (1 / 7) + np.arange(5) / 4 * (low ** (1 / 7) - high ** (1 / 7))) ** 7
    np.testing.assert_allclose(ratio, wanted, rtol=0.01)


# --- solvers --------------------------------------------------------------------------------------------------


def update(sampler: int, steps: int, *, eta: float = 0.0, variance: str = "fixed_small") -> diffusion.Update:
    """The coefficients of a whole walk, step by step."""
    n = steps
    return diffusion.solver_update(
        diffusion.linear(1000),
        "uniform",
        variance,
        sampler=tf.fill([n], sampler),
        step=tf.range(n),
        steps=tf.fill([n], n),
        eta=tf.fill([n], eta),
    )


def walk(
    coefficients: diffusion.Update, x: np.ndarray, x0_of: object, noise: np.ndarray | None = None
) -> np.ndarray:
    """Runs one item through all steps of `coefficients` with a given denoiser, in float64."""
    x0_prev = np.zeros_like(x)
    a, b, c, s = (np.asarray(part, np.float64) for part in coefficients)
    for k in range(len(a)):
        x0 = x0_of(x, k)
        x = a[k] * x + b[k] * x0 + c[k] * x0_prev + (0 if noise is None else s[k] * noise[k])
        x0_prev = x0
    return x


@pytest.mark.parametrize("sampler", [diffusion.DDPM, diffusion.DDIM, diffusion.DPM_SOLVER_PP_2M])
@pytest.mark.parametrize("steps", [2, 7, 1000])
def test_a_perfect_denoiser_gives_the_image_exactly_and_the_last_step_adds_no_noise(
    sampler: int, steps: int
) -> None:
    image = np.array([0.25, -1.0, 1.0])
    coefficients = update(sampler, steps, eta=1.0)
    result = walk(coefficients, np.array([3.0, -2.0, 0.5]), lambda x, k: image, np.ones((steps, 3)))
    np.testing.assert_allclose(result, image, atol=1e-12)
    assert coefficients.noise[-1] == 0.0


def test_ddim_keeps_the_noise_it_sees() -> None:
    """DDIM eq. 12 with eta = 0: the same noise at every level."""
    schedule, steps = diffusion.linear(1000), 10
    alpha, sigma = (
        np.asarray(rate, np.float64)
        for rate in schedule.rates(
            diffusion.sampling_time(schedule, "uniform", tf.range(11), tf.fill([11], 10))
        )
    )
    coefficients = update(diffusion.DDIM, steps)
    x0, noise = 0.3, -1.2
    for k in range(steps - 1):
        moved = coefficients.x[k] * (alpha[k] * x0 + sigma[k] * noise) + coefficients.x0[k] * x0
        assert float(moved) == pytest.approx(alpha[k + 1] * x0 + sigma[k + 1] * noise, abs=1e-5)
    assert not np.any(coefficients.noise)


def test_ddim_with_full_noise_is_the_ancestral_sampler() -> None:
    for ancestral, ddim in zip(update(diffusion.DDPM, 25), update(diffusion.DDIM, 25, eta=1.0), strict=True):
        np.testing.assert_allclose(ancestral, ddim, atol=1e-7)


def test_ancestral_steps_keep_the_marginal_variance() -> None:
    """For data that are standard normal, x0 = alpha x is the perfect denoiser and every x_t is standard normal; the
    large variance is the right one for them (DDPM section 3.2), and the small one loses variance at every step.
    """
    schedule, steps = diffusion.linear(1000), 1000
    alpha, _ = schedule.rates(tf.range(1000, 0, -1))
    alpha = np.asarray(alpha, np.float64)
    spread = {}
    for variance in diffusion.VARIANCES:
        a, b, _, s = (
            np.asarray(part, np.float64) for part in update(diffusion.DDPM, steps, variance=variance)
        )
        power = 1.0
        for k in range(steps - 1):
            power = (a[k] + b[k] * alpha[k]) ** 2 * power + s[k] ** 2
        spread[variance] = power
    assert spread["fixed_large"] == pytest.approx(1.0, abs=0.01)
    assert spread["fixed_small"] < spread["fixed_large"] - 0.005


def gaussian_error(sampler: int, steps: int) -> float:
    """Error of a solver on normal data of variance 0.25, whose probability flow has a closed form."""
    schedule = diffusion.linear(1000)
    times = diffusion.sampling_time(schedule, "uniform", tf.range(steps + 1), tf.fill([steps + 1], steps))
    alpha, sigma = (np.asarray(rate, np.float64) for rate in schedule.rates(times))

    def x0_of(x: np.ndarray, k: int) -> np.ndarray:
        return alpha[k] * 0.25 / (alpha[k] ** 2 * 0.25 + sigma[k] ** 2) * x

    exact = 0.5 / np.sqrt(alpha[0] ** 2 * 0.25 + sigma[0] ** 2)
    return abs(float(walk(update(sampler, steps), np.array(1.0), x0_of)) / exact - 1.0)


def test_solvers_converge_to_the_closed_form_of_normal_data() -> None:
    for sampler in (diffusion.DDIM, diffusion.DPM_SOLVER_PP_2M):
        errors = [gaussian_error(sampler, steps) for steps in (10, 40, 200)]
        assert errors[0] > errors[1] > errors[2]
        assert errors[2] < 0.02


def test_the_second_order_solver_needs_fewer_steps_than_ddim() -> None:
    assert gaussian_error(diffusion.DPM_SOLVER_PP_2M, 20) < 0.5 * gaussian_error(diffusion.DDIM, 20)


def test_items_take_their_own_solver_and_position() -> None:
    mixed = diffusion.solver_update(
        diffusion.linear(1000),
        "uniform",
        "fixed_small",
        sampler=ints(1, 2, 3, 3),
        step=ints(4, 0, 0, 19),
        steps=ints(25, 10, 20, 20),
        eta=tf.zeros(4),
    )
    for row, (sampler, step, steps) in enumerate([(1, 4, 25), (2, 0, 10), (3, 0, 20), (3, 19, 20)]):
        alone = update(sampler, steps)
        for part, whole in zip(mixed, alone, strict=True):
            assert float(part[row]) == float(whole[step])
