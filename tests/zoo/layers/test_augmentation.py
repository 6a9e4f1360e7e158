"""Differentiable augmentation: what it does to pixels, for each item by its own draws, and to gradients."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.augmentation import DRAWS, NAMES, augment


def draws(**columns: float) -> tf.Tensor:
    """The draws of one item; 0.5 leaves brightness and place as they are."""
    order = ("brightness", "down", "right", "cut_down", "cut_right")
    assert set(columns) <= set(order)
    return tf.constant([[columns.get(name, 0.5) for name in order]])


def point(row: int, column: int, side: int = 16) -> np.ndarray:
    image = np.zeros((1, side, side, 1), np.float32)
    image[0, row, column] = 1.0
    return image


@pytest.mark.parametrize(
    ("down", "right", "place"),
    [
        (0.5, 0.5, (8, 8)),
        (0.0, 0.5, (6, 8)),
        (0.999, 0.5, (10, 8)),
        (0.5, 0.0, (8, 6)),
        (0.7, 0.999, (9, 10)),
    ],
)
def test_translation_moves_by_whole_pixels_up_to_an_eighth(
    down: float, right: float, place: tuple[int, int]
) -> None:
    moved = augment(tf.constant(point(8, 8)), draws(down=down, right=right), ["translation"])
    np.testing.assert_array_equal(moved, point(*place))


def test_what_leaves_the_image_is_gone_and_zeros_come_in() -> None:
    full = tf.ones([1, 16, 16, 3])
    moved = augment(full, draws(down=0.0, right=0.999), ["translation"]).numpy()
    expected = np.zeros((1, 16, 16, 3))
    expected[:, :14, 2:] = 1.0
    np.testing.assert_array_equal(moved, expected)


def test_every_shift_is_as_likely_as_the_others() -> None:
    place = (np.arange(5000) + 0.5) / 5000
    numbers = np.full((5000, DRAWS), 0.5, np.float32)
    numbers[:, 1] = place
    moved = augment(tf.repeat(tf.constant(point(8, 8)), 5000, axis=0), tf.constant(numbers), ["translation"])
    rows = moved.numpy().argmax(axis=1)[:, 8, 0]
    np.testing.assert_array_equal(np.bincount(rows)[6:], [1000] * 5)


def test_brightness_adds_one_number_to_an_item() -> None:
    image = tf.random.stateless_uniform([1, 8, 8, 3], seed=[0, 1])
    np.testing.assert_allclose(augment(image, draws(brightness=0.9), ["brightness"]) - image, 0.4, rtol=1e-5)


def test_cutout_hides_a_square_of_half_the_side_wherever_it_fits_and_less_at_the_rim() -> None:
    full = tf.ones([1, 16, 16, 1])
    middle = augment(full, draws(cut_down=0.5, cut_right=0.5), ["cutout"]).numpy()
    expected = np.ones((1, 16, 16, 1))
    expected[:, 4:12, 4:12] = 0.0
    np.testing.assert_array_equal(middle, expected)
    corner = augment(full, draws(cut_down=0.0, cut_right=0.999), ["cutout"]).numpy()
    assert (corner == 0).sum() == 4 * 4
    assert (corner[0, :4, 12:] == 0).all()


def test_real_and_generated_images_are_changed_alike_and_items_each_in_their_own_way() -> None:
    numbers = tf.random.stateless_uniform([6, DRAWS], seed=[1, 2])
    one = tf.random.stateless_normal([6, 8, 8, 1], seed=[3, 4])
    changed = augment(one, numbers, NAMES)
    np.testing.assert_array_equal(augment(tf.identity(one), numbers, NAMES), changed)
    same = augment(tf.repeat(one[:1], 6, axis=0), numbers, NAMES).numpy()
    assert len({image.tobytes() for image in same}) == 6
    np.testing.assert_array_equal(augment(one[2:3], numbers[2:3], NAMES)[0], changed[2])


def test_the_gradient_goes_back_the_way_the_pixel_came() -> None:
    x = tf.constant(point(8, 8))
    with tf.GradientTape() as tape:
        tape.watch(x)
        seen = augment(x, draws(down=0.999, right=0.0), ["translation", "brightness"])[0, 10, 6, 0]
    np.testing.assert_array_equal(tape.gradient(seen, x), point(8, 8))


def test_no_names_change_nothing() -> None:
    image = tf.random.stateless_normal([2, 8, 8, 1], seed=[3, 4])
    assert augment(image, tf.random.stateless_uniform([2, DRAWS], seed=[0, 0]), []) is image
