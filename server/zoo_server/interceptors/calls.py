"""Knows each call from its begin to its end, and tells those who write the log, count, and trace."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc

from zoo_server.calls import UNKNOWN_METHOD, Call, Listener
from zoo_server.interceptors.handlers import Context, wrap
from zoo_server.interceptors.layers import Layer
from zoo_server.interceptors.peers import kind_and_host
from zoo_server.interceptors.request_id import request_id_of
from zoo_server.interceptors.side_services import SIDE_SERVICES


class CallsLayer(Layer):
    """Put it outermost: it sees what the others made of the call."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners

    def unknown(self) -> None:
        call = Call(UNKNOWN_METHOD, listeners=self._listeners, code="UNIMPLEMENTED")
        call.begin()
        call.end()

    def around(self, handler: Any, method: str) -> Any:
        if method.startswith(SIDE_SERVICES):
            return handler

        async def told(request: Any, context: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
            call = Call(
                method.removeprefix("/"),
                peer=_without_port(context.peer()),
                metadata=tuple(context.invocation_metadata() or ()),
                listeners=self._listeners,
                request_id=request_id_of(request),
            )
            call.begin()
            try:
                return await proceed()
            except asyncio.CancelledError:
                call.code = "DEADLINE_EXCEEDED" if _late(context) else "CANCELLED"
                raise
            except BaseException:
                call.code = _code_name(context.code())
                raise
            finally:
                call.end()

        return wrap(handler, told)


def _without_port(peer: str) -> str:
    """The address of a peer such as `ipv4:10.0.0.7:51234`: a port says nothing, and makes every line another one."""
    kind, host = kind_and_host(peer)
    return kind if host is None else host


def _late(context: Context) -> bool:
    # Its declared type has no None, which it gives for a call without a deadline.
    remaining: float | None = context.time_remaining()
    return remaining is not None and remaining <= 0


def _code_name(code: Any) -> str:
    """The context gives a StatusCode, or its number, by the way in which it was set."""
    if isinstance(code, grpc.StatusCode):
        return code.name
    return next((known.name for known in grpc.StatusCode if known.value[0] == code), "UNKNOWN")
