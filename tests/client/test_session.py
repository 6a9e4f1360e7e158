"""Results are made again from their recipes: images, translations and scores, by both clients and by the command."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage

from zoo_client import Client, Image, ImageScores, Recipe, Session, aio, errors, held_out

BOOT, SHIRT = held_out.load().images[:2]
COLOURS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
MASK = np.arange(784).reshape(28, 28) % 3 == 0
TRANSLATED = {"mirror": COLOURS, "turner": BOOT, "painter": SHIRT, "enlarger": COLOURS}

# Each is an item in the middle of a call, with options that are not the defaults.
IMAGES: dict[str, Callable[[Client], Image]] = {
    "quarters": lambda zoo: zoo.sample(
        "quarters", 5, seed=2**40, labels=[1, 2, 3, -1, 5], sampler="ddpm", steps=7, reproducible=True
    )[3],
    "halves": lambda zoo: zoo.sample("halves", 4, temperature=0.7)[2],
    "slow": lambda zoo: zoo.sample("slow", 3, steps=5, reproducible=True)[1],
    "rows": lambda zoo: zoo.complete("rows", SHIRT, 3, given_rows=9)[1],
    "mirror": lambda zoo: zoo.translate("mirror", [COLOURS, COLOURS], direction="b_to_a")[1],
    "turner": lambda zoo: zoo.translate("turner", [SHIRT, BOOT], direction="b_to_a")[1],
    "painter": lambda zoo: zoo.translate(
        "painter", [BOOT, SHIRT], labels=[4, 6], seed=9, strength=1, mask=MASK
    )[1],
    "enlarger": lambda zoo: zoo.upscale("enlarger", COLOURS)[0],
}
SCORES: dict[str, Callable[[Client], ImageScores]] = {
    "quarters": lambda zoo: zoo.score("quarters", [BOOT, SHIRT], [3, 4], seed=7, reproducible=True)[1],
    "halves": lambda zoo: zoo.score("halves", [BOOT, SHIRT], importance_samples=5)[1],
}


def again(target: str, method: str, *arguments: Any, **settings: Any) -> list[Any]:
    """What both sessions give."""
    with Client(target) as client:
        found = [getattr(Session(client, **settings), method)(*arguments)]

    async def from_a_loop() -> Any:
        async with aio.Client(target) as other:
            return await getattr(aio.Session(other, **settings), method)(*arguments)

    return [*found, asyncio.run(from_a_loop())]


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_made_again(zoo: Client, target: str, tmp_path: Path, name: str) -> None:
    image = IMAGES[name](zoo)
    picture = TRANSLATED.get(name)
    assert image.recipe.kind == ("sample" if picture is None else "translate")
    image.save(tmp_path / "made.png")
    for made in (image, image.recipe, tmp_path / "made.png", str(tmp_path / "made.png")):
        for found in again(target, "reproduce", made, picture):
            np.testing.assert_array_equal(found.pixels, image.pixels)
            assert found.encoded == image.encoded  # The file too, with the same recipe in it.


@pytest.mark.parametrize("name", SCORES)
def test_a_score_is_made_again(zoo: Client, target: str, name: str) -> None:
    scores = SCORES[name](zoo)
    assert scores.recipe.kind == "score"
    for made in (scores, scores.recipe):
        for found in again(target, "rescore", made, SHIRT):
            assert (found.values, found.recipe) == (scores.values, scores.recipe)


def test_the_recipe_in_a_file_is_the_one_that_came(zoo: Client, tmp_path: Path) -> None:
    for name in ("quarters", "halves", "turner"):
        image = IMAGES[name](zoo)
        image.save(tmp_path / "made.png")
        assert Recipe.from_png(tmp_path / "made.png") == image.recipe


def test_an_image_that_came_raw_is_saved_with_its_recipe(target: str, tmp_path: Path) -> None:
    with Client(target, encoding="raw") as zoo:
        image = IMAGES["quarters"](zoo)
        image.save(tmp_path / "made.png")
        assert image.encoded is None
        assert Recipe.from_png(tmp_path / "made.png") == image.recipe
        np.testing.assert_array_equal(np.asarray(PilImage.open(tmp_path / "made.png")), image.pixels[..., 0])


def test_recipes_are_equal_that_make_the_same_pictures_among_their_options_included(zoo: Client) -> None:
    def painted(mask: np.ndarray) -> Recipe:
        return zoo.translate("painter", BOOT, seed=9, labels=4, strength=1, mask=mask)[0].recipe

    recipe, again, other = painted(MASK), painted(MASK), painted(~MASK)
    assert recipe == again
    assert recipe != other
    assert hash(recipe) == hash(again)
    assert {recipe, again, other} == {recipe, other}
    assert recipe != replace(recipe, seed=10)
    assert recipe != replace(recipe, kind="sample")
    assert recipe != "a recipe"


def test_other_weights_are_refused_unless_allowed(zoo: Client, target: str) -> None:
    image, scores = IMAGES["quarters"](zoo), SCORES["quarters"](zoo)
    other = replace(image.recipe, digest="f" * 64)
    calls = [("reproduce", other), ("rescore", replace(scores.recipe, digest="f" * 64), SHIRT)]
    for method, *arguments in calls:
        with pytest.raises(
            errors.DifferentWeights, match=r"quarters@1 at .* has the digest .* ffff"
        ) as caught:
            again(target, method, *arguments)
        assert caught.value.metadata["digest"] == image.recipe.digest
        assert len(again(target, method, *arguments, any_weights=True)) == 2
    for found in again(target, "reproduce", other, any_weights=True):
        np.testing.assert_array_equal(found.pixels, image.pixels)


@pytest.mark.parametrize(
    ("recipe", "picture", "kind", "says"),
    [
        ({"version": 7}, None, errors.VersionNotFound, "7"),
        ({"model": "nobody"}, None, errors.ModelNotFound, "nobody"),
        ({}, BOOT, errors.InvalidField, "picture: the image was drawn by quarters@1 from its seed alone"),
        ({"kind": "score"}, None, errors.InvalidField, "recipe: it is that of a score, which `rescore`"),
        ({"kind": "translate"}, None, errors.InvalidField, "picture: .* give what it was translated from"),
    ],
)
def test_what_cannot_be_made_again(
    zoo: Client, target: str, recipe: dict[str, Any], picture: Any, kind: type[Exception], says: str
) -> None:
    made = replace(zoo.sample("quarters", seed=1).recipes[0], **recipe)
    with Client(target) as client, pytest.raises(kind, match=says):
        Session(client).reproduce(made, picture)


def test_another_picture_than_the_one_it_was_made_of_is_refused(zoo: Client, target: str) -> None:
    digest = hashlib.sha256(b"28x28x1 " + BOOT.tobytes()).hexdigest()
    image, scores = IMAGES["turner"](zoo), SCORES["halves"](zoo)
    assert image.recipe.source_sha256 == digest
    for method, made in (("reproduce", image), ("rescore", replace(scores.recipe, source_sha256=digest))):
        with pytest.raises(errors.InvalidField, match=f"picture: .* the recipe was made of {digest[:12]}"):
            again(target, method, made, SHIRT)
    enlarged = zoo.upscale("enlarger", COLOURS)[0]
    with pytest.raises(errors.InvalidField, match="picture: "):  # Equal pixels of another shape.
        again(target, "reproduce", enlarged, COLOURS.reshape(2, 8, 3))
    assert replace(image.recipe, source_sha256="f" * 64) != image.recipe
    # A server from before there was such a field.
    [found, _] = again(target, "reproduce", replace(image.recipe, source_sha256=""), BOOT)
    np.testing.assert_array_equal(found.pixels, image.pixels)


def test_the_picture_of_a_translation_is_one(zoo: Client) -> None:
    image = IMAGES["turner"](zoo)
    with pytest.raises(errors.InvalidField, match="picture: one image, not 2"):
        Session(zoo).reproduce(image, [BOOT, SHIRT])
    with pytest.raises(errors.InvalidField, match="that of an image, which `reproduce`"):
        Session(zoo).rescore(image.recipe, BOOT)


@pytest.mark.parametrize("made", [None, 3, b"a file", "samples", BOOT])
def test_what_is_no_result_has_no_recipe(zoo: Client, target: str, made: Any) -> None:
    made = zoo.sample("quarters") if isinstance(made, str) else made
    for method in ("reproduce", "rescore"):
        with pytest.raises(errors.InvalidField, match="must be a recipe, one image or its scores") as caught:
            again(target, method, made, BOOT)
        assert caught.value.field == "recipe"


def test_what_is_no_picture_is_the_field_picture(zoo: Client, target: str) -> None:
    for picture in (3, b"no file", BOOT[:0]):
        with pytest.raises(errors.InvalidField) as caught:
            again(target, "rescore", SCORES["quarters"](zoo), picture)
        assert caught.value.field == "picture"


def test_files_without_a_recipe(tmp_path: Path) -> None:
    PilImage.fromarray(BOOT[..., 0]).save(tmp_path / "plain.png")
    PilImage.fromarray(BOOT[..., 0]).save(tmp_path / "plain.jpg")
    for name in ("plain.png", "plain.jpg"):
        with pytest.raises(errors.InvalidField, match=f"recipe: .*{name} has none: .* JPEG files"):
            Recipe.from_png(tmp_path / name)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(errors.InvalidField, match="no image file"):
        Recipe.from_png(tmp_path / "text.png")
    with pytest.raises(FileNotFoundError):
        Recipe.from_png(tmp_path / "nowhere.png")


def test_the_command(zoo: Client, target: str, tmp_path: Path) -> None:
    def pixelzoo(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "zoo_client", "reproduce", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PIXELZOO_TARGET": target},
        )

    IMAGES["quarters"](zoo).save(tmp_path / "made.png")
    done = pixelzoo("made.png", "-o", "out/again.png")
    assert done.returncode == 0, done.stderr
    assert "out/again.png: 1 images of quarters@1" in done.stdout
    assert done.stdout.strip().endswith("the same pixels")
    assert (tmp_path / "out/again.png").read_bytes() == (tmp_path / "made.png").read_bytes()

    IMAGES["turner"](zoo).save(tmp_path / "turned.png")
    PilImage.fromarray(BOOT[..., 0]).save(tmp_path / "boot.png")
    done = pixelzoo("turned.png", "--from", "boot.png")
    assert "the same pixels" in done.stdout, done.stderr
    done = pixelzoo("turned.png")
    assert done.returncode == 1
    assert "give what it was translated from" in done.stderr
