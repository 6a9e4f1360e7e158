"""The outer fuse: beyond a number of calls in flight, of all clients together, calls are refused unread."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from zoo_server.errors import too_many_calls
from zoo_server.interceptors.handlers import Context, refuse, wrap
from zoo_server.interceptors.side_services import HEALTH


class FuseInterceptor(grpc.aio.ServerInterceptor):
    """Put it within the one that sends errors, and outside of all that costs anything."""

    def __init__(self, max_calls: int) -> None:
        self._max_calls = max_calls
        self._calls = 0

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        # A supervisor that hears nothing would end the server for being busy; watches have a limit of their own.
        if str(handler_call_details.method).startswith(HEALTH):
            return await continuation(handler_call_details)
        if self._calls >= self._max_calls:
            return refuse(too_many_calls(self._max_calls))
        return wrap(await continuation(handler_call_details), self._around)

    async def _around(self, request: Any, context: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
        # Others may have begun while this one's request was on its way.
        if self._calls >= self._max_calls:
            raise too_many_calls(self._max_calls)
        self._calls += 1
        try:
            return await proceed()
        finally:
            self._calls -= 1
