"""The request of a streaming method, seen as that of its unary twin."""

from typing import Any

_INNER = ("sample", "translate", "score")
"""Where the request of a streaming method holds it."""


def unary_request(request: Any) -> Any:
    """The unary request inside `request`, or `request` itself if it is one."""
    for name in _INNER:
        request = getattr(request, name, request)
    return request
