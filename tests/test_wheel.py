"""The built wheel: all four import roots and the bundled models are in it, and its client runs without TensorFlow."""

import json
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
# Where each folder of the repository lies in the wheel.
CONTENTS = {
    "zoo": "zoo",
    "server/zoo_server": "zoo_server",
    "client/python/zoo_client": "zoo_client",
    "protos/pixelzoo": "pixelzoo",
    "saved_models": "zoo_server/saved_models",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this tree, built by the locked hatchling without a network."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    built = subprocess.run(build, cwd=REPOSITORY, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("pixelzoo-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder into which the wheel alone is installed, without what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
    ]
    done = subprocess.run([*pip, "--target", folder, wheel], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def run(installed, *command):
    """Runs a command that finds the installed wheel before this checkout; its standard output."""
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, cwd=installed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_of_the_roots_and_of_the_models_is_in_the_wheel_and_nothing_else(wheel):
    expected = {
        f"{inside}/{path.relative_to(REPOSITORY / folder).as_posix()}"
        for folder, inside in CONTENTS.items()
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == expected


def test_the_wheel_has_types_stubs_presets_and_models(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"pixelzoo/py.typed", "zoo_client/py.typed"} <= names
    assert {
        "pixelzoo/v1/card_pb2.pyi",
        "pixelzoo/v1/sampling_service_pb2_grpc.py",
        "pixelzoo/v1/card.proto",
    } <= names
    bundled = sorted(path for path in (REPOSITORY / "saved_models").glob("*/*") if path.is_dir())
    assert bundled
    for path in bundled:
        assert f"zoo/presets/{path.parent.name}.toml" in names
        assert f"zoo_server/saved_models/{path.parent.name}/{path.name}/assets.extra/card.json" in names


def test_the_base_install_is_the_client_and_the_licence_is_in(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    fields = message_from_string(archive.read(metadata).decode())
    requirements = fields.get_all("Requires-Dist")
    base = [requirement for requirement in requirements if "extra ==" not in requirement]
    assert base
    assert not [requirement for requirement in base if requirement.startswith(("tensorflow", "keras"))]
    assert set(fields.get_all("Provides-Extra")) == {"server", "train", "tracing"}
    assert fields["License-Expression"] == "Apache-2.0"
    assert metadata.replace("METADATA", "licenses/LICENSE") in archive.namelist()


def test_the_installed_client_imports_without_tensorflow(installed):
    program = "import json, sys, zoo_client, zoo_client.client; print(json.dumps([zoo_client.__file__, *sys.modules]))"
    file, *modules = json.loads(run(installed, sys.executable, "-c", program))
    assert Path(file).is_relative_to(installed)  # not the checkout
    assert not {"tensorflow", "keras", "zoo", "zoo_server"} & set(modules)


def test_the_installed_command_says_what_it_can_do(installed):
    help_text = run(installed, sys.executable, installed / "bin/pixelzoo", "--help")
    assert all(command in help_text for command in ("sample", "serve", "train"))
