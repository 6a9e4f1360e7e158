"""Everything that surrounds the services, as the one interceptor that gRPC sees.

grpc.aio takes as long for each interceptor as for a good part of a small call, so there is one; what its layers put
around a method is put together once.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc

from zoo_server.call_error import CallError
from zoo_server.interceptors.handlers import refuse


class Layer:
    """One concern. The outer layers see what the inner ones make of a call."""

    def admit(self, details: grpc.HandlerCallDetails) -> None:
        """Raise a CallError to have the call refused, its request unread; the layers outside of this one see it."""

    def around(self, handler: Any, method: str) -> Any:
        """`handler`, of the known `method`, with what this layer does around it. Asked once for each method."""
        return handler

    def unknown(self) -> None:
        """There has been a call of a method that there is not; gRPC answers it UNIMPLEMENTED."""


class Layers(grpc.aio.ServerInterceptor):
    """Layers, from the outermost to the innermost."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = tuple(layers)
        self._surrounded: dict[str, Any] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            for layer in self._layers:
                layer.unknown()
            return None
        method = str(handler_call_details.method)
        for depth, layer in enumerate(self._layers):
            try:
                layer.admit(handler_call_details)
            except CallError as error:
                return self._surround(refuse(error), method, depth)
        if method not in self._surrounded:
            self._surrounded[method] = self._surround(handler, method, len(self._layers))
        return self._surrounded[method]

    def _surround(self, handler: Any, method: str, depth: int) -> Any:
        for layer in reversed(self._layers[:depth]):
            handler = layer.around(handler, method)
        return handler
