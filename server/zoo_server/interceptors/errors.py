"""Sends errors: those that a service raises as they are, and mistakes as INTERNAL with an id and nothing else."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from zoo_server import calls, incidents
from zoo_server.call_error import CallError
from zoo_server.errors import invalid_field
from zoo_server.interceptors.handlers import Context, wrap
from zoo_server.interceptors.layers import Layer
from zoo_server.interceptors.request_id import request_id_of

_PUSHBACK = "grpc-retry-pushback-ms"
"""Where clients that repeat calls by themselves (gRFC A6) look for how long to wait first."""


class ErrorsLayer(Layer):
    """Every error leaves with google.rpc details; no traceback ever leaves."""

    def around(self, handler: Any, method: str) -> Any:
        async def answered(request: Any, context: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
            try:
                if isinstance(request, DecodeError):
                    raise invalid_field(
                        "request", "is not the protobuf message of this method: generate a client anew"
                    )
                return await proceed()
            except CallError as error:
                await _abort(context, error, request)
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 (a mistake, of whatever kind)
                await _abort(context, incidents.report(f"{method} failed", error), request)

        return wrap(handler, answered)


async def _abort(context: Context, error: CallError, request: Any) -> None:
    calls.note(reason=error.reason_name)
    status = rpc_status.to_status(error.to_status(request_id_of(request)))
    await context.abort(status.code, status.details, (*status.trailing_metadata, *_pushback(error)))


def _pushback(error: CallError) -> list[tuple[str, str]]:
    """The wait of a server that has too much to do. One that is going down asks for none: another may answer now."""
    if error.code != grpc.StatusCode.RESOURCE_EXHAUSTED:
        return []
    return [
        (_PUSHBACK, str(detail.retry_delay.ToMilliseconds()))
        for detail in error.details
        if isinstance(detail, error_details_pb2.RetryInfo)
    ]
