"""TranslationService: pictures from pictures, for any model whose card says that it translates."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc

from pixelzoo.v1 import progress_pb2, recipe_pb2
from pixelzoo.v1.capability_pb2 import CAPABILITY_KIND_TRANSLATE
from pixelzoo.v1.translation_service_pb2 import (
    StreamTranslateRequest,
    StreamTranslateResponse,
    TranslateRequest,
    TranslateResponse,
)
from pixelzoo.v1.translation_service_pb2_grpc import TranslationServiceServicer
from zoo_server import validation
from zoo_server.services.deadline import deadline_of
from zoo_server.services.pictures import Picture, Pictures, check_preview_interval
from zoo_server.services.plan import Planner


class TranslationService(TranslationServiceServicer):
    """Translate, and StreamTranslate with the same pictures and news on the way."""

    def __init__(self, planner: Planner, pictures: Pictures) -> None:
        self._planner = planner
        self._pictures = pictures

    async def Translate(
        self,
        request: TranslateRequest,
        context: grpc.aio.ServicerContext[TranslateRequest, TranslateResponse],
    ) -> TranslateResponse:
        validation.check(request)
        deadline = deadline_of(context)
        plan = await self._planner.plan(request, CAPABILITY_KIND_TRANSLATE, deadline=deadline)
        recipe = recipe_pb2.TranslationRecipe
        pictures = await self._pictures.all(plan, request.encoding, recipe, deadline)
        return TranslateResponse(images=[_translated(picture) for picture in pictures])

    async def StreamTranslate(
        self,
        request: StreamTranslateRequest,
        context: grpc.aio.ServicerContext[StreamTranslateRequest, StreamTranslateResponse],
    ) -> AsyncIterator[StreamTranslateResponse]:
        validation.check(request)
        inner = request.translate
        deadline = deadline_of(context)
        plan = await self._planner.plan(
            inner, CAPABILITY_KIND_TRANSLATE, deadline=deadline, prefix="translate."
        )
        check_preview_interval(request.preview_interval, plan)
        recipe = recipe_pb2.TranslationRecipe
        news = self._pictures.stream(plan, inner.encoding, recipe, deadline, request.preview_interval)
        async with aclosing(news):
            async for event in news:
                match event:
                    case Picture():
                        yield StreamTranslateResponse(image=_translated(event))
                    case progress_pb2.Progress():
                        yield StreamTranslateResponse(progress=event)
                    case progress_pb2.Preview():
                        yield StreamTranslateResponse(preview=event)


def _translated(picture: Picture) -> recipe_pb2.TranslatedImage:
    return recipe_pb2.TranslatedImage(image=picture.image, index=picture.index, recipe=picture.recipe)
