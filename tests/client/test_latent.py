"""Latents through the client."""

import numpy as np
import pytest

from zoo_client import Client, errors, held_out

TWO = np.array([[0.2, 1.0], [2.0, 0.5]], np.float32)


def test_encode_is_the_way_back_from_decode(zoo: Client) -> None:
    images = zoo.decode("halves", TWO)

    assert images.dtype == np.uint8
    assert images[:, [0, 27], 0, 0].tolist() == [[20, 100], [200, 50]]
    latents = zoo.encode("halves", images)
    assert latents.dtype == np.float32
    np.testing.assert_allclose(latents, TWO, rtol=1e-6)


def test_a_latent_that_numpy_made_float64_is_taken(zoo: Client) -> None:
    np.testing.assert_array_equal(zoo.decode("halves", TWO.astype(float)), zoo.decode("halves", TWO))


def test_codes_are_whole_numbers(zoo: Client) -> None:
    codes = np.array([[[0, 1], [2, 4]]])
    assert zoo.decode("tiles", codes)[0, ::2, ::2, 0].tolist() == [[0, 50], [100, 200]]
    with pytest.raises(errors.InvalidField):
        zoo.decode("tiles", codes + 1)


def test_more_than_the_limit_goes_in_parts(zoo: Client) -> None:
    images = held_out.load().images
    latents = zoo.encode("halves", images)
    assert latents.shape == (64, 2)
    assert zoo.decode("halves", latents).shape == images.shape


def test_interpolation_from_latents_and_from_images(zoo: Client) -> None:
    way = zoo.interpolate("halves", np.array([0, 0.4], np.float32), np.array([1, 0.4], np.float32), 5)
    assert way[:, 0, 0, 0].tolist() == [0, 25, 50, 75, 100]
    assert np.unique(way[:, 27]).tolist() == [40]

    ends = zoo.decode("halves", TWO)
    mixed = zoo.interpolate("halves", ends[0], TWO[1], 3)
    np.testing.assert_array_equal(mixed[[0, 2]], ends)


def test_a_spherical_way_keeps_the_length(zoo: Client) -> None:
    way = zoo.interpolate("halves", np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3, method="spherical")
    assert way[1, [0, 27], 0, 0].tolist() == [71, 71]
