"""Grids: every pixel where it belongs."""

import numpy as np
import pytest

from zoo_client.commands.film import film
from zoo_client.grid import best_columns, best_scale, fitting_font, font, grid, printable, tile
from zoo_client.results import Image, Preview, Recipe, Samples

GREYS = np.arange(5, dtype=np.uint8)[:, None, None, None] * 10 + np.zeros((1, 2, 3, 1), np.uint8)


def test_tiles_are_laid_out_row_by_row() -> None:
    images = GREYS.copy()
    images[4, 1, 2] = 99
    picture = tile(images, columns=2, scale=2, gap=1)

    assert picture.shape == (3 * 4 + 2, 2 * 6 + 1, 1)
    expected = np.full((14, 13), 255, np.uint8)
    expected[0:4, 0:6], expected[0:4, 7:13] = 0, 10
    expected[5:9, 0:6], expected[5:9, 7:13] = 20, 30
    expected[10:14, 0:6] = 40
    expected[12:14, 4:6] = 99  # One pixel becomes a crisp block of two by two.
    np.testing.assert_array_equal(picture[:, :, 0], expected)


def test_colours_stay() -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0]], np.uint8)[:, None, None, :]
    assert tile(colours, columns=2)[0].tolist() == [[255, 0, 0], [0, 255, 0]]
    assert grid(colours).mode == "RGB"


@pytest.mark.parametrize(
    ("count", "columns"),
    [(1, 1), (2, 2), (7, 3), (8, 4), (10, 5), (12, 4), (16, 4), (20, 5), (64, 8), (100, 10)],
)
def test_columns(count: int, columns: int) -> None:
    assert best_columns(count) == columns


@pytest.mark.parametrize(("size", "scale"), [((28, 28), 3), ((8, 8), 12), ((64, 48), 1), ((500, 4), 1)])
def test_scale(size: tuple[int, int], scale: int) -> None:
    assert best_scale(*size) == scale


def test_a_grid_has_a_margin_and_labels_beside_its_rows() -> None:
    picture = grid(np.full((4, 28, 28, 1), 200, np.uint8), columns=2, scale=2, gap=4, margin=10)
    assert picture.size == (2 * 56 + 4 + 20, 2 * 56 + 4 + 20)
    pixels = np.asarray(picture)
    assert (pixels[:10] == 255).all()
    assert pixels[10, 10] == 200

    labelled = grid(
        np.full((4, 28, 28, 1), 200, np.uint8),
        columns=2,
        scale=2,
        gap=4,
        margin=10,
        row_labels=["boot", "bag"],
    )
    assert labelled.size[1] == picture.size[1]
    ink = np.asarray(labelled.convert("L"))[:, 10 : labelled.width - picture.width] < 128
    assert ink[10:66].any()
    assert ink[70:126].any()
    assert not ink[66:70].any()


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (GREYS[:0], (), "n >= 1"),
        (GREYS[0], (), r"shape \(2, 3, 1\)"),
        (GREYS, ("one",), "1 row labels for 2 rows"),
    ],
)
def test_what_makes_no_grid(images: np.ndarray, labels: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grid(images, columns=3, row_labels=labels)


def test_column_labels_stand_above_their_columns() -> None:
    images = np.zeros((6, 28, 28, 1), np.uint8)
    plain = grid(images, columns=3, margin=5)
    labelled = np.asarray(grid(images, columns=3, margin=5, column_labels=["", "one", ""]))
    above = labelled.shape[0] - plain.height
    heading = labelled[5 : 5 + above].min(axis=(0, 2))
    assert np.nonzero(heading < 255)[0].min() >= 5 + 88
    assert np.nonzero(heading < 255)[0].max() < 5 + 2 * 88
    np.testing.assert_array_equal(labelled[5 + above :, :, 0], np.asarray(plain)[5:])
    with pytest.raises(ValueError, match="2 column labels for 3 columns"):
        grid(images, columns=3, column_labels=["a", "b"])


def test_long_column_labels_take_smaller_type() -> None:
    sizes = [fitting_font([text], 88).size for text in ("bag", "strength 0.3", "a very long name of a class")]
    assert sizes[0] > sizes[1] > sizes[2]
    assert fitting_font(["strength 0.3"], 88).getlength("strength 0.3") <= 80


def test_labels_have_no_signs_that_the_typeface_lacks() -> None:
    missing = bytes(font(20).getmask("\uffff"))
    text = printable("28 × 28 – a → b ≤ 1 ± 2 · “x” …")
    assert all(bytes(font(20).getmask(sign)) != missing for sign in text if sign != " ")


def image(index: int, grey: int) -> Image:
    recipe = Recipe("model", 1, "", index, None, {})
    return Image(index, np.full((2, 2, 1), grey, np.uint8), recipe, None, "")


def test_a_film_has_a_row_for_each_image_and_white_where_a_preview_was_passed_over() -> None:
    def preview(index: int, step: int, grey: int) -> Preview:
        return Preview(index, step, 6, np.full((2, 2, 1), grey, np.uint8))

    events = [preview(1, 2, 12), preview(0, 2, 2), preview(1, 4, 14), image(1, 16), image(0, 6)]
    way = film(events)
    assert (way.columns, way.steps) == (3, (2, 4))
    assert way.frames[:, 0, 0, 0].tolist() == [2, 255, 6, 12, 14, 16]
    assert film(events, [1]).frames[:, 0, 0, 0].tolist() == [12, 14, 16]


def test_samples_are_a_sequence_in_the_order_of_their_index(tmp_path) -> None:
    samples = Samples([image(2, 30), image(0, 10), image(1, 20)])

    assert [one.pixels[0, 0, 0] for one in samples] == [10, 20, 30]
    assert samples[1:].seeds == [1, 2]
    assert samples.images.shape == (3, 2, 2, 1)
    assert [picture.size for picture in samples.pil()] == [(2, 2)] * 3
    samples.save_grid(tmp_path / "grid.png", columns=3, scale=1)
    samples[0].save(tmp_path / "one.png")
    assert {path.name for path in tmp_path.iterdir()} == {"grid.png", "one.png"}
