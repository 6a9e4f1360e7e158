"""Scores through the client: values with their kind and unit."""

import numpy as np
import pytest
from PIL import Image as PilImage

from zoo_client import Client, ImageScores, Progress, errors, held_out

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
        (3, "must be arrays, PIL pictures or the bytes of image files, and is 3"),
        ("boot.png", "and is 'boot.png'"),
        ([GREYS[0], None], "and is None"),
    ],
)
def test_what_is_no_image(zoo: Client, images: np.ndarray, rule: str) -> None:
    with pytest.raises(errors.InvalidField, match=rule) as caught:
        zoo.score("quarters", images)
    assert caught.value.field == "images"


def test_stream(zoo: Client) -> None:
    events = list(zoo.stream_score("quarters", GREYS, seed=1))

    assert {event.items for event in events if isinstance(event, Progress)} == {3}
    scores = [event for event in events if isinstance(event, ImageScores)]
    assert {event.index: event["bits_per_dim"] for event in scores} == {0: 0, 1: 2, 2: 4}
