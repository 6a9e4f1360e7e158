"""Mistakes of ours: the log gets everything under an id, the client gets the id."""

import logging
import secrets

from zoo_server.call_error import CallError
from zoo_server.errors import internal_error

_log = logging.getLogger(__name__)


def report(what: str, error: BaseException) -> CallError:
    """Log `error` with its traceback under a fresh id; gives the INTERNAL error that names the id and nothing more."""
    error_id = secrets.token_hex(6)
    _log.error("internal error %s: %s", error_id, what, exc_info=error)
    return internal_error(error_id)
