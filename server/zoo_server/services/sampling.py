"""SamplingService: new pictures."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc

from pixelzoo.v1 import progress_pb2, recipe_pb2
from pixelzoo.v1.capability_pb2 import CAPABILITY_KIND_SAMPLE
from pixelzoo.v1.sampling_service_pb2 import (
    SampleRequest,
    SampleResponse,
    StreamSampleRequest,
    StreamSampleResponse,
)
from pixelzoo.v1.sampling_service_pb2_grpc import SamplingServiceServicer
from zoo_server import validation
from zoo_server.services.deadline import deadline_of
from zoo_server.services.pictures import Picture, Pictures, check_preview_interval
from zoo_server.services.plan import Plan, Planner


class SamplingService(SamplingServiceServicer):
    """Sample, and StreamSample with the same pictures and news on the way."""

    def __init__(self, planner: Planner, pictures: Pictures) -> None:
        self._planner = planner
        self._pictures = pictures

    async def Sample(
        self, request: SampleRequest, context: grpc.aio.ServicerContext[SampleRequest, SampleResponse]
    ) -> SampleResponse:
        validation.check(request)
        deadline = deadline_of(context)
        plan = await self._plan(request, deadline)
        pictures = await self._pictures.all(plan, request.encoding, recipe_pb2.Recipe, deadline)
        return SampleResponse(images=[_generated(picture) for picture in pictures])

    async def StreamSample(
        self,
        request: StreamSampleRequest,
        context: grpc.aio.ServicerContext[StreamSampleRequest, StreamSampleResponse],
    ) -> AsyncIterator[StreamSampleResponse]:
        validation.check(request)
        deadline = deadline_of(context)
        plan = await self._plan(request.sample, deadline, "sample.")
        check_preview_interval(request.preview_interval, plan)
        news = self._pictures.stream(
            plan, request.sample.encoding, recipe_pb2.Recipe, deadline, request.preview_interval
        )
        async with aclosing(news):
            async for event in news:
                match event:
                    case Picture():
                        yield StreamSampleResponse(image=_generated(event))
                    case progress_pb2.Progress():
                        yield StreamSampleResponse(progress=event)
                    case progress_pb2.Preview():
                        yield StreamSampleResponse(preview=event)

    async def _plan(self, request: SampleRequest, deadline: float | None, prefix: str = "") -> Plan:
        count = request.count if request.HasField("count") else 1
        return await self._planner.plan(
            request, CAPABILITY_KIND_SAMPLE, deadline=deadline, prefix=prefix, count=count
        )


def _generated(picture: Picture) -> recipe_pb2.GeneratedImage:
    return recipe_pb2.GeneratedImage(image=picture.image, index=picture.index, recipe=picture.recipe)
