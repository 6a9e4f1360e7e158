"""Scores through the client: values with their kind and unit."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage

from zoo_client import Client, ImageScores, Progress, Session, errors, held_out, images

GREYS = np.broadcast_to(np.array([0, 64, 128], np.uint8)[:, None, None, None], (3, 28, 28, 1))


def test_every_score_says_what_it_is(zoo: Client) -> None:
    scores = zoo.score("quarters", GREYS, labels=["Bag", 1, 2], seed=40)

    assert scores.names == ["half", "bits_per_dim", "asked"]
    assert scores["bits_per_dim"].tolist() == [0, 2, 4]
    assert scores["half"].tolist() == [0, 1, 2]
    assert scores["asked"].tolist() == [[8, 40], [1, 41], [2, 42]]
    assert scores["bits_per_dim"].dtype == np.float64
    primary = scores.primary
    assert (primary.name, primary.kind, primary.unit) == ("bits_per_dim", "EVIDENCE_LOWER_BOUND", "bits/dim")
    assert primary.description == "Mean grey, as if it were a bound."
    assert not primary.exact
    assert scores[1]["half"] == 1.0
    assert [recipe.seed for recipe in scores.recipes] == [40, 41, 42]
    with pytest.raises(KeyError, match=r"no score 'nll'; there are: half, bits_per_dim, asked"):
        scores["nll"]


def test_the_seed_is_0_unless_it_is_given(zoo: Client) -> None:
    assert zoo.score("quarters", GREYS)["asked"].tolist() == [[-1, 0], [-1, 1], [-1, 2]]


def test_options(zoo: Client) -> None:
    scores = zoo.score("halves", GREYS, importance_samples=3)
    assert scores["bits_per_dim"].tolist() == [300, 302, 304]
    assert scores.recipes[0].options == {"importance_samples": 3}


def test_more_images_than_the_limit(zoo: Client) -> None:
    images = held_out.load().images
    scores = zoo.score("quarters", images, seed=1)

    np.testing.assert_allclose(scores["bits_per_dim"], images.reshape(64, -1).mean(1) / 32, rtol=1e-6)
    assert scores["asked"][:, 1].tolist() == list(range(1, 65))


@pytest.mark.parametrize(
    "images",
    [
        GREYS[1],
        GREYS[1, :, :, 0],
        [GREYS[1]],
        PilImage.new("L", (28, 28), 64),
        PilImage.new("RGB", (28, 28), (64, 64, 64)),
    ],
    ids=["h,w,c", "h,w", "list", "PIL grey", "PIL RGB"],
)
def test_one_image_in_every_form(zoo: Client, images: object) -> None:
    assert zoo.score("quarters", images)["bits_per_dim"].tolist() == [2]


@pytest.mark.parametrize("encoding", ["raw", "png", "jpeg"])
def test_what_is_scored_is_what_was_given_however_it_travels(target: str, encoding: str) -> None:
    image = held_out.load().images[:1]
    with Client(target, encoding=encoding) as zoo:
        assert zoo.score("quarters", image)["bits_per_dim"][0] == pytest.approx(image.mean() / 32, rel=1e-6)


@pytest.mark.parametrize(
    ("images", "rule"),
    [
        (GREYS / 255.0, "must be uint8, 0 to 255, and is float64: scale it"),
        (GREYS[:0], "must hold at least one image"),
        (np.zeros((1, 2, 28, 28, 1), np.uint8), "must be .height, width, 1., and has the shape"),
        (np.zeros((28, 28, 3), np.uint8), r"must be .height, width, 1., and has the shape .28, 28, 3."),
        (GREYS[:, :0], "must have a pixel at least, and has the shape .0, 28, 1."),
        (PilImage.new("L", (5, 0)), "must have a pixel at least, and has the shape .0, 5, 1."),
        *((PilImage.new(mode, (28, 28)), f"and is {mode}: scale it") for mode in ("I;16", "I", "F")),
        (io.BytesIO(b"GIF"), r"must be the bytes of a file, and is <.*BytesIO.*>: give its read\(\)"),
        (3, "must be arrays, PIL pictures or the bytes of image files, and is 3"),
        ("boot.png", "and is 'boot.png'"),
        ([GREYS[0], None], "and is None"),
    ],
)
def test_what_is_no_image(zoo: Client, images: np.ndarray, rule: str) -> None:
    with pytest.raises(errors.InvalidField, match=rule) as caught:
        zoo.score("quarters", images)
    assert caught.value.field == "images"


def test_a_picture_of_4_x_4_is_no_colour() -> None:
    assert len(images.as_list(np.zeros((3, 4, 4), np.uint8), 1)) == 3


def file(picture: PilImage.Image, kind: str = "PNG", **settings: Any) -> bytes:
    written = io.BytesIO()
    picture.save(written, kind, **settings)
    return written.getvalue()


def test_pictures_whose_pixels_are_not_to_be_had(zoo: Client) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (28, 28), np.uint8)
    cut = PilImage.open(io.BytesIO(file(PilImage.fromarray(noise))[:400]))
    closed = PilImage.new("L", (28, 28))
    closed.close()
    for picture in (cut, closed, PilImage.new("LAB", (28, 28))):
        with pytest.raises(errors.ImageUnreadable, match="closed, damaged") as caught:
            zoo.score("quarters", picture)
        assert caught.value.field == "images"


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "RGB"])
def test_files_are_held_to_one_rule_by_the_server_and_by_the_client(zoo: Client, mode: str) -> None:
    made, data = zoo.score("quarters", GREYS)[0], file(PilImage.new(mode, (28, 28)))
    refusals = []
    for call in (lambda: zoo.score("quarters", data), lambda: Session(zoo).rescore(made, data)):
        with pytest.raises(errors.InvalidField) as caught:
            call()
        refusals.append(caught.value)
    assert type(refusals[0]) is type(refusals[1])
    assert refusals[0].rule == refusals[1].rule


def test_other_kinds_of_files_are_refused_by_both(zoo: Client) -> None:
    made, grey = zoo.score("quarters", GREYS)[0], PilImage.new("L", (28, 28))
    white = PilImage.new("L", (28, 28), 255)
    for data in (file(grey, "GIF"), file(grey, save_all=True, append_images=[white])):
        for call in (lambda d=data: zoo.score("quarters", d), lambda d=data: Session(zoo).rescore(made, d)):
            with pytest.raises(errors.ImageUnreadable):
                call()


def test_stream(zoo: Client) -> None:
    events = list(zoo.stream_score("quarters", GREYS, seed=1))

    assert {event.items for event in events if isinstance(event, Progress)} == {3}
    scores = [event for event in events if isinstance(event, ImageScores)]
    assert {event.index: event["bits_per_dim"] for event in scores} == {0: 0, 1: 2, 2: 4}
