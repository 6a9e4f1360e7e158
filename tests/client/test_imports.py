"""What the client brings with it, and what it must not."""

import subprocess
import sys

import pytest

import zoo_client


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_package_alone_imports_nothing_of_weight() -> None:
    loaded = modules_after("import zoo_client")
    assert not loaded & {
        "tensorflow",
        "keras",
        "zoo",
        "zoo_server",
        "numpy",
        "grpc",
        "PIL",
        "google.protobuf",
    }


def test_the_client_imports_neither_tensorflow_nor_the_zoo_nor_the_server() -> None:
    loaded = modules_after(
        "import zoo_client\n"
        "for name in zoo_client.__all__: getattr(zoo_client, name)\n"
        "import zoo_client.commands.models, zoo_client.commands.sample, zoo_client.commands.score\n"
        "import zoo_client.demo.command"
    )
    assert {"numpy", "grpc"} <= loaded
    assert not loaded & {"tensorflow", "keras", "zoo", "zoo_server"}


def test_the_command_imports_only_typer_until_a_subcommand_is_called() -> None:
    loaded = modules_after("import zoo_client.cli")
    assert "typer" in loaded
    assert not loaded & {"rich", "numpy", "grpc", "PIL", "tensorflow"}


def test_every_name_of_the_package_is_there() -> None:
    assert set(zoo_client.__all__) <= set(dir(zoo_client))
    for name in zoo_client.__all__:
        assert getattr(zoo_client, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Zoo'"):
        _ = zoo_client.Zoo
