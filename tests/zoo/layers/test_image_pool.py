"""The image pool does what the loop of the paper's authors does, an image at a time."""

import numpy as np
import tensorflow as tf

from zoo.layers.image_pool import ImagePool


def one_by_one(kept, size, images, draws):
    """The rule, as a loop over images: changes the list `kept`, returns what is shown."""
    shown = []
    for image, (swap, slot) in zip(images, draws, strict=True):
        if len(kept) < size:
            kept.append(image)
            shown.append(image)
        elif swap < 0.5:
            place = int(slot * size)
            shown.append(kept[place])
            kept[place] = image
        else:
            shown.append(image)
    return shown


def batches(count, n, seed=0):
    """Images that are all different, of one pixel, with their draws."""
    rng = np.random.default_rng(seed)
    for step in range(count):
        images = np.arange(step * n, (step + 1) * n, dtype=np.float32)
        yield images.reshape(n, 1, 1, 1), rng.random((n, 2)).astype(np.float32)


def test_whole_batches_are_exchanged_as_by_the_loop():
    """Batches of 5 on a pool of 4: slots are hit several times in one batch, and the filling ends inside one."""
    pool, kept = ImagePool(4, (1, 1, 1)), []
    for images, draws in batches(40, 5):
        shown = pool.exchange(tf.constant(images), tf.constant(draws))
        np.testing.assert_array_equal(np.ravel(shown), one_by_one(kept, 4, images.ravel().tolist(), draws))
        np.testing.assert_array_equal(np.ravel(pool.images)[: len(kept)], kept)
        assert int(pool.filled.numpy()) == len(kept)


def test_half_of_what_is_shown_is_old_and_goes_back_far():
    pool, size = ImagePool(50, (1, 1, 1)), 50
    ages = []
    for images, draws in batches(100, 24):
        shown = pool.exchange(tf.constant(images), tf.constant(draws))
        ages += (images - shown.numpy()).ravel().tolist()
    ages = np.array(ages[4 * size :])
    assert abs((ages > 0).mean() - 0.5) < 0.03
    # Of 50 slots each image that comes rewrites one with probability 1/2: on average an old one waited 100 images.
    assert 85 < ages[ages > 0].mean() < 115


def test_a_pool_of_none_gives_back_what_it_gets():
    pool = ImagePool(0, (2, 2, 1))
    images = tf.random.normal((3, 2, 2, 1))
    np.testing.assert_array_equal(pool.exchange(images, tf.zeros((3, 2))), images)


def test_nothing_in_a_pool_is_trained():
    pool = ImagePool(3, (2, 2, 1))
    assert pool.trainable_weights == []
    assert len(pool.weights) == 2
