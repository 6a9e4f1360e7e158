"""From a request of the Open Inference Protocol to items for the engine, by the same rules as everyone's."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.capability_pb2 import CAPABILITY_KIND_SCORE
from zoo_server import calls
from zoo_server.arrays import Array
from zoo_server.errors import invalid_field
from zoo_server.images import Incoming
from zoo_server.options import ResolvedOptions
from zoo_server.repository.model import LoadedModel
from zoo_server.repository.program import Program
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
    subjects,
)
from zoo_server.services.tensors import decode_latent, raw_tensor
from zoo_server.validation import MAX_SEED

_SCORE_SEED = 0
"""As in ScoringService: equal requests give equal scores."""

_Entry: TypeAlias = tuple[str, int]
"""A tensor's name, and which of its entries."""


class Items:
    """Makes the items of one request, each a plan of its own: here every item may have its own seed and options."""

    def __init__(
        self,
        planner: Planner,
        model: LoadedModel,
        program: Program,
        given: Given,
        deadline: float | None,
    ) -> None:
        self._planner = planner
        self._model = model
        self._program = program
        self._given = given
        self._deadline = deadline
        self._tensors = signature.inputs(program)
        options = {option.name for option in program.capability.options}
        self._works_on_pictures = "image" in program.inputs and "image" not in options

    async def plans(self) -> list[Plan]:
        """One for each item. Raises what Planner.plan does; nothing is computed before all is checked."""
        given, model, program = self._given, self._model, self._program
        calls.note(items=given.count)
        seeds = self._seeds()
        labels = item_labels(
            given.entries.get("label", ()),
            given.count,
            model,
            program,
            given.path("label"),
            lambda index: given.path("label", index),
        )
        options = self._options(labels)
        pictures = {**self._subjects(), **self._option_pictures(options)}

        def plans(pixels: Sequence[Array]) -> list[Plan]:
            decoded = dict(zip(pictures, pixels, strict=True))
            if self._works_on_pictures:
                _check_sizes([decoded["image", index].shape for index in range(given.count)])
            return [
                self._plan(index, seed, label, options[index], decoded)
                for index, (seed, label) in enumerate(zip(seeds, labels, strict=True))
            ]

        if not pictures:
            return plans([])
        pixels = await self._planner.decode(
            model,
            program,
            list(pictures.values()),
            lambda blank: [row for plan in plans(blank) for row in plan.inputs()],
            self._deadline,
            reproducible=given.reproducible,
        )
        return plans(pixels)

    def _plan(
        self,
        index: int,
        seed: int,
        label: int,
        options: ResolvedOptions,
        decoded: Mapping[_Entry, Array],
    ) -> Plan:
        beside = {name: decoded[name, self._given.entry(name, index)] for name in options.images}
        rows = {**options.values, **beside}
        if "latent" in self._program.inputs:
            rows["latent"] = self._latent(index)
        images = [decoded["image", index]] if self._works_on_pictures else []
        return Plan(self._model, self._program, [seed], [label], rows, None, images, self._given.reproducible)

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

    def _options(self, labels: Sequence[int]) -> list[ResolvedOptions]:
        """Those of each item, with pictures still to be decoded."""
        names = [
            option.name for option in self._program.capability.options if option.name in self._given.entries
        ]
        if all(len(self._given.entries[name]) == 1 for name in names):
            return [self._resolved(0, names, labels)] * self._given.count
        return [self._resolved(index, names, [label]) for index, label in enumerate(labels)]

    def _resolved(self, index: int, names: Sequence[str], labels: Sequence[int]) -> ResolvedOptions:
        given = self._given
        values = {name: self._value(name, index) for name in names}
        rules = self._model.options[self._program.capability.kind]
        options = rules.resolve_values(values, lambda name: given.path(name, index))
        check_guidance(options, labels)
        check_given_rows(options)
        return options

    def _value(self, name: str, index: int) -> Any:
        value, tensor = self._given.of(name, index), self._tensors[name]
        if tensor.is_picture:
            return _image(value)
        if tensor.choices:
            # Of a name that is none of them the rules say which there are: no choice has the number 0.
            return tensor.choices.get(value.decode(errors="replace"), 0)
        return value

    def _subjects(self) -> dict[_Entry, Incoming]:
        """The pictures that are worked on; none for sampling and decoding."""
        if not self._works_on_pictures:
            return {}
        messages = [_image(entry) for entry in self._given.entries["image"]]
        paths = [f"image[{index}]" for index in range(len(messages))]
        incoming = subjects(self._model, self._program, messages, paths)
        return {("image", index): picture for index, picture in enumerate(incoming)}

    def _option_pictures(self, options: Sequence[ResolvedOptions]) -> dict[_Entry, Incoming]:
        """Those of the options: one that is for all items is there once."""
        return {
            (name, self._given.entry(name, index)): Incoming(*picture)
            for index, one in enumerate(options)
            for name, picture in one.images.items()
        }

    def _latent(self, index: int) -> Array:
        spec = self._program.capability.latent
        entry = self._given.entries["latent"][index]
        return decode_latent(raw_tensor(entry, spec.data_type), spec, f"latent[{index}]")


def _image(entry: bytes | Array) -> image_pb2.Image:
    if isinstance(entry, bytes):
        return image_pb2.Image(encoded=image_pb2.EncodedImage(data=entry))
    return image_pb2.Image(raw=raw_tensor(entry, image_pb2.DATA_TYPE_UINT8))


def _check_sizes(shapes: Sequence[tuple[int, ...]]) -> None:
    """Raises INVALID_FIELD for pictures of which no tensor can be made."""
    first_height, first_width, *_ = shapes[0]
    for index, shape in enumerate(shapes):
        if shape != shapes[0]:
            height, width, *_ = shape
            rule = f"is {width}x{height} pixels and image[0] {first_width}x{first_height}"
            raise invalid_field(
                f"image[{index}]", f"{rule}: what comes back is one tensor, send those of one size together"
            )
