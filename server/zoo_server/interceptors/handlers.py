"""Wraps the handler of a unary or server-streaming method; all methods of `pixelzoo.v1` are of these two kinds."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import grpc

Context = grpc.aio.ServicerContext[Any, Any]
Around = Callable[[Any, Context, Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""(request, context, proceed): awaits `proceed()` and gives what it gives, doing what it likes around that."""


def wrap(handler: Any, around: Around) -> Any:
    """`handler` with `around` about it; a handler of another kind comes back as it is.

    A streaming method becomes a coroutine that writes its messages itself. Then a cancelled call interrupts it where
    it stands, even while a slow reader holds up a write, and its generator is closed at once, not when it is collected.
    """
    if handler is None or handler.request_streaming:
        return handler
    if not handler.response_streaming:

        async def unary(request: Any, context: Context) -> Any:
            return await around(request, context, lambda: handler.unary_unary(request, context))

        return grpc.unary_unary_rpc_method_handler(
            unary, handler.request_deserializer, handler.response_serializer
        )

    async def stream(request: Any, context: Context) -> None:
        await around(request, context, lambda: _write_all(handler.unary_stream(request, context), context))

    return grpc.unary_stream_rpc_method_handler(
        stream, handler.request_deserializer, handler.response_serializer
    )


async def _write_all(responses: AsyncIterator[Any] | Awaitable[None], context: Context) -> None:
    if not isinstance(responses, AsyncIterator):
        await responses
        return
    async with aclosing(responses) as open_responses:  # type: ignore[type-var]
        async for response in open_responses:
            await context.write(response)
