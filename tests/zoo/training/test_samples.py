import numpy as np
import pytest

from zoo.training.samples import grid


def test_images_lie_row_by_row():
    images = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 30, 40, 1), np.uint8)
    sheet = np.asarray(grid(images, columns=3))
    assert sheet.shape == (2 * 32 + 2, 3 * 42 + 2)
    assert [
        sheet[2 + 32 * row + 15, 2 + 42 * column + 20] for row in range(2) for column in range(3)
    ] == list(range(6))


def test_small_images_are_enlarged_without_blurring():
    image = np.array([[0, 255], [255, 0]], np.uint8).repeat(4, 0).repeat(4, 1)[None, ..., None]
    sheet = np.asarray(grid(image, columns=1))
    assert sheet.shape == (32 + 4, 32 + 4)
    assert set(np.unique(sheet[2:34, 2:34])) == {0, 255}


@pytest.mark.parametrize("channels", [1, 3])
def test_rows_can_be_named(channels):
    images = np.zeros((4, 28, 28, channels), np.uint8)
    plain, named = grid(images, 2), grid(images, 2, ["T-shirt/top", "Bag"])
    assert named.height == plain.height
    assert named.width > plain.width
    margin = np.asarray(named.convert("L"))[:, : named.width - plain.width]
    assert margin.min() < 128 < margin.max()  # there is text, and it is not all black
