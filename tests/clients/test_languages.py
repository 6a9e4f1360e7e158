"""The clients of other languages, each a folder with a Makefile beside client/python: they build, what their READMEs say
works as printed, they get the same pixels as the Python client from the same server, and their own tests pass.
"""

import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

CLIENTS = Path(__file__).resolve().parents[2] / "client"
FOLDERS = sorted(path.parent for path in CLIENTS.glob("*/Makefile"))
SCREEN = 100
"""Lines that a README may have: "of one screen", with its listing of a program."""

SECONDS = 1200
pytestmark = pytest.mark.timeout(SECONDS)


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def client(request: pytest.FixtureRequest, environment: dict[str, str]) -> Path:
    """The folder of a client that has been built. If its tools are missing, what make says is what to install."""
    folder = request.param
    run(["make", "-C", str(folder), "build"], folder, environment)
    return folder


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """The standard output of a command that succeeds."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS - 60
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done.stdout


def commands(readme: str) -> list[str]:
    """The blocks of a page that are fenced as ```sh."""
    return re.findall(r"^```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)


def test_every_golden_request_brings_the_same_as_in_python(
    client: Path, environment: dict[str, str], server, golden: ModuleType
) -> None:
    program = [str(client / "build/golden"), server.address, str(golden.REQUESTS)]
    assert run(program, client, environment).splitlines() == golden.lines(server.address)


def test_its_own_tests_pass_and_leave_no_work_behind(
    client: Path, environment: dict[str, str], server
) -> None:
    run(["make", "test"], client, environment)
    server.wait_until_idle()


def test_the_commands_of_its_readme_work_as_printed(client: Path, environment: dict[str, str]) -> None:
    readme = (client / "README.md").read_text()
    assert len(readme.splitlines()) <= SCREEN
    blocks = commands(readme)
    assert blocks
    before = set(client.glob("*.png"))
    try:
        run(["bash", "-euxo", "pipefail", "-c", "".join(blocks)], client, environment)
        written = set(client.glob("*.png")) - before
        assert written, "no command wrote a picture"
        for path in written:
            with Image.open(path) as picture:
                picture.load()
    finally:
        for path in set(client.glob("*.png")) - before:
            path.unlink()
