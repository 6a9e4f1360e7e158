"""Imports only go down: the floors of the house, read from every import of every module.

An import counts wherever it stands: at the top, inside a function, for type checking only, or as a string given to
`importlib.import_module`. (The command's table of subcommands, which `zoo_client.cli` loads by name when one is used,
is the one way up; it is data, not an import.)
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class House:
    """One import root: its folder, its floors from the top down, and the packages that must never come in.

    A room is a module or a package directly under the root. It imports from lower floors and from itself alone.
    """

    name: str
    folder: str
    floors: tuple[frozenset[str], ...]
    banned: frozenset[str] = frozenset()


def floors(*lines: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(line.split()) for line in lines)


HOUSES = [
    House(
        "zoo",
        "zoo",
        floors(
            "__main__ cli",
            "training evaluation",
            "families",
            "contract autoregressive data metrics contact_sheet console",
            "layers",
            "losses diffusion likelihoods",
            "randomness",
        ),
        banned=frozenset({"zoo_server", "zoo_client"}),
    ),
    House(
        "zoo_server",
        "server/zoo_server",
        floors(
            "__main__ health_probe",
            "cli token_command",
            "app",
            "services interceptors",
            "validation lifecycle watchdog telemetry",
            "engine",
            "repository tokens certificates",
            "images options incidents quota",
            "errors config_sources",
            "call_error",
            "config arrays tensorflow_runtime watched_files calls open_inference",
        ),
        banned=frozenset({"zoo", "keras", "tf_keras", "zoo_client"}),
    ),
    House(
        "zoo_client",
        "client/python/zoo_client",
        floors(
            "__main__",
            "cli",
            "demo",
            "commands",
            "aio session",
            "client",
            "connections",
            "reproduction resuming retrying",
            "results channel environment local",
            "recipe requests grid held_out traversal tls",
            "options",
            "model",
            "images",
            "addresses",
            "arguments",
            "errors",
        ),
        banned=frozenset({"tensorflow", "keras", "tf_keras", "zoo", "zoo_server"}),
    ),
    House("pixelzoo", "protos/pixelzoo", floors("v1"), banned=frozenset({"zoo", "zoo_server", "zoo_client"})),
]
# What the families share; every other file in zoo/families/ is one family.
SHARED_BY_FAMILIES = {"__init__", "base", "adversarial", "latent_gan"}
# Names that say nothing of what is inside.
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


@dataclass(frozen=True)
class Import:
    """`module` asks for `target` (both dotted) on `line` of the file at `path`."""

    path: Path
    line: int
    module: str
    target: str


def imports(house: House, repository: Path) -> Iterator[Import]:
    """Every import of every module of the house."""
    folder = repository / house.folder
    for path in sorted(folder.rglob("*.py")):
        parts = [house.name, *path.relative_to(folder).with_suffix("").parts]
        package = parts[:-1]
        module = ".".join(package if parts[-1] == "__init__" else parts)
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            for target in targets(node, package):
                yield Import(path.relative_to(repository), node.lineno, module, target)


def targets(node: ast.AST, package: list[str]) -> list[str]:
    """Dotted names that one node of the syntax tree imports; `package` resolves the relative ones."""
    match node:
        case ast.Import(names=names):
            return [name.name for name in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            base = package[: len(package) - level + 1] if level else []
            return [".".join([*base, *([module] if module else []), name.name]) for name in names]
        case ast.Call(
            func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"), args=args
        ):
            return [text for text in map(beginning, args[:1]) if text]
        case ast.Attribute(value=ast.Name(id="tf" | "tensorflow"), attr="keras"):
            return ["keras"]  # an attribute that imports on use
        case _:
            return []


def beginning(node: ast.expr) -> str:
    """The text with which a string or f-string begins; empty for any other expression."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def violations(house: House, repository: Path) -> list[str]:
    """One line for each import that does not go down."""
    floor_of = {room: number for number, floor in enumerate(house.floors) for room in floor}
    found = []
    for one in imports(house, repository):
        where = f"{one.path}:{one.line}: {one.module} imports {one.target}"
        root, _, inside = one.target.partition(".")
        if root in house.banned:
            found.append(f"{where}, and {house.name} never imports {root}")
        if root != house.name:
            continue
        room, target = one.module.split(".")[1:2], inside.split(".")[0]
        if not room:  # the root's __init__ is the door to all rooms
            continue
        if room[0] not in floor_of:
            found.append(f"{where}, and {room[0]} stands on no floor: give it one in {Path(__file__).name}")
        elif target not in floor_of:
            found.append(f"{where}, and {target or 'the door'} stands on no floor")
        elif room[0] != target and floor_of[target] <= floor_of[room[0]]:
            found.append(f"{where}, which does not go down")
        elif is_family(one.module) and is_family(one.target) and family(one.module) != family(one.target):
            found.append(f"{where}, and a family never imports another: move what they share down a floor")
        elif (
            one.module.startswith(f"{house.name}.families.")
            and not is_family(one.module)
            and is_family(one.target)
        ):
            found.append(f"{where}, and what families share knows none of them")
    return found


