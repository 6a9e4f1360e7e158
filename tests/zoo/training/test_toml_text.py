import math
import tomllib

import pytest

from zoo.training.toml_text import dumps


def test_what_is_written_is_what_is_read():
    table = {
        "text": 'quotes " and \\ and\nlines, \u00e9, \u4e2d, \x7f and \t',
        "empty": "",
        "number": -3,
        "large": 2**62,
        "real": 1e-300,
        "whole": 2.0,
        "infinite": math.inf,
        "yes": True,
        "list": [1, 2.5, "three", [False]],
        "none": [],
        "table": {"key with spaces": 1, "inner": {"deep": {"x": "y"}}, "after": 2},
        "nothing": {},
    }
    assert tomllib.loads(dumps(table)) == table
    assert isinstance(tomllib.loads(dumps(table))["whole"], float)


def test_what_toml_cannot_say_is_refused():
    with pytest.raises(TypeError, match="TOML has no value for None"):
        dumps({"x": None})
