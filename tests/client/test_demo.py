"""The demo works for any folder of models, by their cards alone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from zoo_client import held_out
from zoo_client.demo.sheet import MARGIN, Panel, Section, contact_sheet, text_table
from zoo_client.demo.stage import uniform_noise
from zoo_client.demo.translation import finest


def demo(*words: object, status: int = 0) -> str:
    """Runs `pixelzoo demo`; gives what it wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "zoo_client", "demo", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert done.returncode == status, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def shown(
    demo_models: Path, family_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """What the demo wrote on the screen, and its folder, with a server that it started itself."""
    folder = tmp_path_factory.mktemp("demo")
    for some in (demo_models, family_models):
        shutil.copytree(some, folder / "models", dirs_exist_ok=True)
    return demo("--out", folder / "out", "--models", folder / "models"), folder / "out"


def acts_of(text: str) -> dict[str, list[str]]:
    """The lines about each model, without their times."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if re.fullmatch(r"[a-z]+", line):
            name = line
        elif " images " in line and line.startswith("  "):
            found.setdefault(name, []).append(re.sub(r" in [\d.]+ s$", "", line.strip()))
    return found


def test_every_kind_of_model_does_what_its_card_says(shown: tuple[str, Path]) -> None:
    text, out = shown
    assert acts_of(text) == {
        "codes": [
            "sample: 40 images",
            "encode and decode: 8 images",
            "score: 96 images (held-out images, noise, own samples)",
        ],
        "critic": [
            "sample: 40 images",
            "sample: 10 images (truncation 0.7)",
            "score: 96 images (held-out images, noise, own samples)",
        ],
        "enlarger": ["upscale: 2 images (x4)", "score: 16 images (held-out images, noise)"],
        "halves": [
            "sample: 40 images",
            "encode and decode: 8 images",
            "interpolate: 30 images (spherical)",
            "traverse: 27 images (3 entries)",
            "score: 96 images (held-out images, noise, own samples)",
        ],
        "painter": ["translate: 12 images (image to image)", "translate: 12 images (inpainting)"],
        "quarters": [
            "sample: 30 images (ddim, 50 steps)",
            "sample: 30 images (dpm_solver_pp_2m, 20 steps)",
            "score: 94 images (held-out images, noise, own samples)",
        ],
        "rows": [
            "sample: 30 images",
            "complete: 24 images (14 rows given)",
            "score: 94 images (held-out images, noise, own samples)",
        ],
        "turner": [
            "translate: 16 images (Sneaker to Ankle boot and back)",
            "translate: 8 images (Ankle boot to Sneaker and back)",
            "score: 26 images (held-out images, noise)",
        ],
    }
    assert f"{out / 'contact_sheet.png'}" in text.replace("\n", "")


def test_the_table_has_real_images_beside_noise(shown: tuple[str, Path]) -> None:
    _, out = shown
    lines = (out / "table.md").read_text().splitlines()
    rows = {
        (row[0], row[1]): row[2:]
        for row in (line.strip("| ").split(" | ") for line in lines)
        if len(row) == 7
    }
    real, own, noise, *what = rows["quarters", "bits_per_dim"]
    assert 0 < float(own) < float(noise)
    images = held_out.load().images[:32]
    assert float(real) == pytest.approx(images.mean() / 32, abs=1e-3)
    assert float(noise) == pytest.approx(np.mean(uniform_noise(list(images))) / 32, abs=1e-3)
    assert what == ["bits/dim", "evidence lower bound, not exact"]
    assert rows["rows", "bits_per_dim"][4] == "exact log likelihood"
    right, _, _, unit, kind = rows["critic", "most probable class is right"]
    assert (0 <= float(right) <= 100, unit, kind) == (True, "%", "class probability")
    assert {name for model, name in rows if model == "turner"} == {"logit_a", "logit_b"}


def test_a_sheet_for_each_model_and_one_for_all(shown: tuple[str, Path]) -> None:
    _, out = shown
    heights = {}
    for path in out.glob("*.png"):
        with PilImage.open(path) as picture:
            assert picture.mode == "RGB"
            heights[path.stem] = picture.height
    whole = heights.pop("contact_sheet")
    assert set(heights) == {"codes", "critic", "enlarger", "halves", "painter", "quarters", "rows", "turner"}
    assert whole > max(heights.values())


def test_other_models_show_what_they_can_and_a_failure_does_not_hide_the_rest(
    target: str, tmp_path: Path
) -> None:
    text = demo("--out", tmp_path, "--target", target, status=1)

    assert "damaged" in text
    assert (
        "mirror\n  translate: left out, the bundled held-out images are not its kind\n  nothing of what"
        in text
    )
    assert "slow\n  sample: 9 images (ddim, 50 steps)" in text
    assert "score: left out, the bundled held-out images are not its kind" in text
    assert "tiles\n  sample: 8 images" in text
    assert "trap\n  failed: internal error" in text
    names = {path.stem for path in tmp_path.glob("*.png")}
    assert {"contact_sheet", "halves", "slow", "tiles"} <= names
    assert not names & {"damaged", "trap"}


def test_the_finest_detail_is_found() -> None:
    image = np.full((60, 80, 3), 128, np.uint8)
    image[30:40, 50:60] = np.random.default_rng(0).integers(0, 256, (10, 10, 3))
    top, left = finest(image, 12)
    assert 28 <= top <= 30
    assert 48 <= left <= 50


def test_panels_stand_side_by_side_as_far_as_the_page_is_wide() -> None:
    def panel(width: int, colour: str) -> Panel:
        return Panel(PilImage.new("RGB", (width, 50), colour), "title", "details")

    red, blue = panel(600, "red"), panel(500, "blue")
    pixels = np.asarray(contact_sheet("t", "x", [Section("one", "text", [red, blue])]))
    (red_rows, red_columns), (blue_rows, blue_columns) = (
        np.nonzero((pixels == colour).all(-1)) for colour in ((255, 0, 0), (0, 0, 255))
    )
    assert (red_columns.min(), np.ptp(red_columns) + 1, np.ptp(red_rows) + 1) == (MARGIN, 600, 50)
    assert red_rows.min() == blue_rows.min()
    assert blue_columns.min() > red_columns.max()

    below = np.asarray(contact_sheet("t", "x", [Section("one", "text", [red, panel(1200, "blue")])]))
    blue_rows, blue_columns = np.nonzero((below == (0, 0, 255)).all(-1))
    assert blue_rows.min() > red_rows.max()
    assert blue_columns.min() == MARGIN


def test_columns_of_numbers_are_flush_right() -> None:
    picture = text_table([("name", "value"), ("a", "1.5"), ("bbb", "-22.75")]).convert("L")
    dark = np.asarray(picture) < 128
    rows = np.array_split(dark[:-8], 3)
    ends = [np.nonzero(row.any(0))[0].max() for row in rows[1:]]
    assert abs(ends[0] - ends[1]) <= 2
