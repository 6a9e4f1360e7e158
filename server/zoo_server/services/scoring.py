"""ScoringService: how likely, or how good, a model holds pictures to be."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

import grpc
import numpy as np

from pixelzoo.v1 import recipe_pb2
from pixelzoo.v1.capability_pb2 import CAPABILITY_KIND_SCORE
from pixelzoo.v1.scoring_service_pb2 import (
    ImageScore,
    ScoreRequest,
    ScoreResponse,
    ScoreValue,
    StreamScoreRequest,
    StreamScoreResponse,
)
from pixelzoo.v1.scoring_service_pb2_grpc import ScoringServiceServicer
from zoo_server import validation
from zoo_server.arrays import Array
from zoo_server.engine.engine import Engine
from zoo_server.engine.events import Progress, Result
from zoo_server.services.deadline import deadline_of
from zoo_server.services.plan import Plan, Planner
from zoo_server.services.progress import progress_message

_DEFAULT_SEED = 0
"""Unlike in sampling: equal requests give equal scores."""


class ScoringService(ScoringServiceServicer):
    """Score, and StreamScore with the same scores and news on the way."""

    def __init__(self, planner: Planner, engine: Engine) -> None:
        self._planner = planner
        self._engine = engine

    async def Score(
        self, request: ScoreRequest, context: grpc.aio.ServicerContext[ScoreRequest, ScoreResponse]
    ) -> ScoreResponse:
        validation.check(request)
        deadline = deadline_of(context)
        plan = await self._planner.plan(
            request, CAPABILITY_KIND_SCORE, deadline=deadline, default_seed=_DEFAULT_SEED
        )
        outputs = await self._engine.run(
            plan.program, plan.inputs(), deadline, reproducible=plan.reproducible
        )
        return ScoreResponse(scores=[_image_score(plan, index, row) for index, row in enumerate(outputs)])

    async def StreamScore(
        self,
        request: StreamScoreRequest,
        context: grpc.aio.ServicerContext[StreamScoreRequest, StreamScoreResponse],
    ) -> AsyncIterator[StreamScoreResponse]:
        validation.check(request)
        deadline = deadline_of(context)
        plan = await self._planner.plan(
            request.score,
            CAPABILITY_KIND_SCORE,
            deadline=deadline,
            prefix="score.",
            default_seed=_DEFAULT_SEED,
        )
        run = self._engine.stream(plan.program, plan.inputs(), deadline, reproducible=plan.reproducible)
        async with run as events, aclosing(events):
            async for event in events:
                match event:
                    case Progress():
                        yield StreamScoreResponse(progress=progress_message(event))
                    case Result():
                        yield StreamScoreResponse(score=_image_score(plan, event.index, event.outputs))


def _image_score(plan: Plan, index: int, outputs: Mapping[str, Array]) -> ImageScore:
    score = ImageScore(index=index, recipe=plan.recipe(recipe_pb2.ScoreRecipe, index))
    for output in plan.program.capability.scores:
        values = outputs[output.name]
        for entry, value in enumerate(np.atleast_1d(values).tolist()):
            score.values.append(
                ScoreValue(
                    name=output.name,
                    kind=output.kind,
                    unit=output.unit,
                    value=value,
                    exact=output.exact,
                    entry=entry if values.ndim else None,
                )
            )
    return score
