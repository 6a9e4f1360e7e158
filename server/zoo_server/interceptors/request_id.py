"""The caller's own name for a request."""

from typing import Any

_INNER = ("sample", "translate", "score")
"""Where the request of a streaming method holds that of its unary twin."""


def request_id_of(request: Any) -> str:
    """Its `request_id` if it has a sound one, else the empty string."""
    for name in _INNER:
        request = getattr(request, name, request)
    request_id: str = getattr(request, "request_id", "")
    sound = len(request_id) <= 128 and request_id.isascii() and request_id.isprintable()
    return request_id if sound else ""
