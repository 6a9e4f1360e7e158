"""Networks that classify: on images so simple that a second of training tells a lot."""

import numpy as np
import pytest

from zoo.metrics import cas, classifier


def stripes(n, seed):
    """Images of 8x8 with horizontal (class 0) or vertical (class 1) stripes of any phase and contrast, and noise."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n).astype(np.int32)
    wave = np.sign(np.sin(np.arange(8) * np.pi / 2 + rng.uniform(0, 2 * np.pi, n)[:, np.newaxis]))
    image = np.where(label[:, np.newaxis, np.newaxis] == 0, wave[:, :, np.newaxis], wave[:, np.newaxis, :])
    image = 128 + rng.uniform(40, 90, (n, 1, 1)) * image + 10 * rng.standard_normal(image.shape)
    return np.rint(image).clip(0, 255).astype(np.uint8)[..., np.newaxis], label


@pytest.fixture(scope="module")
def test_split():
    return stripes(300, seed=1)


def score(image, label, test_split, **options):
    return cas.correctly_classified(image, label, *test_split, classes=2, **options).mean()


def test_good_samples_teach(test_split):
    calls = []
    image, label = stripes(400, seed=0)
    assert score(image, label, test_split, progress=lambda done, total: calls.append((done, total))) > 0.97
    assert calls[-1] == (40, 40)  # 10 epochs of 4 batches
    assert len(calls) == 40


def test_wrong_labels_and_collapse_do_not(test_split):
    image, label = stripes(400, seed=0)
    shuffled = np.random.default_rng(0).permutation(label)
    assert score(image, shuffled, test_split) < 0.8
    # One image of each class, again and again: each would pass for real.
    one_each = np.array([np.flatnonzero(label == c)[0] for c in (0, 1)])
    assert score(image[one_each].repeat(200, axis=0), np.int32([0, 1]).repeat(200), test_split) < 0.9


def test_the_seed_decides(test_split):
    image, label = stripes(100, seed=0)

    def trained(seed):
        network = classifier.build((8, 8, 1), 2, widths=(4,), hidden=4, seed=seed)
        classifier.train(network, image, label, epochs=1, seed=seed)
        return network.get_weights()

    first, again, other = trained(0), trained(0), trained(1)
    for one, two in zip(first, again, strict=True):
        assert one == pytest.approx(two, abs=1e-5)
    assert abs(first[0] - other[0]).max() > 0.1


def test_the_mean_over_space_takes_images_of_any_size():
    network = classifier.build((None, None, 3), 4, widths=(4, 5), hidden=None)
    for side in (8, 13):
        (logits,) = classifier.run(network, np.zeros((2, side, side, 3), np.uint8))
        assert logits.shape == (2, 4)
