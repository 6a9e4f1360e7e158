"""grpc.health.v1: the server, its services, and each model and version by a name of its own.

A model is asked for as `pixelzoo.v1.Model/<name>`, SERVING while some version of it can be called; a version as
`pixelzoo.v1.Model/<name>/<version>`, SERVING while it can be. What is loading, has failed or is not kept loaded is
NOT_SERVING. What is not there is NOT_FOUND to Check, and SERVICE_UNKNOWN to Watch, which goes on and hears if it comes.
"""

from collections.abc import Iterable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2

from pixelzoo.v1 import catalog_service_pb2
from zoo_server.repository.model import LoadedModel
from zoo_server.repository.repository import Repository

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN

_MODEL = catalog_service_pb2.Model.DESCRIPTOR.full_name


class HealthService(health.aio.HealthServicer):
    """Check and Watch. `enter_graceful_shutdown` makes everything NOT_SERVING for good."""

    def __init__(self, repository: Repository) -> None:
        super().__init__()
        self._repository = repository
        self._statuses: dict[str, Any] = {}

    async def Check(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.aio.ServicerContext[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse],
    ) -> health_pb2.HealthCheckResponse:
        response = await super().Check(request, context)
        if response.status == _UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no {request.service!r} any more")
        return response

    async def serve(self, services: Iterable[str]) -> None:
        """From now on these services are SERVING."""
        for service in services:
            await self.set(service, _SERVING)

    async def follow_models(self) -> None:
        """Set the status of each model and version to what the repository says now; watchers hear what changed."""
        statuses: dict[str, Any] = {}
        for name in self._repository.names:
            versions = self._repository.versions(name)
            available = [isinstance(version, LoadedModel) for version in versions]
            statuses[f"{_MODEL}/{name}"] = _SERVING if any(available) else _NOT_SERVING
            for version, can_be_called in zip(versions, available, strict=True):
                statuses[f"{_MODEL}/{name}/{version.number}"] = _SERVING if can_be_called else _NOT_SERVING
        for service in self._statuses.keys() | statuses.keys():
            status = statuses.get(service, _UNKNOWN)
            if self._statuses.get(service) != status:
                await self.set(service, status)
        self._statuses = statuses
