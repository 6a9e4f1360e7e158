"""Where settings come from: a flag, else the environment, else a TOML file, else the default of the schema."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo_server.config import SETTINGS, ServerConfig, Setting

FILE_VARIABLE = "PIXELZOO_CONFIG"
"""The environment variable that names the TOML file where no flag does."""

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", dict: "whole numbers by model"}
_KNOWN = {setting.name: setting for setting in SETTINGS}


def read_config(
    flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None = None
) -> ServerConfig:
    """The settings of all sources together; of a setting that several have, the first of them counts.

    Args:
        flags: values by the names of settings, texts or of the setting's type; those that are None were not given.
        environment: PIXELZOO_<SETTING> variables, among others.
        file: a TOML file; else the one that PIXELZOO_CONFIG names, if any.

    Raises ValueError, which names the source, the setting, the rule and the value.
    """
    named = file or (Path(environment[FILE_VARIABLE]) if environment.get(FILE_VARIABLE) else None)
    values = _from_file(named) if named else {}
    for setting in SETTINGS:
        if setting.variable in environment:
            values[setting.name] = _checked(setting, environment[setting.variable], setting.variable)
        if flags.get(setting.name) is not None:
            values[setting.name] = _checked(setting, flags[setting.name], setting.flag)
    return ServerConfig(**values)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} cannot be read as TOML: {error}") from error
    for name in tables:
        if name not in _KNOWN:
            near = difflib.get_close_matches(name, _KNOWN, 1)
            remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(_KNOWN)}"
            raise ValueError(f"{path}: there is no setting {name!r}; {remedy}")
    values = {name: _checked(_KNOWN[name], value, f"{path}: {name}") for name, value in tables.items()}
    # A path in a file is meant from where the file is.
    return {name: path.parent / value if isinstance(value, Path) else value for name, value in values.items()}


def _checked(setting: Setting, given: Any, where: str) -> Any:
    value = _parsed(setting.kind, given, where)
    if setting.choices:  # However they are capitalised.
        value = next((choice for choice in setting.choices if choice.lower() == value.lower()), value)
    setting.check(value, where)
    return value


def _parsed(kind: type, given: Any, where: str) -> Any:
    """`given`, a text or a value of TOML, as a value of `kind`."""
    try:
        if kind is dict:
            return _numbers(given)
        if kind is bool and isinstance(given, str):
            return {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}[given.strip().lower()]
        fits = (kind, str, int) if kind in (int, float) else (kind, str)
        if isinstance(given, fits) and (kind is bool or not isinstance(given, bool)):
            return kind(given)
    except (KeyError, ValueError, TypeError, AttributeError):
        pass
    raise ValueError(f"{where} must be {_WORDS.get(kind, 'a text')}, and is {given!r}")


def _numbers(given: Any) -> dict[str, int]:
    """{name: number} of a TOML table, of "name=number,..." or of a list of such texts."""
    if isinstance(given, Mapping):
        if not all(type(number) is int for number in given.values()):
            raise ValueError
        return dict(given)
    texts = given.split(",") if isinstance(given, str) else [part for one in given for part in one.split(",")]
    pairs = [text.partition("=") for text in texts if text.strip()]
    return {name.strip(): int(number) for name, _, number in pairs}
