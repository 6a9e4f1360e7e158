"""The caller's own name for a request."""

from typing import Any

from zoo_server.interceptors.unary_twin import unary_request


def request_id_of(request: Any) -> str:
    """Its `request_id` if it has a sound one, else the empty string."""
    request_id: str = getattr(unary_request(request), "request_id", "")
    sound = len(request_id) <= 128 and request_id.isascii() and request_id.isprintable()
    return request_id if sound else ""
