"""Writing TOML: the standard library reads it but does not write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def dumps(table: Mapping[str, Any]) -> str:
    """The TOML text of `table`: strings, integers, floats, booleans, lists of these, tables within tables, and lists
    of tables.
    """
    return "\n".join(_lines(table, "")).strip() + "\n"


def _lines(table: Mapping[str, Any], path: str) -> list[str]:
    plain = {key: value for key, value in table.items() if not (_is_table(value) or _is_tables(value))}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key in (key for key in table if key not in plain):
        inner = f"{path}.{_key(key)}" if path else _key(key)
        if _is_table(table[key]):
            lines += ["", f"[{inner}]", *_lines(table[key], inner)]
        else:
            for entry in table[key]:
                lines += ["", f"[[{inner}]]", *_lines(entry, inner)]
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(map(_is_table, value))


def _key(key: str) -> str:
    plain = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if plain else json.dumps(key)


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, float):
        return repr(value)  # TOML spells inf and nan as Python does
    if isinstance(value, (bool, int, str)):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    raise TypeError(f"TOML has no value for {value!r}")
