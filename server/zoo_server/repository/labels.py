"""Reads labels.json, which stands in a model's folder beside its versions: {"stable": 3, "canary": 4}."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from zoo_server.repository import contract

LABELS_FILE = "labels.json"

_MOST_LABELS = 16
"""Of one version, as the protos promise."""

_HIGHEST = 2**63 - 1


def read_labels(folder: Path) -> Mapping[str, int]:
    """The version that each label stands for, for the model in `folder`; empty if it has no such file.

    The versions need not be there (yet). Raises ValueError, which says what is wrong with the file.
    """
    try:
        found = json.loads((folder / LABELS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ValueError(f"it cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError('it must be an object of versions by label, such as {"stable": 3}')
    for label, version in found.items():
        if not contract.MODEL_NAME.fullmatch(label):
            raise ValueError(f"label {label!r} must be 1 to 128 characters of [a-z][a-z0-9_]*")
        if type(version) is not int or not 1 <= version <= _HIGHEST:
            raise ValueError(f"label {label!r} must stand for a version, 1 to 2^63 - 1, not for {version!r}")
    if found and max(Counter(found.values()).values()) > _MOST_LABELS:
        raise ValueError(f"a version may have at most {_MOST_LABELS} labels")
    return found
