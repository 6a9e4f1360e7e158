"""The model that a request names."""

from typing import Any

from zoo_server.interceptors.unary_twin import unary_request
from zoo_server.open_inference.grpc_service_pb2 import (
    ModelInferRequest,
    ModelMetadataRequest,
    ModelReadyRequest,
)


def requested_model(request: Any) -> str:
    """Its name, whatever is wrong with it; empty for a request that names none."""
    match request:
        case ModelInferRequest():
            return _without_capability(request.model_name)
        case ModelMetadataRequest() | ModelReadyRequest():
            return _without_capability(request.name)
        case _:
            return getattr(getattr(unary_request(request), "model", None), "name", "")


def _without_capability(name: str) -> str:
    return name.partition(":")[0]
