"""Tiles: every pixel is used once, from far enough inside its window, and items may be at different tiles."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.tiling import Tiling

TILING = Tiling(window=10, margin=3, scale=2)


def picture(height, width, n=1):
    return np.random.default_rng(0).integers(0, 256, (n, height, width, 1)).astype(np.uint8)


def enlarged(image):
    return tf.repeat(tf.repeat(image, 2, axis=1), 2, axis=2)


def run(tiling, image, network=enlarged):
    canvas = tf.zeros_like(enlarged(image))
    count = int(tiling.count(image))
    for number in range(count):
        index = tf.fill([len(image)], number)
        canvas = tiling.paste(canvas, network(tiling.cut(image, index)), image, index)
    return count, canvas.numpy()


@pytest.mark.parametrize(
    ("height", "width", "count"),
    [(1, 1, 1), (10, 10, 1), (4, 10, 1), (11, 10, 2), (10, 14, 2), (15, 7, 3), (14, 18, 6), (23, 40, 45)],
)
def test_the_tiles_cover_a_picture_of_any_size(height, width, count):
    image = picture(height, width)
    made, canvas = run(TILING, image)
    assert made == count
    np.testing.assert_array_equal(canvas, enlarged(image))


def test_what_is_used_lies_a_margin_inside_its_window():
    """A network that writes a zero on every pixel nearer than the margin to an edge of its input."""

    def blind_at_the_edges(window):
        inside = np.zeros(window.shape[1:3], bool)
        inside[3:-3, 3:-3] = True
        return enlarged(tf.where(inside[None, :, :, None], window, 0))

    image = np.full((1, 24, 31, 1), 9, np.uint8)
    canvas = run(TILING, image, blind_at_the_edges)[1][0, :, :, 0]
    assert (canvas[6:-6, 6:-6] == 9).all()  # all but the picture's own edges
    # A margin that is one too small uses what it should not.
    narrow = run(Tiling(window=10, margin=2, scale=2), image, blind_at_the_edges)[1][0, :, :, 0]
    assert (narrow[6:-6, 6:-6] == 0).any()


def test_items_of_one_batch_may_be_at_different_tiles():
    image = picture(14, 18, n=3)
    index = tf.constant([0, 5, 2])
    cut = TILING.cut(image, index)
    for item, number in enumerate(index.numpy()):
        np.testing.assert_array_equal(cut[item], TILING.cut(image[item : item + 1], tf.constant([number]))[0])
    canvas = tf.zeros_like(enlarged(image))
    pasted = TILING.paste(canvas, enlarged(cut), image, index)
    for item, number in enumerate(index.numpy()):
        alone = TILING.paste(
            canvas[:1], enlarged(cut[item : item + 1]), image[item : item + 1], tf.constant([number])
        )
        np.testing.assert_array_equal(pasted[item], alone[0])


def test_windows_begin_and_end_with_the_picture():
    image = picture(14, 18)
    np.testing.assert_array_equal(TILING.cut(image, tf.constant([0])), image[:, :10, :10])
    np.testing.assert_array_equal(TILING.cut(image, tf.constant([1])), image[:, :10, 4:14])
    np.testing.assert_array_equal(TILING.cut(image, tf.constant([5])), image[:, 4:, 8:])


def test_a_window_that_is_all_margin_is_refused():
    with pytest.raises(ValueError, match="a window of 10 is all margin: 5 at each edge"):
        Tiling(window=10, margin=5)
