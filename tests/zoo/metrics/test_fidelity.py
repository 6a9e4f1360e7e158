import numpy as np
import pytest

from zoo.metrics.fidelity import luma, psnr, ssim


def picture(seed=0, size=32, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (size, size, channels), np.uint8)


def test_luma_is_that_of_bt_601_in_studio_range():
    colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    assert luma(colours)[:, 0] == pytest.approx([16, 235, 81.481, 144.553, 40.966])
    # Grey is R = G = B.
    assert luma(np.uint8([[51]]))[0, 0] == pytest.approx(16 + 219 / 5)


def test_psnr_by_hand():
    black = np.zeros((8, 8, 3), np.uint8)
    off_by_one = black + np.uint8(1)
    assert psnr(off_by_one, black) == pytest.approx(20 * np.log10(255))  # 48.13 dB
    half = black.copy()
    half[:, :4] = 2  # a mean squared error of 2
    assert psnr(half, black) == pytest.approx(10 * np.log10(255**2 / 2))
    assert psnr(black, black) == np.inf


def test_uint8_differences_do_not_wrap_around():
    assert psnr(np.uint8([[[0]]]), np.uint8([[[255]]])) == pytest.approx(0)


def test_the_edges_are_shaved():
    original, image = picture(), picture()
    image[:4], image[-4:], image[:, :4], image[:, -4:] = 0, 0, 0, 0
    assert psnr(image, original) < 20
    assert psnr(image, original, shave=4) == np.inf
    assert ssim(image, original, shave=4) == pytest.approx(1)


def test_psnr_of_y_and_of_rgb_differ():
    """An error in blue alone hardly shows in Y: numbers of the two must not be compared."""
    original = np.full((16, 16, 3), 100, np.uint8)
    image = original + np.uint8([0, 0, 30])
    gain = psnr(luma(image), luma(original)) - psnr(image, original)
    # 20 log10 of 255 / 24.966, and 10 log10 of the 3 channels among which the error is shared.
    assert gain == pytest.approx(20 * np.log10(255 / 24.966) - 10 * np.log10(3))


def test_equal_images_are_wholly_similar():
    assert ssim(picture(), picture()) == pytest.approx(1)


def test_ssim_of_flat_images_is_the_luminance_term():
    # (2 ab + C1) / (a^2 + b^2 + C1) with C1 = (0.01 255)^2; no variance, so that the second factor is C2 / C2.
    a, b, c1 = 100.0, 150.0, 2.55**2
    first, second = np.full((16, 16, 1), 100, np.uint8), np.full((16, 16, 1), 150, np.uint8)
    assert ssim(first, second) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1))


def test_ssim_of_one_window_is_the_formula():
    """With 11x11 pixels there is one window: the formula of the paper, written out with its weights."""
    x, y = (picture(seed, 11, 1).astype(np.float64) for seed in (1, 2))
    offsets = np.arange(-5, 6)
    weights = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))[..., None]
    weights /= weights.sum()
    mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
    variance_x, variance_y = (weights * (x - mean_x) ** 2).sum(), (weights * (y - mean_y) ** 2).sum()
    covariance = (weights * (x - mean_x) * (y - mean_y)).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    expected *= (2 * covariance + c2) / (variance_x + variance_y + c2)
    assert ssim(x, y) == pytest.approx(expected)


def test_ssim_sees_structure_where_psnr_sees_none():
    """A shift of all levels and noise of the same power: equal in PSNR, far apart in SSIM."""
    smooth = np.add.outer(np.arange(32), np.arange(32))[..., None].astype(np.float64) * 3
    noise = np.random.default_rng(0).choice([-10.0, 10.0], smooth.shape)
    assert psnr(smooth + 10, smooth) == pytest.approx(psnr(smooth + noise, smooth))
    assert ssim(smooth + 10, smooth) > 0.95 > 0.8 > ssim(smooth + noise, smooth)


def test_colour_is_the_mean_over_the_channels():
    first, second = picture(1), picture(2)
    channels = [ssim(first[..., c : c + 1], second[..., c : c + 1]) for c in range(3)]
    assert ssim(first, second) == pytest.approx(np.mean(channels))


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (psnr, (np.zeros((4, 4, 1)), np.zeros((4, 4, 3))), "one shape"),
        (psnr, (np.zeros((1, 4, 4, 1)), np.zeros((1, 4, 4, 1))), "one shape"),
        (ssim, (np.zeros((10, 16, 1)), np.zeros((10, 16, 1))), "11x11"),
    ],
)
def test_what_cannot_be_compared(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_shaving_everything_off():
    with pytest.raises(ValueError, match="leaves nothing"):
        psnr(picture(size=8), picture(size=8), shave=4)
