import numpy as np
import pytest
import tensorflow as tf
from sklearn import datasets

import zoo.data
from zoo.data.order import seed_base


@pytest.fixture(scope="module")
def digits():
    return zoo.data.load("digits")


def test_the_split_and_the_levels_are_the_stated_ones(digits):
    assert (digits.train_size, digits.test_size) == (1350, 447)
    assert digits.image_shape == (8, 8, 1)
    assert digits.class_names == tuple("0123456789")
    scans = datasets.load_digits()
    for split, rows in (("train", slice(0, 1350)), ("test", slice(1350, 1797))):
        images, labels = digits.arrays(split)
        assert images.dtype == np.uint8
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, scans.target[rows])
        # Every one of the 17 levels can be told from its value.
        np.testing.assert_array_equal(np.rint(images[..., 0] * (16 / 255)), scans.images[rows])
    assert set(np.unique(digits.arrays("train")[0])) >= {0, 128, 255}


def test_batches_have_the_stated_form(digits):
    assert digits.train(50).element_spec == {
        "image": tf.TensorSpec((50, 8, 8, 1), tf.uint8),
        "label": tf.TensorSpec((50,), tf.int32),
        "seed": tf.TensorSpec((50,), tf.int64),
    }


def test_training_batches_are_full_and_their_seeds_consecutive(digits):
    batches = list(digits.train(100, seed=3, epochs=2).as_numpy_iterator())
    assert digits.steps_per_epoch(100) == 13
    assert [len(batch["image"]) for batch in batches] == [100] * 26
    seeds = np.concatenate([batch["seed"] for batch in batches])
    np.testing.assert_array_equal(seeds, seed_base(3) + np.arange(2600))


def test_training_sees_every_image_once_an_epoch_with_its_label(digits):
    images, labels = digits.arrays("train")
    batches = list(digits.train(135, epochs=2).as_numpy_iterator())
    for epoch in (batches[:10], batches[10:]):
        seen = np.concatenate([batch["image"] for batch in epoch])
        known = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
        assert sorted(image.tobytes() for image in seen) == sorted(image.tobytes() for image in images)
        seen_labels = np.concatenate([batch["label"] for batch in epoch])
        assert [known[image.tobytes()] for image in seen] == list(seen_labels)


@pytest.mark.parametrize("start", [1, 13, 20])
def test_a_stream_can_start_at_any_step(digits, start):
    whole = list(digits.train(100, seed=1, epochs=2).as_numpy_iterator())
    rest = list(digits.train(100, seed=1, epochs=2, start_step=start).as_numpy_iterator())
    assert len(rest) == len(whole) - start
    for expected, found in zip(whole[start:], rest, strict=True):
        for key in expected:
            np.testing.assert_array_equal(expected[key], found[key])


def test_the_batch_size_does_not_change_the_stream(digits):
    small = np.concatenate(
        [batch["image"] for batch in digits.train(10, seed=7).take(10).as_numpy_iterator()]
    )
    large = next(digits.train(100, seed=7).as_numpy_iterator())["image"]
    np.testing.assert_array_equal(small, large)


def test_test_batches_come_in_order_with_their_index_as_seed(digits):
    batches = list(digits.test(100).as_numpy_iterator())
    assert [len(batch["image"]) for batch in batches] == [100, 100, 100, 100, 47]
    np.testing.assert_array_equal(np.concatenate([batch["seed"] for batch in batches]), np.arange(447))
    np.testing.assert_array_equal(
        np.concatenate([batch["image"] for batch in batches]), digits.arrays("test")[0]
    )


def test_no_test_scan_is_trained_on(digits):
    trained = {image.tobytes() for batch in digits.train(135).as_numpy_iterator() for image in batch["image"]}
    # Not one of the 447 held-out scans is equal to a training scan, so this can be asked of the pixels.
    assert not trained & {image.tobytes() for image in digits.arrays("test")[0]}


def test_held_out_images_are_the_last_of_the_training_split(digits):
    images, labels = digits.arrays("train")
    held = digits.hold_out(150)
    assert held.train_size == 1200
    np.testing.assert_array_equal(held.arrays("train")[0], images[:1200])
    batches = list(held.validation(100).as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate([batch["label"] for batch in batches]), labels[1200:])
    assert digits.validation(100) is None
    assert digits.hold_out(0) is digits


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda data: data.train(2000), "batch_size 2000 is larger than the 1350 training images of digits"),
        (lambda data: data.train(0), "batch_size is 0; it must be at least 1"),
        (lambda data: data.train(100, start_step=14), "start_step 14 lies outside the 13 steps"),
        (lambda data: data.hold_out(1350), "cannot hold out 1350 of the 1350"),
        (lambda data: data.arrays("valid"), "no split 'valid'"),
    ],
)
def test_what_cannot_be_done_is_said(digits, ask, message):
    with pytest.raises(zoo.data.DataError, match=message):
        ask(digits)
