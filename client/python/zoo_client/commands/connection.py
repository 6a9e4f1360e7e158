"""What every calling subcommand has in common: which server to call, and how to reach it.

The environment says more, such as the token to send: see `zoo_client.environment`.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, TypeAlias

import typer

from zoo_client import environment
from zoo_client.client import Client
from zoo_client.local import local_server

TIMEOUT = 24 * 3600.0  # Who waits at a prompt has Ctrl-C for a deadline.

Target: TypeAlias = Annotated[
    str | None,
    typer.Option(
        envvar=environment.TARGET,
        metavar="HOST:PORT",
        help=f"The server to call ({environment.DEFAULT_TARGET}), or several: IP:PORT,IP:PORT.",
    ),
]
Local: TypeAlias = Annotated[
    bool, typer.Option("--local", help="Start a server for this call, and stop it after.")
]
Models: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="With --local: the models to serve, instead of those that come along."),
]


@contextmanager
def connect(target: str | None, local: bool, models: Path | None) -> Iterator[Client]:
    """A client for the server that the options name; with --local it is started first, and stopped after."""
    if not local:
        if models is not None:
            raise typer.BadParameter("--models needs --local: a server that runs already has its own.")
        with Client.from_env(target, timeout=TIMEOUT) as client:
            yield client
        return
    signal.signal(signal.SIGTERM, _leave)
    with local_server(models) as address, Client(address, timeout=TIMEOUT) as client:
        yield client


def _leave(number: int, frame: FrameType | None) -> None:
    """On SIGTERM: go out through every `finally`, so that the server is stopped as well."""
    raise SystemExit(128 + number)
