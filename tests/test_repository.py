"""The files at the root keep their promises: locks, set-up, and what continuous integration runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
LOCKS = [
    "requirements.lock",
    "protos/requirements.lock",
    "server/deploy/requirements.lock",
    "tests/clients/open_inference.lock",
]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_and_hashes_everything_and_names_no_index(lock):
    text = (REPOSITORY / lock).read_text()
    assert not re.search(r"https?:|--index|--find-links|file:", text)
    requirements = re.split(r"\n(?! )", text.strip())
    for requirement in requirements:
        assert re.match(r"[a-z0-9-]+==\S+", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement
    assert len(requirements) > 5


@pytest.mark.parametrize("client", ["node", "web"])
def test_the_lock_of_a_client_from_npm_hashes_everything_and_names_no_registry(client):
    packages = json.loads((REPOSITORY / "client" / client / "package-lock.json").read_text())["packages"]
    assert len(packages) > 5
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name


def test_continuous_integration_runs_the_two_commands_of_the_readme_and_the_clients():
    script = (REPOSITORY / ".ci/run").read_text()
    assert script.endswith("\nmake test\nmake test-clients\nmake demo\n")
    assert "set -euo pipefail" in script
    assert (REPOSITORY / ".ci/run").stat().st_mode & 0o111
    readme = (REPOSITORY / "README.md").read_text()  # which opens with them
    assert "make demo" in readme[:2000]
    assert "make test" in readme[:2000]


def test_models_are_kept_byte_for_byte():
    assert "saved_models/** -text" in (REPOSITORY / ".gitattributes").read_text().splitlines()


def make(*arguments):
    return subprocess.run(["make", "-C", REPOSITORY, *arguments], capture_output=True, text=True)


def test_make_alone_names_the_targets():
    out = make().stdout
    for target in ("setup", "demo", "test", "test-clients", "data", "stubs", "lint", "soak", "clean"):
        assert f"make {target} " in out


def interpreter(folder: Path, *, version: str, modules: bool) -> Path:
    """A stand-in for another Python: it answers `-c` programs about its version and about its modules."""
    path = folder / "python"
    imports = "" if modules else "import sys; sys.modules['ensurepip'] = None; "
    path.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = {version}; {imports}$2"\n'
    )
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("version", "modules", "remedy"),
    [
        ((3, 10, 4), True, "make PYTHON=python3.11 setup"),
        ((3, 14, 0), True, "make PYTHON=python3.11 setup"),
        ((3, 11, 2), False, "apt-get install python3-venv"),
    ],
)
def test_setup_on_an_unfit_python_gives_one_line_with_the_remedy(tmp_path, version, modules, remedy):
    python = interpreter(tmp_path, version=version, modules=modules)
    done = make("setup", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 1
    assert remedy in lines[0]
    assert not (tmp_path / "venv").exists()


def test_setup_without_any_python_gives_the_same_line(tmp_path):
    done = make("setup", f"PYTHON={tmp_path / 'none'}", f"VENV={tmp_path / 'venv'}")
    assert "make PYTHON=python3.11 setup" in done.stderr.splitlines()[0]


CLIENTS = sorted(path.parent.name for path in (REPOSITORY / "client").glob("*/Makefile"))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_has_the_targets_that_the_root_calls(client):
    for target in ("packages", "stubs", "clean"):
        asked = make("-C", f"client/{client}", "--question", target)
        assert asked.returncode in (0, 1), asked.stderr  # 2 where there is no such target


def test_make_stubs_names_the_packages_of_a_client_that_it_leaves_out(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, status in (("python", 0), ("dpkg", 1)):
        (folder / name).write_text(f"#!/bin/sh\nexit {status}\n")
        (folder / name).chmod(0o755)
    (tmp_path / "installed").touch()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    done = make("stubs", f"STUBS_VENV={tmp_path}", "CLIENTS=client/go/Makefile client/cpp/Makefile")
    assert done.returncode == 0, done.stderr
    go, cpp = [line for line in done.stdout.splitlines() if line.startswith("client/")]
    assert go.startswith("client/go: no stubs, for want of golang-go ")
    assert cpp.startswith("client/cpp: no stubs, for want of g++ make cmake ")


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in sorted((REPOSITORY / "docs").glob("*.md"))),
    *(f"client/{path.parent.name}/README.md" for path in sorted((REPOSITORY / "client").glob("*/README.md"))),
]


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_of_the_pages_exist(page: str) -> None:
    text = (REPOSITORY / page).read_text()
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if not ((REPOSITORY / page).parent / link).exists()]
    assert not missing
    assert not re.search(r"\b[A-Z]+_TABLE\b", text)