def is_family(module: str) -> bool:
    """Whether a dotted name lies in the file of a family."""
    return module.startswith("zoo.families.") and family(module) not in SHARED_BY_FAMILIES


def family(module: str) -> str:
    """The file below zoo.families that a dotted name lies in."""
    return module.split(".")[2]


def vague_names(repository: Path) -> list[str]:
    """Paths of modules and packages whose name says nothing."""
    roots = [house.folder for house in HOUSES] + ["tests", "benchmarks"]
    paths = (path.relative_to(repository) for root in roots for path in (repository / root).rglob("*.py"))
    return sorted(str(path) for path in paths if BANNED_NAMES & set(path.with_suffix("").parts))


@pytest.mark.parametrize("house", HOUSES, ids=lambda house: house.name)
def test_imports_only_go_down(house):
    assert list(imports(house, REPOSITORY))  # there is something to check
    assert not violations(house, REPOSITORY)


def test_no_file_has_a_name_that_says_nothing():
    assert not vague_names(REPOSITORY)


# The checker itself, on planted files.


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("zoo/losses.py", "from zoo.families.ddpm import DDPM", "does not go down"),
        ("zoo/losses.py", "import zoo.likelihoods", "does not go down"),
        ("zoo/data/folder.py", "def read():\n    from zoo import training", "does not go down"),
        ("zoo/layers/unet.py", "from ..training import runner", "does not go down"),
        ("zoo/losses.py", "import zoo", "the door stands on no floor"),
        ("zoo/shed.py", "from zoo import losses", "shed stands on no floor"),
        ("zoo/families/vae.py", "from zoo.families import ddpm", "never imports another"),
        ("zoo/families/vae.py", "from .ddpm import DDPM", "never imports another"),
        ("zoo/families/base.py", "from zoo.families.vae import VAE", "knows none of them"),
        ("server/zoo_server/app.py", "import zoo.contract", "never imports zoo"),
        ("server/zoo_server/app.py", "def load():\n    import keras", "never imports keras"),
        (
            "server/zoo_server/app.py",
            "import tensorflow as tf\nModel = tf.keras.Model",
            "never imports keras",
        ),
        ("server/zoo_server/images.py", "from zoo_server import engine", "does not go down"),
        ("client/python/zoo_client/cli.py", "import zoo_server.cli", "never imports zoo_server"),
        ("client/python/zoo_client/aio.py", "def slow():\n    import tensorflow", "never imports tensorflow"),
        (
            "client/python/zoo_client/aio.py",
            "import importlib\nimportlib.import_module('zoo.cli')",
            "never imports zoo",
        ),
        ("client/python/zoo_client/aio.py", "__import__(f'zoo.{name}')", "never imports zoo"),
        ("client/python/zoo_client/errors.py", "from zoo_client import images", "does not go down"),
    ],
)
def test_a_planted_import_is_found(tmp_path, path, source, complaint):
    plant(tmp_path, path, source)
    found = [line for house in HOUSES for line in violations(house, tmp_path)]
    assert len(found) == 1
    assert complaint in found[0]
    assert found[0].startswith(f"{path}:")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("zoo/__init__.py", "from zoo.families.ddpm import DDPM"),
        ("zoo/cli.py", "import numpy\nfrom zoo import training, losses"),
        ("zoo/training/runner.py", "from zoo.training.presets import Preset\nfrom zoo.families import base"),
        (
            "zoo/families/vae.py",
            "from zoo.families.base import GenerativeModel\nfrom zoo import losses, randomness",
        ),
        ("zoo/families/__init__.py", "import importlib\nimportlib.import_module(f'zoo.families.{name}')"),
        (
            "server/zoo_server/engine/lane.py",
            "import tensorflow as tf\nfrom zoo_server.repository import model",
        ),
        ("client/python/zoo_client/cli.py", "TABLE = {'serve': 'zoo_server.cli:app'}"),
    ],
)
def test_what_goes_down_is_allowed(tmp_path, path, source):
    plant(tmp_path, path, source)
    assert not [line for house in HOUSES for line in violations(house, tmp_path)]


def test_a_planted_vague_name_is_found(tmp_path):
    plant(tmp_path, "zoo/utils.py", "")
    plant(tmp_path, "server/zoo_server/common/images.py", "")
    plant(tmp_path, "client/python/zoo_client/images.py", "")
    assert vague_names(tmp_path) == ["server/zoo_server/common/images.py", "zoo/utils.py"]


def plant(repository: Path, path: str, source: str) -> None:
    file = repository / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
