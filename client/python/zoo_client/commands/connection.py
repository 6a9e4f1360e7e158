"""What every calling subcommand has in common: which server to call, and how to reach it.

The environment may say more: PIXELZOO_TOKEN is the token to send, and PIXELZOO_TLS_CA names the PEM file of the
authority that vouches for the server; then the connection is encrypted.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, TypeAlias

import grpc
import typer

from zoo_client import channel
from zoo_client.client import Client
from zoo_client.local import local_server

TIMEOUT = 24 * 3600.0  # Who waits at a prompt has Ctrl-C for a deadline.

Target: TypeAlias = Annotated[
    str | None,
    typer.Option(envvar="PIXELZOO_TARGET", metavar="HOST:PORT", help="The server to call (localhost:50051)."),
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
        token, credentials = channel.token_from_environment(), _credentials()
        with Client(target, timeout=TIMEOUT, token=token, credentials=credentials) as client:
            yield client
        return
    signal.signal(signal.SIGTERM, _leave)
    with local_server(models) as address, Client(address, timeout=TIMEOUT) as client:
        yield client


def _credentials() -> grpc.ChannelCredentials | None:
    try:
        return channel.credentials_from_environment()
    except OSError as error:
        raise typer.BadParameter(f"PIXELZOO_TLS_CA: {error.filename}: {error.strerror}") from error


def _leave(number: int, frame: FrameType | None) -> None:
    """On SIGTERM: go out through every `finally`, so that the server is stopped as well."""
    raise SystemExit(128 + number)
