"""The caller's own name for a request."""

from typing import Any

from zoo_server.interceptors.unary_twin import unary_request
from zoo_server.open_inference.grpc_service_pb2 import ModelInferRequest


def request_id_of(request: Any) -> str:
    """Its `request_id`, or `id` in the Open Inference Protocol, if it has a sound one, else the empty string."""
    open_inference = isinstance(request, ModelInferRequest)
    request_id: str = request.id if open_inference else getattr(unary_request(request), "request_id", "")
    sound = len(request_id) <= 128 and request_id.isascii() and request_id.isprintable()
    return request_id if sound else ""
