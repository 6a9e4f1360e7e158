"""grpc.health.v1: the server, its services, and each model and version by a name of its own.

A model is asked for as `pixelzoo.v1.Model/<name>`, SERVING while some version of it can be called; a version as
`pixelzoo.v1.Model/<name>/<version>`, SERVING while it can be. What is loading, has failed or is not kept loaded is
NOT_SERVING. What is not there is NOT_FOUND to Check, and SERVICE_UNKNOWN to Watch, which goes on and hears if it comes.

grpc_health's own servicer writes to a watcher under the lock that setting a status needs: one that reads nothing would
hold up everybody. Here nothing that is set waits for a client.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pixelzoo.v1 import catalog_service_pb2
from zoo_server.errors import invalid_field, quota_exceeded
from zoo_server.repository.model import LoadedModel
from zoo_server.repository.repository import Repository

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN

_MODEL = catalog_service_pb2.Model.DESCRIPTOR.full_name

_LONGEST_NAME = 200
"""In characters; those of the longest name and version of a model are 166."""

MOST_WATCHERS = 1000
"""Of all clients together: health is open to those without a token too, and each watch is kept in memory."""

_RETRY_SECONDS = 5.0

Context = grpc.aio.ServicerContext[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse]


class HealthService(health_pb2_grpc.HealthServicer):
    """Check and Watch. Belongs to the event loop; `enter_graceful_shutdown` makes everything NOT_SERVING for good."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._statuses: dict[str, Any] = {"": _SERVING}
        self._models: set[str] = set()
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._stopping = False
        self._hanging = False

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        _check_name(request.service)
        status = self._status(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no {request.service!r}")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Context) -> None:
        """Tells the status now, and whenever it is another one; a slow reader misses those in between."""
        _check_name(request.service)
        told = None
        with self._watcher(request.service) as changed:
            while True:
                changed.clear()
                status = self._status(request.service) or _UNKNOWN
                if status != told:
                    await context.write(health_pb2.HealthCheckResponse(status=status))
                    told = status
                await changed.wait()

    @property
    def watchers(self) -> int:
        """How many watches there are."""
        return sum(map(len, self._watchers.values()))

    @property
    def serving(self) -> bool:
        """Whether the server takes calls, which it does until it is stopping."""
        return not self._stopping

    def serve(self, services: Iterable[str]) -> None:
        """From now on these services are SERVING."""
        for service in services:
            self._set(service, _SERVING)

    def set_hanging(self, hanging: bool) -> None:
        """While the engine hangs all is NOT_SERVING; what is set meanwhile holds once it goes on."""
        self._hanging = hanging
        for watchers in self._watchers.values():
            for changed in watchers:
                changed.set()

    def _status(self, service: str) -> Any:
        """None for what there is not."""
        status = self._statuses.get(service)
        return status if status is None or not self._hanging else _NOT_SERVING

    def follow_models(self) -> None:
        """Set the status of each model and version to what the repository says now; watchers hear what changed."""
        statuses: dict[str, Any] = {}
        for name in self._repository.names:
            versions = self._repository.versions(name)
            available = [isinstance(version, LoadedModel) for version in versions]
            statuses[f"{_MODEL}/{name}"] = _SERVING if any(available) else _NOT_SERVING
            for version, can_be_called in zip(versions, available, strict=True):
                statuses[f"{_MODEL}/{name}/{version.number}"] = _SERVING if can_be_called else _NOT_SERVING
        for service in self._models | statuses.keys():
            self._set(service, statuses.get(service))
        self._models = set(statuses)

    def enter_graceful_shutdown(self) -> None:
        """Everything is NOT_SERVING from now on, whatever is set later."""
        for service in tuple(self._statuses):
            self._set(service, _NOT_SERVING)
        self._stopping = True

    def _set(self, service: str, status: Any) -> None:
        """None stands for a service that is no more."""
        if self._stopping or self._statuses.get(service) == status:
            return
        if status is None:
            del self._statuses[service]
        else:
            self._statuses[service] = status
        for changed in self._watchers.get(service, ()):
            changed.set()

    @contextmanager
    def _watcher(self, service: str) -> Iterator[asyncio.Event]:
        """Set whenever the status is another one. Raises QUOTA_EXCEEDED for one watcher too many."""
        if self.watchers >= MOST_WATCHERS:
            remedy = "call Check, or watch again later"
            raise quota_exceeded("all clients", f"{MOST_WATCHERS} health watches", remedy, _RETRY_SECONDS)
        changed = asyncio.Event()
        self._watchers.setdefault(service, set()).add(changed)
        try:
            yield changed
        finally:
            self._watchers[service].remove(changed)
            if not self._watchers[service]:
                del self._watchers[service]


def _check_name(service: str) -> None:
    if len(service) > _LONGEST_NAME:
        raise invalid_field(
            "service", f"has {len(service)} characters and at most {_LONGEST_NAME} are accepted: shorten it"
        )
