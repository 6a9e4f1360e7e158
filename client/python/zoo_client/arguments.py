"""Arguments that Python lets through, though no request can carry them: refused in the words that the server has.

What a request can carry goes to the server, which knows its own rules. `path` is the field in the request, or the name
of a setting; then `refuse` is InvalidSetting.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from zoo_client.errors import InvalidField, ZooError

Refuse: TypeAlias = Callable[[str, str], ZooError]

_TOKEN = re.compile("[!-~]+")
_HOST = re.compile("[A-Za-z0-9._:-]+")

UINT32, UINT64 = 2**32 - 1, 2**64 - 1


def whole(
    value: object,
    path: str,
    low: int,
    high: int | None = None,
    *,
    remedy: str = "",
    refuse: Refuse = InvalidField.of,
) -> int:
    """A whole number from `low` to `high`, by default as many as a uint32 holds. True is none, nor is 4.0."""
    if isinstance(value, bool):
        raise refuse(path, f"must be a whole number, and is {value}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # that is the question
    except TypeError:
        raise refuse(path, f"must be a whole number, and is {shown(value)}") from None
    if low <= number <= (UINT32 if high is None else high):
        return number
    span = f"{low} to {high}"
    if high is None:
        span = f"at least {low}" if number < low else f"at most {UINT32}"
    raise refuse(path, f"must be {span}, and is {shown(number)}{remedy}")


def real(value: object, path: str, *, refuse: Refuse = InvalidField.of) -> float:
    """A number as a float, infinities and nan included: what is out of range is the server's to say."""
    try:
        if isinstance(value, bool | np.bool_ | str | bytes):
            raise TypeError
        return float(value)  # type: ignore[arg-type]  # that is the question
    except (TypeError, ValueError):
        raise refuse(path, f"must be a number, and is {shown(value)}") from None
    except OverflowError:
        raise refuse(path, "must be a finite number, and is larger than any") from None


def switch(value: object, path: str, *, refuse: Refuse = InvalidField.of) -> bool:
    """True or False; 1 and "no" are neither."""
    if not isinstance(value, bool | np.bool_):
        raise refuse(path, f"must be True or False, and is {shown(value)}")
    return bool(value)


def text(value: object, path: str, *, refuse: Refuse = InvalidField.of) -> str:
    """A text that can be sent."""
    if not isinstance(value, str):
        raise refuse(path, f"must be a text, and is {shown(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refuse(path, f"must be a text of Unicode, and is {value!a}") from None
    return value


def sendable_token(value: str, path: str, *, refuse: Refuse = InvalidField.of) -> str:
    """A token such as servers give. A refusal does not show it."""
    if not _TOKEN.fullmatch(value):
        raise refuse(path, "has characters that no token has: give the one that the server's operator gave")
    return value


def host_name(value: str, path: str, *, refuse: Refuse = InvalidField.of) -> str:
    """A name such as certificates have, or an IP address."""
    if not _HOST.fullmatch(value):
        raise refuse(path, f"{value}: is no host name: give the one in the server's certificate")
    return value


def shown(value: object) -> str:
    """The value as Python writes it; of what takes long to write, its type."""
    try:
        words = repr(value.item() if isinstance(value, np.generic) else value)
    except ValueError:  # An int of thousands of digits.
        words = ""
    kind = type(value).__name__
    return words if 0 < len(words) <= 60 else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
