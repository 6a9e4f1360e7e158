"""The bundled images are real, whole, and come with their licence."""

import hashlib
from importlib import resources

import numpy as np

from zoo_client import held_out

# Of the pixels of the first 64 images in t10k-images-idx3-ubyte, computed from that file when they were bundled.
FIRST_64 = "98eadbe7918b0c6e37a4ac395b98e4ebeb0094650032fec831a84a65cf60a689"
FIRST_LABELS = [9, 2, 1, 1, 6, 1, 4, 6]


def test_images_and_labels() -> None:
    data = held_out.load()

    assert data.images.shape == (64, 28, 28, 1)
    assert data.images.dtype == np.uint8
    assert hashlib.sha256(data.images.tobytes()).hexdigest() == data.sha256 == FIRST_64
    assert data.labels.dtype == np.int32
    assert data.labels.shape == (64,)
    assert data.labels[:8].tolist() == FIRST_LABELS
    assert set(data.labels.tolist()) == set(range(10))
    assert data.classes[9] == "Ankle boot"


def test_the_first_image_is_an_ankle_boot() -> None:
    boot = held_out.load().images[0, :, :, 0]
    assert boot[:7].max() == 0  # Nothing above it;
    assert boot[8:14, 18:26].mean() > 2 * boot[8:14, 2:10].mean()  # its shaft is on the right,
    assert boot[18, 1:].min() > 0  # and a sole runs from side to side.


def test_the_licence_is_there() -> None:
    data = held_out.load()
    text = (resources.files(held_out) / "LICENSE").read_text("utf-8")
    assert data.licence == "MIT"
    assert data.holder == "Zalando SE"
    assert "The MIT License (MIT)" in text
    assert "Copyright (c) 2017 Zalando SE" in text
    assert data.uri in text


def test_the_photographs_are_whole_and_free_to_use() -> None:
    text = (resources.files(held_out) / "LICENSE").read_text("utf-8")
    photographs = held_out.photographs()
    assert [photograph.name for photograph in photographs] == ["chelsea", "coffee"]
    for photograph in photographs:
        assert photograph.pixels.shape == (256, 256, 3)
        assert hashlib.sha256(photograph.pixels.tobytes()).hexdigest() == photograph.sha256
        assert photograph.licence == "CC0-1.0"
        assert f"{photograph.name} by {photograph.holder}" in text.replace("\n", " ")


def test_the_photographs_are_parts_of_those_that_the_zoo_holds_out() -> None:
    from zoo.data import photos

    sources = {photograph.name: photograph.pixels() for photograph in photos.photographs(held_out=True)}
    for photograph in held_out.photographs():
        whole = sources[photograph.name]
        corner = photograph.pixels[:8, :8]
        places = np.lib.stride_tricks.sliding_window_view(whole, (8, 8), (0, 1)).transpose(0, 1, 3, 4, 2)
        tops, lefts = np.nonzero((places == corner).all((2, 3, 4)))
        found = [whole[top : top + 256, left : left + 256] for top, left in zip(tops, lefts, strict=True)]
        assert any(np.array_equal(part, photograph.pixels) for part in found)
