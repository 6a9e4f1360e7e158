"""Settings: one schema, four sources, and what is said of a wrong one."""

import dataclasses
from pathlib import Path

import pytest
from typer.testing import CliRunner

from zoo_server.cli import app
from zoo_server.config import SETTINGS, ServerConfig
from zoo_server.config_sources import read_config


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "server.toml"
    path.write_text('port = 1111\nhost = "::1"\nmodels = "zoo"\ngrace_seconds = 3\nreflection = false\n')
    return path


def test_flags_come_before_the_environment_before_the_file_before_the_defaults(file: Path) -> None:
    environment = {
        "PIXELZOO_PORT": "2222",
        "PIXELZOO_IMAGE_THREADS": "5",
        "PIXELZOO_REFLECTION": "yes",
        "HOME": "/",
    }
    found = read_config({"port": 3333, "host": None}, environment, file)
    assert (found.port, found.image_threads, found.host) == (3333, 5, "::1")
    assert found.reflection is True
    assert found.grace_seconds == 3.0
    assert found.max_pending_items == ServerConfig().max_pending_items
    assert read_config({}, environment, file).port == 2222
    assert read_config({}, {}, file).port == 1111


def test_the_environment_may_name_the_file_and_its_paths_are_relative_to_it(file: Path) -> None:
    found = read_config({}, {"PIXELZOO_CONFIG": str(file)})
    assert found.models == file.parent / "zoo"


def test_numbers_by_model_come_from_repeated_flags_a_variable_or_a_table(tmp_path: Path) -> None:
    wanted = {"ddpm": 8, "vae": 16}
    file = tmp_path / "server.toml"
    file.write_text("[max_bucket]\nddpm = 8\nvae = 16\n")
    assert read_config({"max_bucket": ["ddpm=8", "vae=16"]}, {}).max_bucket == wanted
    assert read_config({}, {"PIXELZOO_MAX_BUCKET": "ddpm=8,vae=16"}).max_bucket == wanted
    assert read_config({}, {}, file).max_bucket == wanted
    assert read_config({}, {}).max_bucket == {}


@pytest.mark.parametrize(
    ("flags", "environment", "text", "message"),
    [
        ({"port": 70000}, {}, "", "--port must be 0 to 65535, and is 70000"),
        ({}, {"PIXELZOO_PORT": "many"}, "", "PIXELZOO_PORT must be a whole number, and is 'many'"),
        ({}, {"PIXELZOO_REFLECTION": "perhaps"}, "", "PIXELZOO_REFLECTION must be true or false"),
        ({}, {}, "image_threads = 0", "server.toml: image_threads must be at least 1, and is 0"),
        ({}, {}, "port = 5.5", "server.toml: port must be a whole number, and is 5.5"),
        ({"max_bucket": ["vae=0"]}, {}, "", "--max-bucket must be at least 1, and is 0"),
        ({"max_bucket": ["vae"]}, {}, "", "--max-bucket must be whole numbers by model"),
        ({}, {}, "port = true", "server.toml: port must be a whole number, and is True"),
        ({}, {}, "prot = 1", "there is no setting 'prot'; did you mean port?"),
        ({}, {}, "port = ", "server.toml cannot be read as TOML"),
    ],
)
def test_a_wrong_setting_names_its_source_and_the_rule(
    flags: dict, environment: dict, text: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "server.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message.replace("'", ".").replace("?", ".")):
        read_config(flags, environment, file)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("name", [one.name for one in SETTINGS if one.kind is float])
def test_no_number_is_infinite_or_none_at_all(name: str, number: str, tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text(f"{name} = {number}")
    for flags, environment, path in (
        ({name: float(number)}, {}, None),
        ({}, {f"PIXELZOO_{name.upper()}": number}, None),
        ({}, {}, file),
    ):
        with pytest.raises(ValueError, match=f"must be a finite number, and is {number}"):
            read_config(flags, environment, path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.toml cannot be read as TOML"):
        read_config({}, {}, tmp_path / "nowhere.toml")


def test_every_setting_has_a_flag_with_its_words() -> None:
    assert [setting.name for setting in SETTINGS] == [one.name for one in dataclasses.fields(ServerConfig)]
    shown = " ".join(
        CliRunner().invoke(app, ["--help"], env={"COLUMNS": "400", "TERMINAL_WIDTH": "400"}).output.split()
    )
    for setting in SETTINGS:
        assert setting.flag in shown
        assert setting.words in shown


def test_a_config_made_by_hand_is_checked_too() -> None:
    with pytest.raises(ValueError, match="max_pending_items must be at least 1, and is 0"):
        ServerConfig(max_pending_items=0)
