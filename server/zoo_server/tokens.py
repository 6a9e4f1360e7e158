"""Bearer tokens: who holds which, what each may call, and how much of it.

The file is TOML with one line, or table, for each token; its name is for people, logs and error messages:

    studio = { sha256 = "9f86d081...", concurrent_calls = 4, requests_per_second = 10, burst = 20 }
    kiosk  = { sha256 = "60303ae2...", services = ["CatalogService", "SamplingService"], models = ["vae_mnist"] }

It holds SHA-256 digests and never a token. A token is 256 random bits, so nobody can find one by trying, and the slow
hashes that passwords need would only slow down calls.
"""

import hashlib
import hmac
import logging
import math
import re
import secrets
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_server.config import ServerConfig
from zoo_server.quota import Quota
from zoo_server.watched_files import WatchedFiles

_log = logging.getLogger(__name__)

SERVICES = (
    "CatalogService",
    "GRPCInferenceService",
    "LatentService",
    "SamplingService",
    "ScoringService",
    "TranslationService",
)
"""The services that a token may be restricted to, without their package."""

_PREFIX = "pxz_"
"""By which scanners can find a token that somebody has published by mistake."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NUMBERS: Mapping[str, type[int] | type[float]] = {
    "concurrent_calls": int,
    "requests_per_second": float,
    "burst": int,
}
_NAMES: Mapping[str, Collection[str] | None] = {"services": SERVICES, "models": None}


@dataclass(frozen=True, slots=True)
class Token:
    """One line of the file. `services`, without their package, and `models` are those allowed; None for all."""

    name: str
    sha256: bytes
    quota: Quota
    services: frozenset[str] | None
    models: frozenset[str] | None


class Tokens:
    """The tokens of a file. Raises ValueError, which names the file and the line's token, for one that is wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = WatchedFiles([path])
        self._tokens = self._read()

    def find(self, presented: str) -> Token | None:
        """The token that this is; None for a wrong one. How long it takes does not depend on how wrong it is."""
        digest = hashlib.sha256(presented.encode()).digest()
        found = None
        for token in self._tokens:
            if hmac.compare_digest(token.sha256, digest):
                found = token
        return found

    def reload_if_changed(self) -> None:
        """Read the file anew if it is another one. While what it says is wrong, the tokens stay as they were."""
        if not self._file.changed():
            return
        try:
            self._tokens = self._read()
        except ValueError as error:
            _log.error("the tokens stay as they were: %s", error)
            return
        except BaseException:
            self._file.forget()  # Whatever it was, what is taken back in the file must not be missed for it.
            raise
        _log.info("%d tokens read from %s", len(self._tokens), self._path)

    def _read(self) -> tuple[Token, ...]:
        try:
            lines = tomllib.loads(self._path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"{self._path} cannot be read: {error.strerror}") from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ValueError(f"{self._path} cannot be read as TOML: {error}") from error
        return tuple(_token(name, line, f"{self._path}: {name}") for name, line in lines.items())


def tokens_of(config: ServerConfig) -> Tokens | None:
    """Those that the settings name; None for a server that asks for none. Raises ValueError."""
    return None if config.token_file is None else Tokens(config.token_file)


def new_token() -> str:
    """A fresh token: 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def line_for(name: str, token: str, **limits: int | float | Collection[str]) -> str:
    """The line of the file for a token of that name; limits as in the file. Raises ValueError for a wrong one."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    parts = [f'sha256 = "{digest}"']
    for key, value in limits.items():
        if value:
            text = value if isinstance(value, int | float) else ", ".join(f'"{one}"' for one in value)
            parts.append(f"{key} = {text}" if isinstance(value, int | float) else f"{key} = [{text}]")
    line = f"{name} = {{ {', '.join(parts)} }}"
    _check_name(name, "the name")
    _token(name, tomllib.loads(line)[name], name)
    return line


def _check_name(name: str, where: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{where} must be 1 to 64 letters, digits, - and _, and is {name!r}")


def _token(name: str, line: Any, where: str) -> Token:
    _check_name(name, where)
    if not isinstance(line, Mapping):
        raise ValueError(f'{where} must be a table: {name} = {{ sha256 = "..." }}')
    known = ("sha256", *_NUMBERS, *_NAMES)
    for key in line:
        if key not in known:
            raise ValueError(f"{where} has no {key!r}; there are {', '.join(known)}")
    digest = line.get("sha256")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ValueError(f"{where}.sha256 must be the 64 hexadecimal digits of a SHA-256, in small letters")
    for key, kind in _NUMBERS.items():
        value = line.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, (int, kind)) or not 0 <= value < math.inf:
            raise ValueError(f"{where}.{key} must be a number of at least 0, and is {value!r}")
    allowed = {key: _names(line.get(key), f"{where}.{key}", known) for key, known in _NAMES.items()}
    quota = Quota(**{key: line[key] for key in _NUMBERS if key in line})
    return Token(name, bytes.fromhex(digest), quota, **allowed)


def _names(value: Any, where: str, known: Collection[str] | None) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{where} must be a list of names, and is {value!r}")
    for name in value:
        if known is not None and name not in known:
            raise ValueError(f"{where}: there is no {name!r}; there are {', '.join(known)}")
    return frozenset(value)
