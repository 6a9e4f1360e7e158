"""The encoder to a grid of vectors, and the decoder from it."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.autoencoder import Decoder, Encoder, grid_shape

SETTINGS = {"patch": 2, "widths": (8, 12), "blocks": (1, 2), "dim": 5}


@pytest.mark.parametrize(
    ("image_shape", "patch", "levels", "grid"),
    [
        ((28, 28, 1), 2, 2, (7, 7)),
        ((28, 28, 1), 2, 1, (14, 14)),
        ((9, 17, 3), 2, 2, (3, 5)),
        ((8, 8, 1), 1, 1, (8, 8)),
    ],
)
def test_sides_that_do_not_divide_are_rounded_up(
    image_shape: tuple[int, int, int], patch: int, levels: int, grid: tuple[int, int]
) -> None:
    assert grid_shape(image_shape, patch, levels) == grid


@pytest.mark.parametrize("image_shape", [(8, 8, 1), (9, 17, 3)])
def test_an_image_goes_to_its_grid_and_back(image_shape: tuple[int, int, int]) -> None:
    grid = grid_shape(image_shape, 2, 2)
    encoder = Encoder(image_shape, **SETTINGS)
    decoder = Decoder(image_shape, **SETTINGS, components=3, initial_log_scale=-2.0)
    z = encoder(tf.zeros((2, *image_shape)))
    assert z.shape == (2, *grid, 5)
    assert z.dtype == tf.float32
    for part in decoder(z):
        assert part.shape == (2, *image_shape, 3)
    assert encoder.built
    assert decoder.built


def test_the_grid_keeps_its_place_in_the_image() -> None:
    """A change in one corner of the codes changes that corner of the picture most, and not the far one."""
    decoder = Decoder((32, 32, 1), **SETTINGS, components=2, initial_log_scale=-2.0)
    z = np.zeros((1, 8, 8, 5), np.float32)
    changed = z.copy()
    changed[0, 0, 7] = 1.0
    difference = np.abs(decoder(changed).means - decoder(z).means)[0, ..., 0].sum(-1)
    row, column = np.unravel_index(difference.argmax(), difference.shape)
    assert row < 8
    assert column >= 24
    assert difference[24:, :8].max() == 0.0


def test_components_start_evenly_spread_over_the_range_of_pixels() -> None:
    decoder = Decoder((8, 8, 1), **SETTINGS, components=5, initial_log_scale=-3.0)
    mixture = decoder(tf.zeros((1, 2, 2, 5)))
    np.testing.assert_allclose(mixture.means[0, 0, 0, 0], [-1, -0.5, 0, 0.5, 1], atol=1e-6)
    np.testing.assert_allclose(mixture.log_scales, -3.0)


def test_vectors_and_mixtures_are_float32_in_reduced_precision() -> None:
    encoder = Encoder((8, 8, 1), **SETTINGS, dtype="mixed_bfloat16")
    decoder = Decoder((8, 8, 1), **SETTINGS, components=2, initial_log_scale=-2.0, dtype="mixed_bfloat16")
    z = encoder(tf.random.stateless_normal((2, 8, 8, 1), seed=[0, 0]))
    assert z.dtype == tf.float32
    assert all(part.dtype == tf.float32 for part in decoder(z))
    assert encoder.entrances[0].compute_dtype == "bfloat16"
