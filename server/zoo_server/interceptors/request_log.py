"""One line in the log for every call: what was called, how it ended and how long it took. Never a payload."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from zoo_server.interceptors.handlers import Context, wrap
from zoo_server.interceptors.request_id import request_id_of

_log = logging.getLogger(__name__)
_QUIET = ("/grpc.health.", "/grpc.reflection.")
"""Services that load balancers and tools call all the time."""


class RequestLogInterceptor(grpc.aio.ServerInterceptor):
    """Put it outermost: it logs what the others made of the call."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method = str(handler_call_details.method)
        if method.startswith(_QUIET):
            return handler

        async def around(request: Any, context: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
            start = time.monotonic()
            ended = "OK"
            try:
                return await proceed()
            except asyncio.CancelledError:
                ended = "CANCELLED"
                raise
            except BaseException:
                ended = _code_name(context.code())
                raise
            finally:
                milliseconds = 1000 * (time.monotonic() - start)
                name = request_id_of(request)
                suffix = f" request_id={name}" if name else ""
                _log.info("%s %s %.0f ms%s", method.removeprefix("/"), ended, milliseconds, suffix)

        return wrap(handler, around)


def _code_name(code: Any) -> str:
    """The context gives a StatusCode, or its number, by the way in which it was set."""
    if isinstance(code, grpc.StatusCode):
        return code.name
    return next((known.name for known in grpc.StatusCode if known.value[0] == code), "UNKNOWN")
