"""What is wrong with the environment is said in the same words in every language: settings_mistakes.json.

Each client's golden program, called as `golden settings`, makes a client from the environment and prints `ok`, or
`STATUS_CODE REASON MESSAGE`. In the file `...` stands for what the operating system says.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zoo_client import Client, ZooError

MISTAKES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "settings_mistakes.json").read_text())
CLIENTS = Path(__file__).resolve().parents[2] / "client"
FOLDERS = sorted(path.parent for path in CLIENTS.glob("*/Makefile") if path.parent.name != "web")
SECONDS = 1500
pytestmark = pytest.mark.timeout(SECONDS)


@pytest.fixture(scope="module")
def files(
    tmp_path_factory: pytest.TempPathFactory, load_module: Callable[[str, Path], ModuleType]
) -> dict[str, str]:
    """The files that the mistakes name."""
    by_hand = load_module("certificates_by_hand", CLIENTS.parent / "tests/server")
    folder = tmp_path_factory.mktemp("settings")
    authority = by_hand.authority()
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "junk.pem").write_text("nothing of the kind\n")
    text = authority.certificate_pem.decode()
    (folder / "damaged.pem").write_text(
        text + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    pairs = []
    for name in ("one", "other"):
        (folder / name).mkdir()
        pairs.append(by_hand.vouched_by(authority).write(folder / name))
    paths = {"folder": folder, "certificate": pairs[0][0], "key": pairs[0][1], "other_key": pairs[1][1]}
    paths |= {name: folder / f"{name}.pem" for name in ("ca", "junk", "damaged")}
    return {name: str(path) for name, path in paths.items()}


def filled(text: str, files: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: files[found[1]], text)


def environment(mistake: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, str]:
    """The variables with the mistake, and none but these that a client reads."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIXELZOO_")}
    return kept | {name: filled(value, files) for name, value in mistake["environment"].items()}


def check(said: str, mistake: Mapping[str, Any], files: Mapping[str, str]) -> None:
    pattern = re.escape(filled(mistake["says"], files)).replace(r"\.\.\.", ".+")
    assert re.fullmatch(pattern, said), f"{mistake['name']}: {said}"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["name"])
def test_in_python(mistake: dict[str, Any], files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIXELZOO_")]:
        monkeypatch.delenv(name)
    for name, value in environment(mistake, files).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ZooError) as caught:
        Client.from_env()
    check(f"{caught.value.code} {caught.value.reason} {caught.value}", mistake, files)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_in_other_languages(folder: Path, files: dict[str, str]) -> None:
    built = subprocess.run(
        ["make", "build"], cwd=folder, capture_output=True, text=True, timeout=SECONDS - 60
    )
    assert built.returncode == 0, f"{built.stdout[-8000:]}\n{built.stderr[-8000:]}"
    for mistake in MISTAKES:
        done = subprocess.run(
            [str(folder / "build/golden"), "settings"],
            env=environment(mistake, files),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        check(done.stdout.rstrip("\n"), mistake, files)
