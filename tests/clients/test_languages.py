"""The clients of other languages, each a folder with a Makefile beside client/python: they get the same pixels as the
Python client from the same server, their own tests pass, what their READMEs say works as printed, and their tours,
whose parts are the examples of docs/api.md, call every RPC that there is.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

CLIENTS = Path(__file__).resolve().parents[2] / "client"
FOLDERS = sorted(path.parent for path in CLIENTS.glob("*/Makefile") if path.parent.name != "web")
"""Not client/web, which calls by Envoy: test_web.py is its."""

SCREEN = 75
"""Lines of a README: one screen, with the program that it prints."""

SECONDS = 1500
pytestmark = pytest.mark.timeout(SECONDS)


def run(command: list[str], folder: Path, environment: Mapping[str, str] = os.environ) -> str:
    """The standard output of a command that succeeds; if it does not, what it wrote."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS - 60
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done.stdout


def packages(folder: Path) -> str:
    """The Debian packages that a client is built and tested with."""
    return " ".join(run(["make", "--silent", "packages"], folder).split())


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def client(request: pytest.FixtureRequest) -> Path:
    """The folder of a client that has been built."""
    folder = request.param
    built = subprocess.run(
        ["make", "build"], cwd=folder, capture_output=True, text=True, timeout=SECONDS - 60
    )
    assert built.returncode == 0, (
        f"{folder.name} could not be built. If a tool is missing: apt-get install {packages(folder)}\n"
        f"{built.stdout[-8000:]}\n{built.stderr[-8000:]}"
    )
    return folder


def test_every_golden_request_brings_the_same_as_in_python(client: Path, server, golden: ModuleType) -> None:
    program = [str(client / "build/golden"), server.address, str(golden.REQUESTS)]
    assert run(program, client).splitlines() == golden.lines(server.address)


def test_its_own_tests_pass_and_leave_no_work_behind(
    client: Path, server, environment: dict[str, str]
) -> None:
    run(["make", "test"], client, environment)
    server.wait_until_idle()


def test_the_commands_of_its_readme_work_as_printed(client: Path, server, as_root: dict[str, str]) -> None:
    readme = (client / "README.md").read_text()
    assert len(readme.splitlines()) <= SCREEN
    commands = re.findall(r"^```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    for name, program in re.findall(
        r"^A program, `(\S+)`.*:\n\n```\w+\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL
    ):
        (client / name).write_text(program)
    before = set(client.glob("*.png"))
    try:
        run(
            ["bash", "-euxo", "pipefail", "-c", "".join(commands)],
            client,
            {**as_root, "PIXELZOO_TARGET": server.address},
        )
        written = set(client.glob("*.png")) - before
        assert written, "no command wrote a picture"
        for path in written:
            with Image.open(path) as picture:
                assert picture.format == "PNG"
                picture.load()
    finally:
        for path in set(client.glob("*.png")) - before:
            path.unlink()


def test_its_tour_calls_every_rpc(client: Path, server, tours: ModuleType, tmp_path: Path) -> None:
    tours.take([str(client / "build/tour")], server, tmp_path)


def test_the_tour_in_python_calls_every_rpc(server, tours: ModuleType, tmp_path: Path) -> None:
    tours.take([sys.executable, str(CLIENTS / "python/examples/tour.py")], server, tmp_path)


@pytest.fixture
def as_root(tmp_path: Path) -> dict[str, str]:
    """The environment of commands of which a README says that apt-get among them is run as root."""
    if os.geteuid() == 0:
        return {**os.environ}
    program = tmp_path / "apt-get"
    program.write_text('#!/bin/sh\nexec sudo /usr/bin/apt-get "$@"\n')
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
