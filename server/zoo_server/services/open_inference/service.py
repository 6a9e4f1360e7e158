"""GRPCInferenceService: the Open Inference Protocol, for clients that speak nothing else."""

import importlib.metadata
from collections.abc import Callable, Sequence
from functools import cache

import grpc
import numpy as np

from pixelzoo.v1.model_pb2 import ModelSelector
from zoo_server import errors
from zoo_server.arrays import Array
from zoo_server.call_error import CallError
from zoo_server.engine.engine import Engine
from zoo_server.open_inference.grpc_service_pb2 import (
    InferParameter,
    ModelInferRequest,
    ModelInferResponse,
    ModelMetadataRequest,
    ModelMetadataResponse,
    ModelReadyRequest,
    ModelReadyResponse,
    ServerLiveRequest,
    ServerLiveResponse,
    ServerMetadataRequest,
    ServerMetadataResponse,
    ServerReadyRequest,
    ServerReadyResponse,
)
from zoo_server.open_inference.grpc_service_pb2_grpc import GRPCInferenceServiceServicer
from zoo_server.repository.model import LoadedModel
from zoo_server.repository.program import Program
from zoo_server.repository.repository import Repository
from zoo_server.services.deadline import deadline_of, sooner
from zoo_server.services.image_pool import ImagePool
from zoo_server.services.open_inference import given, signature, tensors
from zoo_server.services.open_inference.items import Items
from zoo_server.services.open_inference.names import capability_of, names_of, selector_of
from zoo_server.services.open_inference.signature import Tensor
from zoo_server.services.open_inference.wording import of_open_inference
from zoo_server.services.plan import Plan, Planner

_NAME = "pixelzoo"
_PLATFORM = "tensorflow_savedmodel"


