"""CatalogService: which models there are, and what each can do."""

import base64
import binascii
from collections.abc import Sequence

import grpc

from pixelzoo.v1 import catalog_service_pb2
from pixelzoo.v1.catalog_service_pb2 import (
    GetModelRequest,
    GetModelResponse,
    ListModelsRequest,
    ListModelsResponse,
    Model,
    VersionStatus,
)
from pixelzoo.v1.catalog_service_pb2_grpc import CatalogServiceServicer
from pixelzoo.v1.model_pb2 import ModelSelector
from zoo_server import errors, validation
from zoo_server.repository.model import FailedModel, LoadedModel, LoadingModel, UnloadedModel, Version
from zoo_server.repository.repository import Repository

_DEFAULT_PAGE, _LARGEST_PAGE = 50, 100
_TOKEN_MARK = "after:"

_STATES = {
    LoadedModel: catalog_service_pb2.MODEL_STATE_AVAILABLE,
    LoadingModel: catalog_service_pb2.MODEL_STATE_LOADING,
    FailedModel: catalog_service_pb2.MODEL_STATE_FAILED,
    UnloadedModel: catalog_service_pb2.MODEL_STATE_UNLOADED,
}


class CatalogService(CatalogServiceServicer):
    """ListModels and GetModel."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def ListModels(
        self,
        request: ListModelsRequest,
        context: grpc.aio.ServicerContext[ListModelsRequest, ListModelsResponse],
    ) -> ListModelsResponse:
        validation.check(request)
        size = min(request.page_size or _DEFAULT_PAGE, _LARGEST_PAGE)
        after = _read_token(request.page_token)
        names = [name for name in self._repository.names if name > after]
        page, more = names[:size], len(names) > size
        models = [self._describe(self._repository.find(ModelSelector(name=name))) for name in page]
        return ListModelsResponse(models=models, next_page_token=_write_token(page[-1]) if more else "")

    async def GetModel(
        self, request: GetModelRequest, context: grpc.aio.ServicerContext[GetModelRequest, GetModelResponse]
    ) -> GetModelResponse:
        validation.check(request)
        return GetModelResponse(model=self._describe(self._repository.find(request.model)))

    def _describe(self, version: Version) -> Model:
        labels = self._repository.shelf(version.name).labels
        statuses = [
            _status(other, sorted(label for label, number in labels.items() if number == other.number))
            for other in self._repository.versions(version.name)
        ]
        if not isinstance(version, LoadedModel):
            return Model(name=version.name, versions=statuses)
        return Model(
            name=version.name,
            version=version.number,
            digest=version.version.digest,
            card=version.card,
            versions=statuses,
        )


def _status(version: Version, labels: Sequence[str]) -> VersionStatus:
    status = VersionStatus(version=version.number, state=_STATES[type(version)], labels=labels)
    match version:
        case LoadedModel():
            status.digest = version.version.digest
        case FailedModel():
            status.message = version.why
    return status


def _write_token(name: str) -> str:
    """A page token is the last name of its page, wrapped so that nobody comes to rely on that."""
    return base64.urlsafe_b64encode((_TOKEN_MARK + name).encode()).decode()


def _read_token(token: str) -> str:
    """The name that the page comes after; raises INVALID_FIELD for a token that no server gave."""
    if not token:
        return ""
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        text = ""
    if not text.startswith(_TOKEN_MARK):
        raise errors.invalid_field("page_token", "is not a next_page_token of this server: leave it empty")
    return text.removeprefix(_TOKEN_MARK)
