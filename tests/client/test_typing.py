"""Users who check their programs with `mypy --strict` get every type, and no Any."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import zoo_client
from zoo_client import Client, Session

PROGRAM = Path(__file__).with_name("typed_program.py")
ROOTS = Path(__file__).parents[2] / "client" / "python", Path(__file__).parents[2] / "protos"


@pytest.fixture(scope="module")
def mypy(tmp_path_factory: pytest.TempPathFactory):
    """Checks a program in a folder of its own, away from the settings of this repository."""
    folder = tmp_path_factory.mktemp("user")
    settings = folder / "mypy.ini"
    paths = ":".join(map(str, ROOTS))
    # The packages' own code is checked elsewhere; google.rpc has no types, and shows nowhere in the surface.
    settings.write_text(
        f"[mypy]\nmypy_path = {paths}\n"
        "[mypy-zoo_client.*,pixelzoo.*]\ndisallow_any_expr = False\n"
        "[mypy-google.rpc.*]\nignore_missing_imports = True\n"
    )

    def run(program: Path) -> str:
        command = [sys.executable, "-m", "mypy", "--strict", "--disallow-any-expr", str(program)]
        done = subprocess.run(
            [*command, "--config-file", str(settings)], capture_output=True, text=True, cwd=folder
        )
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    return run


def test_a_program_with_the_whole_surface_is_clean(mypy) -> None:
    assert mypy(PROGRAM).startswith("Success: no issues found")


def test_mistakes_are_found(mypy, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from zoo_client import Client, Session\n"
        "with Client(encoding='gif') as zoo:\n"
        "    zoo.sample('m', stepz=3)\n"
        "    zoo.translate('m', 3)\n"
        "    number: int = zoo.sample('m').images\n"
        "    Session(zoo).rescore(zoo.sample('m')[0], zoo.sample('m').pil()[0])\n"
    )
    found = mypy(program)
    for line in range(2, 7):
        assert f"program.py:{line}: error" in found, found


def test_the_program_uses_every_name_and_every_method() -> None:
    tree = ast.parse(PROGRAM.read_text())
    names = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(zoo_client.__all__) - names == {"Version"}  # An attribute of Model.
    called = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    for kind in (Client, Session):
        for name in vars(kind):
            if not name.startswith("_") and name not in ("close", "from_env"):
                assert called.count(name) >= 2, f"{name}, of both clients"


def test_the_package_says_that_it_has_types() -> None:
    assert (Path(zoo_client.__file__).parent / "py.typed").exists()
