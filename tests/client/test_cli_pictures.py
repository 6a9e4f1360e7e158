"""The subcommands that take pictures from disk and write pictures, as a person types them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from zoo_client import held_out
from zoo_client.commands.pictures import fitted, read, targets
from zoo_client.errors import InvalidField

BOOT, SHIRT, TROUSERS = (image[..., 0] for image in held_out.load().images[:3])


@pytest.fixture
def pixelzoo(target: str, tmp_path: Path):
    """Runs the command in a folder with boot.png, shirt.png and trousers.png; gives what it wrote on both outputs."""
    for name, image in (("boot", BOOT), ("shirt", SHIRT), ("trousers", TROUSERS)):
        PilImage.fromarray(image).save(tmp_path / f"{name}.png")

    def run(*words: object, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "zoo_client", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "120", "PIXELZOO_TARGET": target},
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    return run


def pixels(path: Path) -> np.ndarray:
    with PilImage.open(path) as picture:
        return np.asarray(picture)


def test_one_picture_is_translated_to_a_file_and_several_to_a_folder(pixelzoo, tmp_path: Path) -> None:
    text = pixelzoo("translate", "turner", "boot.png", "-o", "out/turned.png")
    assert "out/turned.png: 1 images of turner@1" in text
    assert "direction a_to_b" in text
    np.testing.assert_array_equal(pixels(tmp_path / "out/turned.png"), BOOT[:, ::-1])

    pixelzoo("translate", "turner", "boot.png", "shirt.png", "-o", "inverted", "--direction", "b_to_a")
    for name, image in (("boot", BOOT), ("shirt", SHIRT)):
        np.testing.assert_array_equal(pixels(tmp_path / f"inverted/{name}.png"), 255 - image)


def test_a_hole_is_mended(pixelzoo, tmp_path: Path) -> None:
    mask = np.zeros((28, 28), np.uint8)
    mask[10:20, 5:25] = 255
    PilImage.fromarray(mask).save(tmp_path / "hole.png")
    text = pixelzoo(
        "translate", "painter", "boot.png", "-o", "mended.png", "--mask", "hole.png", "--strength", 1, "--class",
        "ankle boot", "--seed", 3, "--steps", 20,
    )  # fmt: skip
    assert "seeds from 3, strength 1, steps 20, guidance 1\n" in text
    mended = pixels(tmp_path / "mended.png")
    np.testing.assert_array_equal(mended[mask == 0], BOOT[mask == 0])
    assert np.unique(mended[mask > 0]).tolist() == [(1000 + 3 + 20) % 256]


def test_pictures_of_any_size_are_enlarged_without_naming_the_model(pixelzoo, tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (21, 40, 3), np.uint8)
    PilImage.fromarray(colours).save(tmp_path / "colours.png")
    text = pixelzoo("upscale", "colours.png", "boot.png", "-o", "large")
    assert "large: 2 images of enlarger@1" in text
    large = colours.repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(pixels(tmp_path / "large/colours.png"), large)
    assert pixels(tmp_path / "large/boot.png").shape == (112, 112, 3)


def test_tops_are_completed_row_by_row_of_the_grid(pixelzoo, tmp_path: Path) -> None:
    text = pixelzoo(
        "complete", "rows", "boot.png", "shirt.png", "-n", 2, "--given-rows", 20, "--seed", 4, "--scale", 1, "-o",
        "grid.png", "--each", "each",
    )  # fmt: skip
    assert "in each row what was given, and 2 completions" in text
    picture = pixels(tmp_path / "grid.png")[12:-12, 12:-12]
    assert picture.shape == (2 * 28 + 4, 3 * 28 + 2 * 4)
    for row, image in enumerate((BOOT, SHIRT)):
        for column in range(3):
            tile = picture[row * 32 : row * 32 + 28, column * 32 : column * 32 + 28]
            np.testing.assert_array_equal(tile[:20], image[:20])
            levels = [200] * 8 if column == 0 else [(3 + column + 10 * r) % 256 for r in range(20, 28)]
            assert tile[20:, 0].tolist() == levels
    assert sorted(path.name for path in (tmp_path / "each").iterdir()) == [
        "boot_4.png",
        "boot_5.png",
        "shirt_4.png",
        "shirt_5.png",
    ]


def test_ways_between_pictures_and_from_the_prior(pixelzoo, tmp_path: Path) -> None:
    text = pixelzoo("interpolate", "halves", "boot.png", "shirt.png", "trousers.png", "-n", 5, "--scale", 1)
    assert "interpolated.png: 2 ways of 5 pictures, spherical" in text
    assert pixels(tmp_path / "interpolated.png").shape == (2 * 28 + 4 + 24, 5 * 28 + 4 * 4 + 24)
    first = pixelzoo(
        "interpolate", "halves", "--rows", 3, "--seed", 2, "-n", 4, "-o", "a.png", "--method", "linear"
    )
    assert "3 ways of 4 pictures, linear" in first
    pixelzoo("interpolate", "halves", "--rows", 3, "--seed", 2, "-n", 4, "-o", "b.png", "--method", "linear")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_entries_of_a_latent_are_walked_along(pixelzoo, tmp_path: Path) -> None:
    text = pixelzoo("traverse", "halves", "shirt.png", "--span", 2, "-n", 3)
    assert text.startswith("traversed.png: entries ")
    assert "each from -2 to 2" in text
    text = pixelzoo("traverse", "halves", "--entry", 1, "--seed", 3, "-n", 3, "-o", "one.png", "--scale", 1)
    assert "one.png: entries 1, each from -3 to 3" in text
    row = pixels(tmp_path / "one.png")[12:40, -12 - 3 * 28 - 2 * 4 : -12, 0]
    assert [row[20, column * 32 + 5] for column in range(3)] == [
        0,
        0,
        255,
    ]  # The lower half, at -300, 0 and 300.
    assert len({row[5, column * 32 + 5] for column in range(3)}) == 1


def test_score_names_the_most_probable_class(pixelzoo, tmp_path: Path) -> None:
    PilImage.new("L", (28, 28), 204).save(tmp_path / "bright.png")
    text = pixelzoo("score", "critic", "bright.png", "--csv", "scores.csv")
    assert "most probable" in text
    assert "Bag 0.5" in text
    header = (tmp_path / "scores.csv").read_text().splitlines()[0]
    assert header.startswith("image,seed,logit,class_probability[0],")


def test_pictures_are_fitted_when_asked(pixelzoo, tmp_path: Path) -> None:
    PilImage.new("L", (30, 20)).save(tmp_path / "small.png")
    text = pixelzoo("translate", "turner", "small.png", "-o", "x.png", status=1)
    assert "is 30x20 pixels, and the model takes 28x28: resize it" in text
    assert not (tmp_path / "x.png").exists()
    PilImage.new("RGB", (300, 200), (90, 90, 90)).save(tmp_path / "photo.jpg")
    pixelzoo("translate", "turner", "photo.jpg", "-o", "x.png", "--fit")
    assert np.unique(pixels(tmp_path / "x.png")).tolist() == [90]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("translate", "rows", "boot.png"),
            "model 'rows' has no capability 'translate'; these can: enlarger",
        ),
        (("upscale", "boot.png", "--model", "turner"), "turner does not enlarge pictures"),
        (("complete", "turner", "boot.png"), "pixelzoo: model.name: turner does not complete pictures"),
        (("complete", "rows", "boot.png", "--given-rows", 29), "given_rows: must be 0 to 28, and is 29"),
        (("interpolate", "codes"), "codes decodes no continuous latents"),
        (("interpolate", "halves", "boot.png"), "one picture has no way to go"),
        (("traverse", "rows"), "rows decodes no continuous latents"),
        (("traverse", "damaged"), "damaged could not be loaded by the server: "),
        (("translate", "painter", "boot.png", "--guidance", 2), "has no effect on an item without a class"),
    ],
)
def test_what_goes_wrong_is_one_line(pixelzoo, words: tuple[object, ...], line: str) -> None:
    text = pixelzoo(*words, status=1)
    assert line in text
    assert text.count("\n") == 1


def test_a_picture_lying_on_its_side_is_turned(tmp_path: Path) -> None:
    picture = PilImage.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20))
    exif = PilImage.Exif()
    exif[0x0112] = 6  # Turn it clockwise.
    picture.save(tmp_path / "turned.jpg", exif=exif, quality=100)
    [(name, read_again)] = read([tmp_path])
    assert (name, read_again.size) == ("turned.jpg", (10, 20))


def test_no_picture_at_all(tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match=r"no \.png, \.jpg or \.npy file"):
        read([tmp_path])
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(InvalidField, match="is no image file"):
        read([tmp_path])


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((28, 28), ["a.npy"]),
        ((28, 28, 1), ["a.npy"]),
        ((28, 28, 3), ["a.npy"]),
        ((2, 28, 28), ["a.npy[0]", "a.npy[1]"]),
        ((2, 28, 28, 1), ["a.npy[0]", "a.npy[1]"]),
    ],
)
def test_an_array_is_one_picture_or_several(tmp_path: Path, shape: tuple[int, ...], names: list[str]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    assert [name for name, _ in read([tmp_path / "a.npy"])] == names


def test_half_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    PilImage.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidField, match="is no image file that can be read"):
        read([tmp_path / "a.png"])
    for content in (b"", b"no array"):
        (tmp_path / "a.npy").write_bytes(content)
        with pytest.raises(InvalidField, match=r"is no \.npy array that can be read"):
            read([tmp_path / "a.npy"])


def test_fitting_keeps_what_fits_and_any_side_that_is_free() -> None:
    array = np.zeros((5, 7, 1), np.uint8)
    assert [picture.size for picture in fitted([array, PilImage.new("L", (3, 4))], (5, 7, 1))] == [(7, 5)] * 2
    assert fitted([array], (0, 14, 1))[0].size == (14, 5)
    [colours] = fitted(
        [np.full((6, 8, 3), 90, np.uint8)], (5, 7, 1)
    )  # As many rows as there are stay one picture.
    assert (colours.size, colours.mode) == ((7, 5), "RGB")


def test_names_of_what_is_written(tmp_path: Path) -> None:
    assert targets(tmp_path / "a" / "one.png", ["x.jpg"]) == [tmp_path / "a" / "one.png"]
    folder = tmp_path / "several"
    found = targets(folder, ["x.jpg", "x.png", "two.npy[0]", "two.npy[1]", "a b.png"])
    assert [path.name for path in found] == ["x_0.png", "x_1.png", "two_0.png", "two_1.png", "a_b.png"]
    assert folder.is_dir()
