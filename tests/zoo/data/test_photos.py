"""The photographs, and the one low resolution that is made of them."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo.data
from zoo.data import photos
from zoo.data.degradation import bicubic, low_resolution, whole_multiple

HELD_OUT = photos.photographs(held_out=True)


@pytest.fixture(scope="module")
def data():
    return zoo.data.load("photos", size=48)


def test_crops_are_colour_squares_of_the_size_that_was_asked_for(data):
    assert data.image_shape == (48, 48, 3)
    assert data.class_names == ()
    image, label = data.arrays("train")
    assert image.shape == (data.train_size, 48, 48, 3)
    assert image.dtype == np.uint8
    assert (label == -1).all()
    assert zoo.data.load("photos").image_shape == (96, 96, 3)
    assert (image[..., 0] != image[..., 2]).any()


def test_crops_are_always_the_same_ones(data):
    again = zoo.data.load("photos", size=48)
    for split in ("train", "test"):
        np.testing.assert_array_equal(data.arrays(split)[0], again.arrays(split)[0])


def test_test_crops_tile_the_held_out_photographs_and_training_never_sees_one(data):
    count = sum((h // 48) * (w // 48) for h, w, _ in (photo.pixels().shape for photo in HELD_OUT))
    assert data.test_size == count
    trained = {crop.tobytes() for crop in data.arrays("train")[0]}
    # Flat crops could be equal by chance; these photographs have none.
    assert not trained & {crop.tobytes() for crop in data.arrays("test")[0]}
    names = {photo.name for photo in photos.PHOTOGRAPHS}
    assert {photo.name for photo in HELD_OUT} < names
    for photo in photos.PHOTOGRAPHS:
        assert f"{photo.name}" in data.splits


def test_a_stereo_pair_stays_on_one_side_of_the_split():
    sides = {photo.held_out for photo in photos.PHOTOGRAPHS if photo.name.startswith("motorcycle")}
    assert len(sides) == 1


def test_training_crops_overlap_and_come_in_two_scales(data):
    image = data.arrays("train")[0]
    astronaut = photos.PHOTOGRAPHS[0].pixels()
    np.testing.assert_array_equal(image[0], astronaut[:48, :48])
    np.testing.assert_array_equal(image[1], astronaut[:48, photos.STRIDE : photos.STRIDE + 48])
    half = np.asarray(Image.fromarray(astronaut).reduce(2))
    assert any(np.array_equal(crop, half[:48, :48]) for crop in image)


def test_every_licence_is_named(data):
    for photo in photos.PHOTOGRAPHS:
        assert photo.terms in data.licence.holder
        assert photo.holder in data.licence.holder


def test_another_file_is_not_taken_for_the_photograph():
    changed = dataclasses.replace(HELD_OUT[0], sha256="0" * 64)
    with pytest.raises(
        zoo.data.DataError, match=r"chelsea.png is not the known photograph \(SHA-256 differs\)"
    ):
        changed.pixels()
    missing = dataclasses.replace(HELD_OUT[0], path="data/no_cat.png")
    with pytest.raises(zoo.data.DataError, match=r"no_cat.png is missing .* pip install 'pixelzoo\[train\]'"):
        missing.pixels()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 8}, "data.size must be 16 to 256 pixels; got 8"),
        ({"size": 1000}, "data.size must be 16 to 256 pixels; got 1000"),
        ({"train_split": "train[:9]"}, "data.train_split does not apply to 'photos'"),
    ],
)
def test_what_cannot_be_done_is_said(options, message):
    with pytest.raises(zoo.data.DataError, match=message):
        zoo.data.load("photos", **options)


# --- the low resolution ---------------------------------------------------------------------------------------


def test_the_low_resolution_is_that_of_pil():
    """An implementation of its own, in fixed-point numbers: within rounding, over a whole photograph."""
    image = whole_multiple(HELD_OUT[0].pixels())
    low = low_resolution(image[None])[0].numpy().astype(int)
    height, width = image.shape[:2]
    reference = np.asarray(Image.fromarray(image).resize((width // 4, height // 4), Image.Resampling.BICUBIC))
    assert np.abs(low - reference).max() <= 1
    assert low.shape == (75, 112, 3)


def test_it_is_antialiased():
    """Stripes finer than the low resolution become their mean; taking every fourth pixel would keep stripes."""
    stripes = np.zeros((1, 32, 32, 1), np.uint8)
    stripes[:, :, ::2] = 255
    low = low_resolution(stripes).numpy()[0, 2:-2, 2:-2]
    np.testing.assert_allclose(low.astype(int), 127.5, atol=2)
    careless = tf.image.resize(stripes, (8, 8), "bicubic").numpy()[0, 2:-2, 2:-2]
    photograph = whole_multiple(HELD_OUT[1].pixels())[None]
    plain = tf.cast(
        tf.clip_by_value(tf.round(tf.image.resize(photograph, (100, 150), "bicubic")), 0, 255), tf.uint8
    )
    assert careless.shape == low.shape
    # What the difference is worth, on a photograph: more than a good model gains.
    assert psnr(photograph, bicubic(low_resolution(photograph))) > psnr(photograph, bicubic(plain)) + 0.5


def test_sharp_edges_stay_in_range():
    edge = np.zeros((1, 16, 16, 3), np.uint8)
    edge[:, :, 8:] = 255
    for image in (low_resolution(edge), bicubic(edge)):
        assert image.dtype == tf.uint8
        columns = image.numpy()[0, 0, :, 0].astype(int)
        assert columns[0] == 0
        assert columns[-1] == 255
        assert (np.diff(columns) >= 0).all()  # overshoot is cut, and does not wrap


def test_a_flat_picture_stays_flat():
    flat = np.full((1, 12, 20, 3), 137, np.uint8)
    assert (low_resolution(flat).numpy() == 137).all()
    assert (bicubic(flat).numpy() == 137).all()
    assert bicubic(flat).shape == (1, 48, 80, 3)


def test_what_does_not_divide_is_cut_or_refused():
    image = np.zeros((1, 13, 22, 3), np.uint8)
    with pytest.raises(ValueError, match="13x22 pixels have no low resolution at 1/4: cut them"):
        low_resolution(image)
    assert whole_multiple(image).shape == (1, 12, 20, 3)
    assert whole_multiple(image[0]).shape == (12, 20, 3)


def psnr(image, other):
    return float(tf.reduce_mean(tf.image.psnr(image, other, 255)))
