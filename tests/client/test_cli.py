"""The command, as a person types it."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from zoo_client import Client, cli
from zoo_client.errors import MissingExtra


def pixelzoo(*words: object, cwd: Path | None = None, status: int = 0, **environment: str) -> str:
    """Runs the command; gives what it wrote on both outputs."""
    done = subprocess.run(
        [sys.executable, "-m", "zoo_client", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "120", **environment},
    )
    assert done.returncode == status, done.stdout
    return done.stdout


def test_help_names_every_subcommand() -> None:
    text = pixelzoo("--help")
    for name, entry in cli.ENTRIES.items():
        assert f" {name} " in text
        assert entry.help in text


def test_a_mistyped_subcommand_is_guessed() -> None:
    assert "Did you mean 'sample'" in pixelzoo("smaple", status=2)


@pytest.mark.parametrize("name", cli.ENTRIES)
def test_every_entry_of_the_table_is_a_command(name: str) -> None:
    command = cli.load(name)
    assert command.name == name
    assert command.help


def test_a_missing_extra_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.EXTRA_PACKAGES, "train", ("no_such_package",))
    with pytest.raises(MissingExtra) as caught:
        cli.load("train")
    assert str(caught.value) == "`pixelzoo train` needs no_such_package: pip install 'pixelzoo[train]'"


def test_models(target: str) -> None:
    text = pixelzoo("models", "--target", target)
    assert "quarters@1" in text
    assert "28×28×1" in text
    assert "sampler ddpm | ddim | dpm_solver_pp_2m, default ddim" in text


def test_sample_writes_a_grid_each_image_and_the_way(target: str, tmp_path: Path) -> None:
    text = pixelzoo(
        "sample", "quarters", "-n", 4, "--seed", 7, "--class", "bag", "--class", "1", "--sampler", "ddim", "--steps", 6,
        "--guidance", 2, "-o", "out/grid.png", "--each", "each", "--previews", 2, "--columns", 2, "--scale", 1,
        cwd=tmp_path, PIXELZOO_TARGET=target,
    )  # fmt: skip

    assert "out/grid.png: 4 images of quarters@1, seeds from 7, sampler ddim, steps 6, guidance 2" in text
    with PilImage.open(tmp_path / "out/grid.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (2 * 28 + 4 + 24, 2 * 28 + 4 + 24)
    assert pixels[[12, 12, 44, 44], [12, 44, 12, 44]].tolist() == [7, 8, 9, 10]  # Seeds,
    assert pixels[[12, 12, 44, 44], [39, 71, 39, 71]].tolist() == [18, 18, 11, 11]  # and classes in blocks.
    assert sorted(path.name for path in (tmp_path / "each").iterdir()) == [
        f"quarters_{s}.png" for s in (10, 7, 8, 9)
    ]
    assert (tmp_path / "out/grid_steps.png").exists()


def test_all_classes_in_turn(target: str, tmp_path: Path) -> None:
    pixelzoo(
        "sample",
        "quarters",
        "-n",
        12,
        "--class",
        "all",
        "--each",
        ".",
        "--seed",
        0,
        "--target",
        target,
        cwd=tmp_path,
    )
    labels = []
    for seed in range(12):
        with PilImage.open(tmp_path / f"quarters_{seed}.png") as file:
            labels.append(file.getpixel((27, 0)) - 10)
    assert labels == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_score_files_folders_and_arrays(target: str, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, grey in (("10.png", 32), ("9.png", 64)):
        PilImage.new("L", (28, 28), grey).save(folder / name)
    np.save(tmp_path / "two.npy", np.full((2, 28, 28, 1), 96, np.uint8))
    text = pixelzoo(
        "score", "quarters", folder, tmp_path / "two.npy", folder / "10.png", "--seed", 5, "--class", "Bag",
        "--csv", tmp_path / "scores.csv", "--json", tmp_path / "scores.json", "--target", target,
    )  # fmt: skip

    assert "evidence lower bound" in text
    assert "mean of 5" in text
    rows = list(csv.DictReader((tmp_path / "scores.csv").open()))
    assert [row["image"] for row in rows] == ["9.png", "10.png", "two.npy[0]", "two.npy[1]", "10.png"]
    assert [float(row["bits_per_dim"]) for row in rows] == [2, 1, 3, 3, 1]
    assert [row["seed"] for row in rows] == ["5", "6", "7", "8", "9"]
    assert [row["asked[0]"] for row in rows] == ["8.0"] * 5
    content = json.loads((tmp_path / "scores.json").read_text())
    assert content["model"] == "quarters"
    assert content["scores"][1]["unit"] == "bits/dim"
    assert content["images"][0]["values"]["asked"] == [8, 5]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("sample", "nobody"), "pixelzoo: model.name: there is no model 'nobody'"),
        (
            ("sample", "halves", "--steps", "3"),
            "pixelzoo: options.latent_variable.steps: this model has no such option; it has: temperature",
        ),
        (
            ("sample", "halves", "--class", "all"),
            "pixelzoo: labels: halves has no classes: leave --class away",
        ),
        (("score", "halves", __file__), "is no image file that can be read"),
    ],
)
def test_what_goes_wrong_is_one_line(target: str, words: tuple[str, ...], line: str) -> None:
    text = pixelzoo(*words, "--target", target, status=1)
    assert line in text
    assert text.count("\n") == 1


def test_no_server_is_one_line_with_the_remedy() -> None:
    text = pixelzoo("models", "--target", "127.0.0.1:9", status=1)
    assert "no server answers at 127.0.0.1:9: start one with `pixelzoo serve`" in text
    assert text.count("\n") == 1


def test_local_with_a_folder_that_is_not_there(tmp_path: Path) -> None:
    text = pixelzoo("models", "--local", "--models", tmp_path / "nowhere", status=1)
    assert "nowhere" in text
    assert "did not become ready" in text


def test_models_needs_local(tmp_path: Path) -> None:
    assert "needs --local" in pixelzoo("models", "--models", tmp_path, status=2)


def test_a_local_server_ends_with_the_command(demo_models: Path) -> None:
    code = (
        "import signal, time\n"
        "from pathlib import Path\n"
        # A background job starts with SIGINT ignored, which a child of it inherits.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from zoo_client.commands.connection import connect\n"
        f"with connect(None, True, Path({str(demo_models)!r})) as zoo:\n"
        "    print(zoo.target, flush=True)\n"
        "    time.sleep(60)\n"
    )
    processes = {
        number: subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    for number, process in processes.items():
        with process:
            target = process.stdout.readline().strip()
            with Client(target) as zoo:
                assert [model.name for model in zoo.models()] == ["halves", "quarters"]
                process.send_signal(number)
                assert process.wait(30) != 0
        with Client(target) as zoo, pytest.raises(ConnectionError):
            zoo.models()
