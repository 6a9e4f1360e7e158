"""A server of one's own for the length of a call: started, waited for, and stopped again whatever happens."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from zoo_client.errors import LocalServerFailed, MissingExtra

# What `pixelzoo serve` prints once it answers calls: "... ready on 127.0.0.1:43127 ...".
READY = re.compile(r"\bready\b.*?(\S+:\d+)")
STOP_SECONDS = 15.0  # Between asking the server to stop and making it.


@contextmanager
def local_server(models: Path | None = None, *, start_seconds: float = 300.0) -> Iterator[str]:
    """Runs a server in a process of its own, and yields its address "host:port".

    Args:
        models: the folder to serve, <models>/<model>/<version>/; by default the models that come with pixelzoo.
        start_seconds: how long it may take to load them.

    Raises:
        MissingExtra: the server's packages are not installed.
        LocalServerFailed: it ended, or was not ready in time; with the last lines that it wrote.
    """
    if importlib.util.find_spec("tensorflow") is None or importlib.util.find_spec("zoo_server") is None:
        raise MissingExtra("a local server", "server", ["tensorflow"])
    command = [sys.executable, "-m", "zoo_client", "serve", "--host", "127.0.0.1", "--port", "0"]
    if models is not None:
        command += ["--models", str(models)]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log,
        # In a session of its own, a Ctrl-C at the prompt reaches us alone, and we stop it in order.
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        ) as process,
    ):
        try:
            yield _wait_until_ready(process, log, start_seconds)
        finally:
            _stop(process)


def _wait_until_ready(process: subprocess.Popen[str], log: IO[str], seconds: float) -> str:
    """The address that the server prints when it is ready; nothing else is written there."""
    assert process.stdout is not None
    # Reading blocks, so a server that says nothing is ended by the timer, and its end ends the reading.
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            if found := READY.search(line):
                return found[1]
    finally:
        timer.cancel()
    process.wait()
    log.seek(0)
    last = " | ".join(log.read().strip().splitlines()[-5:]) or "it wrote nothing"
    raise LocalServerFailed(f"the server did not become ready (exit status {process.returncode}): {last}")


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