class OpenInferenceService(GRPCInferenceServiceServicer):
    """Readiness, metadata and ModelInfer. A model is named as `MODEL`, for its samples, or as `MODEL:CAPABILITY`."""

    def __init__(
        self,
        repository: Repository,
        planner: Planner,
        engine: Engine,
        pool: ImagePool,
        max_response_bytes: int,
        is_serving: Callable[[], bool],
    ) -> None:
        """`max_response_bytes` is the most that the pixels of one response may have."""
        self._repository = repository
        self._planner = planner
        self._engine = engine
        self._pool = pool
        self._max_response_bytes = max_response_bytes
        self._is_serving = is_serving

    async def ServerLive(
        self,
        request: ServerLiveRequest,
        context: grpc.aio.ServicerContext[ServerLiveRequest, ServerLiveResponse],
    ) -> ServerLiveResponse:
        return ServerLiveResponse(live=True)

    async def ServerReady(
        self,
        request: ServerReadyRequest,
        context: grpc.aio.ServicerContext[ServerReadyRequest, ServerReadyResponse],
    ) -> ServerReadyResponse:
        return ServerReadyResponse(ready=self._is_serving())

    async def ServerMetadata(
        self,
        request: ServerMetadataRequest,
        context: grpc.aio.ServicerContext[ServerMetadataRequest, ServerMetadataResponse],
    ) -> ServerMetadataResponse:
        return ServerMetadataResponse(name=_NAME, version=_version())

    async def ModelReady(
        self,
        request: ModelReadyRequest,
        context: grpc.aio.ServicerContext[ModelReadyRequest, ModelReadyResponse],
    ) -> ModelReadyResponse:
        with of_open_inference():
            kind = capability_of(request.name)
            selector = self._selector(request.name, request.version)
            try:
                version = self._repository.find(selector)
            except CallError:
                # Existing clients ask so until a model turns up: it is not ready yet, which is no error of theirs.
                return ModelReadyResponse(ready=False)
            if not isinstance(version, LoadedModel):
                return ModelReadyResponse(ready=False)
            self._planner.program(version, kind, _how_to_call)
            return ModelReadyResponse(ready=self._is_serving())

    async def ModelMetadata(
        self,
        request: ModelMetadataRequest,
        context: grpc.aio.ServicerContext[ModelMetadataRequest, ModelMetadataResponse],
    ) -> ModelMetadataResponse:
        with of_open_inference():
            model, program = self._choose(request.name, request.version)
        versions = self._repository.versions(model.name)
        return ModelMetadataResponse(
            name=request.name,
            versions=[str(one.number) for one in versions if isinstance(one, LoadedModel)],
            platform=_PLATFORM,
            inputs=[tensor.metadata() for tensor in signature.inputs(program).values()],
            outputs=[tensor.metadata() for tensor in signature.outputs(program).values()],
        )

    async def ModelInfer(
        self,
        request: ModelInferRequest,
        context: grpc.aio.ServicerContext[ModelInferRequest, ModelInferResponse],
    ) -> ModelInferResponse:
        with of_open_inference():
            model, program = self._choose(request.model_name, request.model_version)
            wanted = _wanted(request, program)
            asked = given.read(
                request, program, lambda count, path: self._planner.check_count(count, model, path)
            )
            deadline = sooner(deadline_of(context), asked.timeout)
            plans = await Items(self._planner, model, program, asked, deadline).plans()
            self._check_size(plans, wanted, asked.longest)
        rows = await self._engine.run(
            program,
            [row for plan in plans for row in plan.inputs()],
            deadline,
            reproducible=asked.reproducible,
        )
        seeds = [{"seed": np.asarray(seed)} for plan in plans for seed in plan.seeds]
        results = {
            tensor.name: [{**seed, **row}[tensor.name] for seed, row in zip(seeds, rows, strict=True)]
            for tensor in wanted
        }
        return await self._response(request, model, wanted, results)

    def _choose(self, name: str, version: str) -> tuple[LoadedModel, Program]:
        kind = capability_of(name)
        return self._planner.choose(self._selector(name, version), kind, _how_to_call)

    def _selector(self, name: str, version: str) -> ModelSelector:
        return selector_of(name, version, self._repository.names)

    def _check_size(self, plans: Sequence[Plan], wanted: Sequence[Tensor], path: str) -> None:
        """Raises TOO_MANY_IMAGES if the pictures that `plans` give are too much for one response."""
        needed = sum(size for plan in plans for size in plan.picture_bytes())
        if needed > self._max_response_bytes and any(tensor.is_picture for tensor in wanted):
            raise errors.response_too_large(path, needed, self._max_response_bytes)

    async def _response(
        self,
        request: ModelInferRequest,
        model: LoadedModel,
        wanted: Sequence[Tensor],
        results: dict[str, list[Array]],
    ) -> ModelInferResponse:
        response = ModelInferResponse(
            model_name=request.model_name,
            model_version=str(model.number),
            id=request.id,
            parameters={"digest": InferParameter(string_param=model.version.digest)},
        )
        for tensor in wanted:
            rows = results[tensor.name] = [
                row.astype(tensors.DTYPES[tensor.datatype], copy=False) for row in results[tensor.name]
            ]
            response.outputs.add(
                name=tensor.name, datatype=tensor.datatype, shape=[len(rows), *rows[0].shape]
            )
        response.raw_output_contents.extend(
            await self._pool.join([results[tensor.name] for tensor in wanted])
        )
        return response


@cache
def _version() -> str:
    """That of the program; empty where it runs from its sources, as in the container image."""
    try:
        return importlib.metadata.version(_NAME)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _wanted(request: ModelInferRequest, program: Program) -> list[Tensor]:
    """The outputs that are to come back, in the order in which they were asked for; raises INVALID_FIELD."""
    known = signature.outputs(program)
    wanted: dict[str, Tensor] = {}
    for index, output in enumerate(request.outputs):
        path = f"outputs[{index}]"
        if output.name not in known:
            rule = f"there is no output {output.name[:64]!r}; there are: {', '.join(known)}"
            raise errors.invalid_field(f"{path}.name", rule)
        if output.name in wanted:
            raise errors.invalid_field(
                f"{path}.name", f"asks for {output.name} again: ask for each output once"
            )
        if output.parameters:
            rule = "takes no parameters: this server shares no memory with its clients and sorts no classes"
            raise errors.invalid_field(f"{path}.parameters", rule)
        wanted[output.name] = known[output.name]
    return list((wanted or known).values())


def _how_to_call(model: LoadedModel) -> str:
    """What a model without the capability asked for can do, by the names that callers have for it."""
    return f"call it {' or '.join(f'`{name}`' for name in names_of(model))}"
