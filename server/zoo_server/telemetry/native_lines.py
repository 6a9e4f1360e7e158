"""TensorFlow's native code writes lines of its own to the standard error while it is imported; no variable stops it."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)
_STDERR = 2


@contextmanager
def native_lines_logged() -> Iterator[None]:
    """What is written to the standard error meanwhile becomes lines of the log, in whatever format that has."""
    with tempfile.TemporaryFile() as aside:
        saved = os.dup(_STDERR)
        os.dup2(aside.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(saved, _STDERR)
            os.close(saved)
            aside.seek(0)
            for line in aside.read().decode(errors="replace").splitlines():
                _log.info("%s", line)
