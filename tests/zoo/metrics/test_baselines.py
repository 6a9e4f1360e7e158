import numpy as np
import pytest

from zoo.metrics.baselines import BASELINES, class_mean, constant, pca_gaussian, real


@pytest.fixture(scope="module")
def two_classes():
    """600 images of 2x2: class 0 varies along one direction, class 1 is bright and flat."""
    rng = np.random.default_rng(0)
    image = np.full((600, 4), 200.0)
    image[:300] = 100 + 10 * rng.standard_normal((300, 1)) * [1.0, -1.0, 1.0, -1.0]
    label = np.repeat([0, 1], 300).astype(np.int32)
    order = rng.permutation(600)
    return np.rint(image).astype(np.uint8).reshape(-1, 2, 2, 1)[order], label[order]


@pytest.mark.parametrize("name", BASELINES)
def test_each_draws_what_is_asked_for_and_again_the_same(name, two_classes):
    draw = BASELINES[name](*two_classes)
    labels = np.array([1, 0, 1])
    image = draw(labels, 0)
    assert image.shape == (3, 2, 2, 1)
    assert image.dtype == np.uint8
    assert np.array_equal(draw(labels, 0), image)


def test_a_gaussian_has_the_mean_and_the_covariance_of_its_class(two_classes):
    image, label = two_classes
    drawn = pca_gaussian(image, label, components=1)(np.zeros(4000, np.int32), 1).reshape(-1, 4)
    wanted = image[label == 0].reshape(-1, 4).astype(float)
    assert drawn.mean(axis=0) == pytest.approx(wanted.mean(axis=0), abs=1)
    assert np.cov(drawn, rowvar=False) == pytest.approx(np.cov(wanted, rowvar=False), rel=0.1)
    assert (pca_gaussian(image, label)(np.ones(5, np.int32), 1) == 200).all()


def test_means(two_classes):
    image, label = two_classes
    assert class_mean(image, label)(np.array([0, 1]), 0).reshape(2, 4)[1].tolist() == [200] * 4
    noisy = class_mean(image, label, noise=5.0)(np.ones(2000, np.int32), 0).astype(float)
    assert noisy.std() == pytest.approx(5, rel=0.1)
    levels = constant(np.uint8([[[[1]]], [[[2]]], [[[9]]]]), np.zeros(3, np.int32))(np.array([0, 0]), 0)
    assert levels.ravel().tolist() == [2, 2]


def test_real_images_are_of_the_class_and_do_not_repeat(two_classes):
    image = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
    label = (np.arange(20) % 2).astype(np.int32)
    drawn = real(image, label)(label, 0).ravel()
    assert (drawn % 2 == label).all()
    assert len(set(drawn.tolist())) == 20
    assert not np.array_equal(drawn, real(image, label)(label, 1).ravel())
    # More than there are: some come again.
    assert len(real(image, label)(np.zeros(15, np.int32), 0)) == 15
