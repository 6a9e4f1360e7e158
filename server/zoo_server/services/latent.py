"""LatentService: pictures to latents, latents to pictures, and the way between two of them."""

from collections.abc import Sequence

import grpc
import numpy as np

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.capability_pb2 import CAPABILITY_KIND_DECODE, CAPABILITY_KIND_ENCODE
from pixelzoo.v1.latent_service_pb2 import (
    INTERPOLATION_METHOD_SPHERICAL,
    DecodeRequest,
    DecodeResponse,
    EncodeRequest,
    EncodeResponse,
    InterpolateRequest,
    InterpolateResponse,
    LatentPoint,
)
from pixelzoo.v1.latent_service_pb2_grpc import LatentServiceServicer
from zoo_server import calls, errors, validation
from zoo_server.arrays import Array
from zoo_server.engine.engine import Engine
from zoo_server.repository.model import LoadedModel
from zoo_server.repository.program import Program
from zoo_server.repository.repository import Repository
from zoo_server.services import interpolation
from zoo_server.services.deadline import deadline_of
from zoo_server.services.image_pool import ImagePool, Outgoing
from zoo_server.services.plan import Planner, subjects
from zoo_server.services.tensors import decode_latent, encode_latent

_DEFAULT_COUNT = 8


class LatentService(LatentServiceServicer):
    """Encode, Decode and Interpolate."""

    def __init__(
        self,
        repository: Repository,
        planner: Planner,
        engine: Engine,
        pool: ImagePool,
        max_response_bytes: int,
    ) -> None:
        """`max_response_bytes` is the most that the pixels of one response may have."""
        self._repository = repository
        self._planner = planner
        self._engine = engine
        self._pool = pool
        self._max_response_bytes = max_response_bytes

    async def Encode(
        self, request: EncodeRequest, context: grpc.aio.ServicerContext[EncodeRequest, EncodeResponse]
    ) -> EncodeResponse:
        validation.check(request)
        model, program = self._planner.choose(request.model, CAPABILITY_KIND_ENCODE)
        self._planner.check_count(len(request.images), model, "images")
        calls.note(items=len(request.images))
        paths = [f"images[{index}]" for index in range(len(request.images))]
        deadline = deadline_of(context)
        images = await self._pixels(model, program, request.images, paths, deadline)
        latents = await self._encode(program, images, deadline)
        spec = program.capability.latent
        return EncodeResponse(
            latents=[encode_latent(latent, spec) for latent in latents], model=model.version
        )

    async def Decode(
        self, request: DecodeRequest, context: grpc.aio.ServicerContext[DecodeRequest, DecodeResponse]
    ) -> DecodeResponse:
        validation.check(request)
        model, program = self._planner.choose(request.model, CAPABILITY_KIND_DECODE)
        self._planner.check_count(len(request.latents), model, "latents")
        calls.note(items=len(request.latents))
        self._check_size(len(request.latents), model, "latents")
        spec = program.capability.latent
        latents = [
            decode_latent(tensor, spec, f"latents[{index}]") for index, tensor in enumerate(request.latents)
        ]
        images = await self._decode(program, latents, request.encoding, deadline_of(context))
        return DecodeResponse(images=images, model=model.version)

    async def Interpolate(
        self,
        request: InterpolateRequest,
        context: grpc.aio.ServicerContext[InterpolateRequest, InterpolateResponse],
    ) -> InterpolateResponse:
        validation.check(request)
        model, program = self._planner.choose(request.model, CAPABILITY_KIND_DECODE)
        self._check_continuous(model, program)
        most = self._planner.most_items(model)
        count = request.count if request.HasField("count") else min(_DEFAULT_COUNT, most)
        self._planner.check_count(count, model, "count")
        calls.note(items=count)
        self._check_size(count, model, "count")
        deadline = deadline_of(context)
        self._check_way(program, count, deadline)
        start, end = await self._ends(request, model, program, deadline)
        spherical = request.method == INTERPOLATION_METHOD_SPHERICAL
        way = (interpolation.spherical if spherical else interpolation.linear)(start, end, count)
        images = await self._decode(program, list(way), request.encoding, deadline)
        return InterpolateResponse(images=images, model=model.version)

    async def _pixels(
        self,
        model: LoadedModel,
        program: Program,
        images: Sequence[image_pb2.Image],
        paths: Sequence[str],
        deadline: float | None,
    ) -> list[Array]:
        """The pixels of `images`, which stand at `paths`, for `program`, which encodes."""
        incoming = subjects(model, program, images, paths)
        return await self._planner.decode(
            model, program, incoming, lambda pixels: [{"image": one} for one in pixels], deadline
        )

    async def _encode(self, program: Program, images: Sequence[Array], deadline: float | None) -> list[Array]:
        outputs = await self._engine.run(program, [{"image": image} for image in images], deadline)
        return [row["latent"] for row in outputs]

    async def _decode(
        self,
        program: Program,
        latents: Sequence[Array],
        encoding: image_pb2.ImageEncoding.ValueType,
        deadline: float | None,
    ) -> list[image_pb2.Image]:
        outputs = await self._engine.run(program, [{"latent": latent} for latent in latents], deadline)
        return await self._pool.encode([Outgoing(row["image"], encoding) for row in outputs])

    async def _ends(
        self, request: InterpolateRequest, model: LoadedModel, program: Program, deadline: float | None
    ) -> tuple[Array, Array]:
        """The latents of both ends, those that are pictures encoded together; all is checked first."""
        ends: dict[str, LatentPoint] = {"start": request.start, "end": request.end}
        latents: dict[str, Array] = {}
        pictures: dict[str, Array] = {}
        for name, point in ends.items():
            if point.HasField("latent"):
                latents[name] = decode_latent(point.latent, program.capability.latent, f"{name}.latent")
            else:
                encoder = self._planner.program(model, CAPABILITY_KIND_ENCODE)
                [pictures[name]] = await self._pixels(
                    model, encoder, [point.image], [f"{name}.image"], deadline
                )
        if pictures:
            encoded = await self._encode(encoder, list(pictures.values()), deadline)
            latents.update(zip(pictures, encoded, strict=True))
        return latents["start"], latents["end"]

    def _check_way(self, program: Program, count: int, deadline: float | None) -> None:
        """Raises what the engine would for the pictures on the way: before those at its ends are decoded."""
        latent = np.broadcast_to(np.float32(0), program.capability.latent.shape)
        self._engine.check(program, [{"latent": latent}] * count, deadline)

    def _check_size(self, count: int, model: LoadedModel, path: str) -> None:
        """Raises TOO_MANY_IMAGES if `count` pictures of the model are too much for one response."""
        shape = model.card.image_shape
        needed = count * shape.height * shape.width * shape.channels
        if needed > self._max_response_bytes:
            raise errors.response_too_large(path, needed, self._max_response_bytes)

    def _check_continuous(self, model: LoadedModel, program: Program) -> None:
        """There is no way between codes: raises CAPABILITY_NOT_SUPPORTED, naming the models that have one."""
        if _continuous(program):
            return
        able = {
            other.name
            for other in self._repository.loaded()
            if CAPABILITY_KIND_DECODE in other.programs
            and _continuous(other.programs[CAPABILITY_KIND_DECODE])
        }
        why = "its latents are codes, and nothing lies between two codes"
        raise errors.capability_not_supported(model.name, "interpolate", sorted(able), why)


def _continuous(program: Program) -> bool:
    return program.capability.latent.data_type == image_pb2.DATA_TYPE_FLOAT32
