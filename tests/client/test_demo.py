"""The demo works for any folder of models, by their cards alone."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from zoo_client.demo.acts import uniform_noise
from zoo_client.demo.sheet import MARGIN, Panel, Section, contact_sheet, text_table


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
def shown(demo_models: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the demo wrote on the screen, and its folder, with a server that it started itself."""
    out = tmp_path_factory.mktemp("demo") / "out"
    return demo("--out", out, "--models", demo_models), out


def test_it_says_what_it_does_and_where_to_look(shown: tuple[str, Path]) -> None:
    text, out = shown
    assert "sample: 50 images (ddim, 50 steps)" in text
    assert "sample: 50 images (dpm_solver_pp_2m, 20 steps)" in text
    assert "encode and decode: 12 images" in text
    assert "interpolate: 36 images" in text
    assert "score: 128 images" in text
    assert f"{out / 'contact_sheet.png'}" in text.replace("\n", "")


def test_the_table_has_real_images_beside_noise(shown: tuple[str, Path]) -> None:
    _, out = shown
    lines = (out / "table.md").read_text().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| quarters | bits")]
    assert len(rows) == 1
    real, noise = float(rows[0][2]), float(rows[0][3])
    assert real == pytest.approx(2.232, abs=1e-3)
    assert noise == pytest.approx(uniform_noise((64, 28, 28, 1)).mean() / 32, abs=1e-3)
    assert rows[0][4:] == ["bits/dim", "evidence lower bound, not exact"]


def test_a_sheet_for_each_model_and_one_for_all(shown: tuple[str, Path]) -> None:
    _, out = shown
    heights = {}
    for path in out.glob("*.png"):
        with PilImage.open(path) as picture:
            assert picture.mode == "RGB"
            heights[path.stem] = picture.height
    assert set(heights) == {"contact_sheet", "halves", "quarters"}
    assert heights["contact_sheet"] > max(heights["halves"], heights["quarters"])


def test_other_models_show_what_they_can_and_a_failure_does_not_hide_the_rest(
    target: str, tmp_path: Path
) -> None:
    text = demo("--out", tmp_path, "--target", target, status=1)

    assert "damaged" in text
    assert "mirror\n  nothing of what this demo shows" in text
    assert "slow\n  sample: 15 images (ddim, 50 steps)" in text
    assert "score: left out, the bundled held-out images (fashion_mnist) are not its kind" in text
    assert "tiles\n  sample: 10 images" in text
    assert "trap\n  failed: internal error" in text
    names = {path.stem for path in tmp_path.glob("*.png")}
    assert names == {"contact_sheet", "halves", "quarters", "slow", "tiles"}


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

    below = np.asarray(contact_sheet("t", "x", [Section("one", "text", [red, panel(900, "blue")])]))
    blue_rows, blue_columns = np.nonzero((below == (0, 0, 255)).all(-1))
    assert blue_rows.min() > red_rows.max()
    assert blue_columns.min() == MARGIN


def test_columns_of_numbers_are_flush_right() -> None:
    picture = text_table([("name", "value"), ("a", "1.5"), ("bbb", "-22.75")]).convert("L")
    dark = np.asarray(picture) < 128
    rows = np.array_split(dark[:-8], 3)
    ends = [np.nonzero(row.any(0))[0].max() for row in rows[1:]]
    assert abs(ends[0] - ends[1]) <= 2
