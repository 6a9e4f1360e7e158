import numpy as np
import pytest

from zoo.metrics.translation import NOISE_LEVELS, cycle_l1, retrieved, with_noise


def pictures(n=6, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 1), np.uint8)


def test_the_noise_is_small_and_belongs_to_its_image():
    grey = np.full((3, 40, 40, 1), 128, np.uint8)
    noisy = with_noise(grey, np.array([4, 5, 6]))
    assert noisy.dtype == np.uint8
    # Rounding adds a variance of a twelfth.
    assert (noisy - 128.0).std() == pytest.approx(np.hypot(NOISE_LEVELS, 12**-0.5), rel=0.05)
    assert np.array_equal(with_noise(grey[1:2], np.array([5]))[0], noisy[1])
    assert not np.array_equal(noisy[0], noisy[1])


def test_the_noise_does_not_wrap_around():
    assert with_noise(np.zeros((1, 40, 40, 1), np.uint8), np.array([0])).max() < 20
    assert with_noise(np.full((1, 40, 40, 1), 255, np.uint8), np.array([0])).min() > 235


def test_cycle_error_by_hand():
    image = np.zeros((2, 2, 2, 1), np.uint8)
    returned = image.copy()
    returned[1, 0] = 255
    assert cycle_l1(image, returned) == pytest.approx([0, 0.5])
    assert cycle_l1(returned, image) == pytest.approx([0, 0.5])


def test_who_comes_back_is_found_and_who_becomes_another_is_not():
    image = pictures()
    assert retrieved(image, with_noise(image, np.arange(6))).all()
    assert not retrieved(image, np.roll(image, 1, axis=0)).any()
    # The mean of all has a low cycle error, and is the nearest to one at most.
    mean = np.broadcast_to(image.mean(axis=0).astype(np.uint8), image.shape)
    assert retrieved(image, mean).sum() == 1


def test_a_source_hidden_in_the_lowest_bits_does_not_come_back():
    """A cheat with the cycle at zero: a constant picture that carries its source where nobody looks."""
    source = np.where(pictures(20) > 127, 255, 0).astype(np.uint8)
    hidden = np.uint8(128) + (source > 0).astype(np.uint8)

    def read(image):
        return (image & 1) * np.uint8(255)

    assert cycle_l1(source, read(hidden)).max() == 0
    assert retrieved(source, read(hidden)).all()
    noisy = read(with_noise(hidden, np.arange(20)))
    assert cycle_l1(source, noisy).min() > 0.3
    assert retrieved(source, noisy).mean() < 0.3
