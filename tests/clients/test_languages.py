"""The clients of other languages, each a folder with a Makefile beside client/python: they get the same pixels as the
Python client from the same server, their own tests pass, what their READMEs say works as printed, and their tours,
whose parts are the examples of docs/api.md, call every RPC that there is.
"""

import os
import re
import shutil
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


def failure(client: Path, program: str, *arguments: str, **variables: str) -> tuple[int, str]:
    """The status with which a program fails, and what it says."""
    done = subprocess.run(
        [client / "build" / program, *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS - 60,
    )
    assert not done.stdout.strip(), done.stdout
    return done.returncode, done.stderr


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


def test_its_stubs_are_the_same_wherever_and_whenever_they_are_written(client: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "client" / client.name
    made = shutil.ignore_patterns("build", "generated", "node_modules", "protos", "v1")
    shutil.copytree(client, elsewhere, ignore=made)
    shutil.copytree(CLIENTS / "errors", tmp_path / "client/errors")
    shutil.copytree(CLIENTS.parent / "protos", tmp_path / "protos")
    if (client / "node_modules").exists():
        (elsewhere / "node_modules").symlink_to(client / "node_modules")
    before = sources(elsewhere)
    run(["make", "stubs"], elsewhere)
    written = {name: text for name, text in sources(elsewhere).items() if name not in before}
    assert len(written) >= 12
    assert written == {name: (client / name).read_bytes() for name in written}


def sources(folder: Path) -> dict[str, bytes]:
    """The files in which a program is written, by their paths in the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in {".go", ".js", ".ts", ".java", ".h", ".cc"}
        and path.is_file()
        and not {"node_modules", "CMakeFiles"} & set(path.relative_to(folder).parts)
    }


def test_its_own_tests_pass_and_leave_no_work_behind(
    client: Path, server, environment: dict[str, str]
) -> None:
    run(["make", "test"], client, environment)
    server.wait_until_idle()


def test_the_commands_of_its_readme_work_as_printed(client: Path, server, as_root: dict[str, str]) -> None:
    readme = (client / "README.md").read_text()
    assert len(readme.splitlines()) <= SCREEN
    commands = re.findall(r"^```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    programs = re.findall(r"^A program, `(\S+)`.*:\n\n```\w+\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    before = set(client.glob("*.png"))
    try:
        for name, program in programs:
            (client / name).write_text(program)
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
        for name, _ in programs:
            (client / name).unlink()


@pytest.mark.parametrize(
    ("program", "flags"),
    [
        ("sample", {"-n", "--seed", "--class", "--sampler", "--steps", "--guidance", "-o"}),
        ("translate", {"--direction", "--strength", "--class", "--seed", "-o"}),
        ("score", {"--class"}),
    ],
)
def test_its_programs_say_how_they_are_used(client: Path, program: str, flags: set[str]) -> None:
    usage = run([str(client / "build" / program), "--help"], client)
    assert re.match(rf"usage: {program}(\.js)? MODEL ", usage)
    assert set(re.findall(r"\[(-\S+)", usage)) == flags
    for wrong in (["no_model", "a.png", "--no-such-flag", "1"], ["no_model", "a.png", "--class"], []):
        status, said = failure(client, program, *wrong)
        assert status == 2
        assert usage in said
        assert not wrong or wrong[2].lstrip("-") in said


def test_its_flags_may_stand_anywhere(client: Path, server, tmp_path: Path) -> None:
    asked = {"-n": "2", "--seed": "5", "--class": "sneaker", "--sampler": "ddim", "--steps": "2"}
    flags = [word for pair in asked.items() for word in pair]
    environment = {**os.environ, "PIXELZOO_TARGET": server.address}
    for name, words in {"a": [*flags, "ddpm_fashion_mnist"], "b": ["ddpm_fashion_mnist", *flags]}.items():
        command = [str(client / "build/sample"), *words, "-o", str(tmp_path / f"{name}.png")]
        assert "seed 6" in run(command, client, environment)
    for index in range(2):
        first, second = (Image.open(tmp_path / f"{name}-{index}.png") for name in "ab")
        assert first.tobytes() == second.tobytes()


def test_it_says_what_to_do_where_no_server_answers(client: Path, server, secure_server) -> None:
    authority = str(secure_server.authority)
    for target, authorities, language_says in (
        ("127.0.0.1:1", "", "refused"),
        (secure_server.address, "", "closed|connect"),  # In the clear to a server that wants TLS,
        (server.address, authority, "TLS|SSL"),  # TLS to one that has none,
        (secure_server.address, "system", "certificat"),  # and to one that nobody here vouches for.
    ):
        status, said = failure(
            client, "sample", "vae_fashion_mnist", PIXELZOO_TARGET=target, PIXELZOO_TLS_CA=authorities
        )
        assert status == 1
        message = said.splitlines()[-1]
        assert (
            f"no server answers at {target}: start one with `pixelzoo serve`, or name another with PIXELZOO_TARGET; "
            "if one runs there, does it want TLS? PIXELZOO_TLS_CA turns it on, and names whom to trust ("
        ) in message
        assert re.search(rf"trust \(.*({language_says}).*(?<![\s.:])\)$", message, re.IGNORECASE)
        assert "Channel Pipeline" not in said
        assert "Resolution note" not in said


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
