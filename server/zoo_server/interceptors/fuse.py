"""The outer fuse: beyond a number of calls in flight, of all clients together, calls are refused unread."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from zoo_server.errors import too_many_calls
from zoo_server.interceptors.handlers import Context, wrap
from zoo_server.interceptors.layers import Layer
from zoo_server.interceptors.side_services import HEALTH


class FuseLayer(Layer):
    """Put it within the one that sends errors, and outside of all that costs anything."""

    def __init__(self, max_calls: int) -> None:
        self._max_calls = max_calls
        self._calls = 0

    def admit(self, details: grpc.HandlerCallDetails) -> None:
        # A supervisor that hears nothing would end the server for being busy; watches have a limit of their own.
        if self._calls >= self._max_calls and not str(details.method).startswith(HEALTH):
            raise too_many_calls(self._max_calls)

    def around(self, handler: Any, method: str) -> Any:
        return handler if method.startswith(HEALTH) else wrap(handler, self._counted)

    async def _counted(self, request: Any, context: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
        # Others may have begun while this one's request was on its way.
        if self._calls >= self._max_calls:
            raise too_many_calls(self._max_calls)
        self._calls += 1
        try:
            return await proceed()
        finally:
            self._calls -= 1
