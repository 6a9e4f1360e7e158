"""From a request of the Open Inference Protocol to items for the engine, by the same rules as everyone's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.capability_pb2 import CAPABILITY_KIND_SCORE
from zoo_server import calls
from zoo_server.arrays import Array
from zoo_server.errors import invalid_field
from zoo_server.images import Incoming
from zoo_server.repository.model import LoadedModel
from zoo_server.repository.program import Program
from zoo_server.services.image_pool import ImagePool
from zoo_server.services.open_inference import signature
from zoo_server.services.open_inference.given import Given
from zoo_server.services.plan import (
    Plan,
    Planner,
    check_given_rows,
    check_guidance,
    drawn_seed,
    item_labels,
    item_seeds,
)
from zoo_server.services.tensors import decode_latent, raw_tensor
from zoo_server.validation import MAX_SEED

_SCORE_SEED = 0
"""As in ScoringService: equal requests give equal scores."""


class Items:
    """Makes the items of one request, each a plan of its own: here every item may have its own seed and options."""

    def __init__(
        self,
        planner: Planner,
        pool: ImagePool,
        model: LoadedModel,
        program: Program,
        given: Given,
        deadline: float | None,
    ) -> None:
        self._planner = planner
        self._pool = pool
        self._model = model
        self._program = program
        self._given = given
        self._deadline = deadline
        self._tensors = signature.inputs(program)

    async def plans(self) -> list[Plan]:
        """One for each item. Raises what Planner.plan does; nothing is computed before all is checked."""
        given, model, program = self._given, self._model, self._program
        calls.note(items=given.count)
        seeds = self._seeds()
        labels = item_labels(given.entries.get("label", ()), given.count, model, program, "label")
        options = await self._options(labels)
        if "latent" in program.inputs:
            latents = self._latents()
            options = [{"latent": latent} for latent in latents]
        beside = [
            {**row, "seed": np.asarray(seed, np.int64), "label": np.asarray(label, np.int32)}
            for row, seed, label in zip(options, seeds, labels, strict=True)
        ]
        images = await self._images(beside)
        return [
            Plan(
                model,
                program,
                [seeds[index]],
                [labels[index]],
                options[index],
                None,
                [images[index]] if images else [],
                given.reproducible,
            )
            for index in range(given.count)
        ]

    def _seeds(self) -> list[int]:
        seeds = self._given.entries.get("seed", ())
        for index, seed in enumerate(seeds):
            if not 0 <= seed <= MAX_SEED:
                raise invalid_field(
                    self._given.path("seed", index), f"must be 0 to {MAX_SEED}, and is {seed}"
                )
        if len(seeds) == self._given.count:
            return list(seeds)
        scoring = self._program.capability.kind == CAPABILITY_KIND_SCORE
        default = _SCORE_SEED if scoring else drawn_seed(self._given.count)
        return item_seeds(seeds[0] if seeds else default, self._given.count)

    async def _options(self, labels: Sequence[int]) -> list[dict[str, Array]]:
        """A value of every option for each item."""
        names = [
            option.name for option in self._program.capability.options if option.name in self._given.entries
        ]
        if all(len(self._given.entries[name]) == 1 for name in names):
            return [await self._resolved(0, names, labels)] * self._given.count
        return [await self._resolved(index, names, [label]) for index, label in enumerate(labels)]

    async def _resolved(self, index: int, names: Sequence[str], labels: Sequence[int]) -> dict[str, Array]:
        given = self._given
        values = {name: self._value(name, index) for name in names}
        rules = self._model.options[self._program.capability.kind]
        options = rules.resolve_values(values, lambda name: given.path(name, index))
        check_guidance(options, labels)
        check_given_rows(options)
        incoming = [Incoming(*picture) for picture in options.images.values()]
        pixels = await self._pool.decode(incoming, self._model.card.limits.max_pixels_per_image)
        return {**options.values, **dict(zip(options.images, pixels, strict=True))}

    def _value(self, name: str, index: int) -> Any:
        value, tensor = self._given.of(name, index), self._tensors[name]
        if tensor.is_picture:
            return _image(value)
        if tensor.choices:
            # Of a name that is none of them the rules say which there are: no choice has the number 0.
            return tensor.choices.get(value.decode(errors="replace"), 0)
        return value

    async def _images(self, beside: Sequence[Mapping[str, Array]]) -> list[Array]:
        """The pictures that are worked on, `beside` the rest of each item; none for sampling and decoding."""
        options = {option.name for option in self._program.capability.options}
        if "image" not in self._program.inputs or "image" in options:
            return []
        messages = [_image(entry) for entry in self._given.entries["image"]]
        paths = [f"image[{index}]" for index in range(len(messages))]
        images = await self._planner.decode(
            self._model, self._program, messages, paths, self._deadline, beside
        )
        for path, image in zip(paths, images, strict=True):
            if image.shape != images[0].shape:
                (height, width, _), (first_height, first_width, _) = image.shape, images[0].shape
                rule = f"is {width}x{height} pixels and image[0] {first_width}x{first_height}"
                raise invalid_field(
                    path, f"{rule}: what comes back is one tensor, send those of one size together"
                )
        return images

    def _latents(self) -> list[Array]:
        spec = self._program.capability.latent
        return [
            decode_latent(raw_tensor(entry, spec.data_type), spec, f"latent[{index}]")
            for index, entry in enumerate(self._given.entries["latent"])
        ]


def _image(entry: bytes | Array) -> image_pb2.Image:
    if isinstance(entry, bytes):
        return image_pb2.Image(encoded=image_pb2.EncodedImage(data=entry))
    return image_pb2.Image(raw=raw_tensor(entry, image_pb2.DATA_TYPE_UINT8))
