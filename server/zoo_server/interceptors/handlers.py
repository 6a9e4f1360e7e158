"""Wraps the handlers of methods: unary and server-streaming ones, as all of `pixelzoo.v1` are, and reflection's."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from zoo_server.call_error import CallError

Context = grpc.aio.ServicerContext[Any, Any]
Around = Callable[[Any, Context, Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""(request, context, proceed): awaits `proceed()` and gives what it gives, doing what it likes around that."""


def wrap(handler: Any, around: Around) -> Any:
    """`handler` with `around` about it; where the client streams too, `request` is the iterator of its messages.

    A streaming method becomes a coroutine that writes its messages itself. Then a cancelled call interrupts it where
    it stands, even while a slow reader holds up a write, and its generator is closed at once, not when it is collected.
    """
    if handler is None:
        return handler
    if handler.request_streaming:

        async def both(requests: Any, context: Context) -> None:
            await around(
                requests, context, lambda: _write_all(handler.stream_stream(requests, context), context)
            )

        return grpc.stream_stream_rpc_method_handler(
            both, handler.request_deserializer, handler.response_serializer
        )
    if not handler.response_streaming:

        async def unary(request: Any, context: Context) -> Any:
            return await around(request, context, lambda: handler.unary_unary(request, context))

        return grpc.unary_unary_rpc_method_handler(
            unary, _tolerant(handler.request_deserializer), handler.response_serializer
        )

    async def stream(request: Any, context: Context) -> None:
        await around(request, context, lambda: _write_all(handler.unary_stream(request, context), context))

    return grpc.unary_stream_rpc_method_handler(
        stream, _tolerant(handler.request_deserializer), handler.response_serializer
    )


def _tolerant(deserializer: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """A request that cannot be read becomes the error itself, to be answered as one of the client's.

    gRPC would answer INTERNAL without details, as if the mistake were the server's.
    """

    def deserialize(data: bytes) -> Any:
        try:
            return deserializer(data)
        except DecodeError as error:
            return error

    return deserialize


def refuse(error: CallError) -> Any:
    """A handler that raises `error`, for any method: it takes a stream of requests, of which it reads none."""

    async def refused(requests: Any, context: Context) -> None:
        raise error

    return grpc.stream_stream_rpc_method_handler(refused)


async def _write_all(responses: AsyncIterator[Any] | Awaitable[None], context: Context) -> None:
    if not isinstance(responses, AsyncIterator):
        await responses
        return
    async with aclosing(responses) as open_responses:  # type: ignore[type-var]
        async for response in open_responses:
            await context.write(response)
