"""What sampling and translation share: running a plan whose items end as pictures, at once or as a stream."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias

from pixelzoo.v1 import image_pb2, progress_pb2
from zoo_server import errors
from zoo_server.engine.engine import Engine
from zoo_server.engine.events import Preview, Progress, Result
from zoo_server.services.image_pool import ImagePool, Outgoing
from zoo_server.services.plan import Plan
from zoo_server.services.progress import progress_message

_Encoding: TypeAlias = image_pb2.ImageEncoding.ValueType


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture, encoded, and the message that says how it was made."""

    index: int
    image: image_pb2.Image
    recipe: Any


class Pictures:
    """Runs plans and encodes what they give, with a recipe of the type that the service names."""

    def __init__(self, engine: Engine, pool: ImagePool, max_response_bytes: int) -> None:
        """`max_response_bytes` is the most that the pixels of one response may have."""
        self._engine = engine
        self._pool = pool
        self._max_response_bytes = max_response_bytes

    async def all(
        self, plan: Plan, encoding: _Encoding, recipe_type: Any, deadline: float | None
    ) -> list[Picture]:
        """Every picture, in the order of the items. Raises TOO_MANY_IMAGES if they are too much for one response."""
        self._check_size(plan, sum(plan.picture_bytes()))
        outputs = await self._engine.run(
            plan.program, plan.inputs(), deadline, reproducible=plan.reproducible
        )
        recipes = [plan.recipe(recipe_type, index) for index in range(len(outputs))]
        images = await self._pool.encode(
            [Outgoing(row["image"], encoding, recipe) for row, recipe in zip(outputs, recipes, strict=True)]
        )
        return [Picture(index, image, recipes[index]) for index, image in enumerate(images)]

    async def stream(
        self, plan: Plan, encoding: _Encoding, recipe_type: Any, deadline: float | None, preview_interval: int
    ) -> AsyncGenerator[progress_pb2.Progress | progress_pb2.Preview | Picture]:
        """Progress, previews, and each picture as soon as it is done, in a message of its own.

        Raises TOO_MANY_IMAGES if one of the pictures is too much for a message.
        """
        self._check_size(plan, max(plan.picture_bytes(), default=0))
        run = self._engine.stream(
            plan.program, plan.inputs(), deadline, preview_interval, reproducible=plan.reproducible
        )
        async with run as events, aclosing(events):
            async for event in events:
                match event:
                    case Progress():
                        yield progress_message(event)
                    case Preview():
                        [image] = await self._pool.encode([Outgoing(event.image, encoding)])
                        yield progress_pb2.Preview(
                            index=event.index, step=event.step, steps=event.steps, image=image
                        )
                    case Result():
                        recipe = plan.recipe(recipe_type, event.index)
                        [image] = await self._pool.encode(
                            [Outgoing(event.outputs["image"], encoding, recipe)]
                        )
                        yield Picture(event.index, image, recipe)

    def _check_size(self, plan: Plan, needed: int) -> None:
        if needed > self._max_response_bytes:
            path = "images" if plan.images else "count"
            raise errors.response_too_large(path, needed, self._max_response_bytes)


def check_preview_interval(interval: int, plan: Plan) -> None:
    """Raises INVALID_FIELD for previews that the plan's program cannot make."""
    if interval and plan.program.preview is None:
        raise errors.invalid_field(
            "preview_interval", f"model {plan.model.name!r} has no previews: leave it 0"
        )
    most = max(1, plan.model.card.limits.max_steps)
    if interval > most:
        raise errors.invalid_field("preview_interval", f"must be 0 to {most}, and is {interval}")
