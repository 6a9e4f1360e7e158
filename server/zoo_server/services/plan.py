"""A plan: what a checked request asks of the engine, and the recipe that would ask it again."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pixelzoo.v1 import image_pb2, model_pb2
from zoo_server import calls, errors
from zoo_server.arrays import Array
from zoo_server.engine.engine import Engine
from zoo_server.images import Incoming
from zoo_server.options import ResolvedOptions
from zoo_server.repository.contract import kind_name
from zoo_server.repository.model import Kind, LoadedModel
from zoo_server.repository.program import Program
from zoo_server.repository.repository import Repository
from zoo_server.services.image_pool import ImagePool, Outgoing
from zoo_server.validation import MAX_SEED

_DRAWN_SEEDS = 2**53
"""Seeds that the server draws are below this, so that languages without 64-bit integers can hold them."""

_NO_CLASS = -1


@dataclass(frozen=True, slots=True)
class Plan:
    """Items to run, one for each of `seeds`.

    `options` are their rows for the program, and `filled` is the options message with every option filled in, or None;
    `images` is empty for a program that takes none; `sources` has the digest of each, for the recipes.
    `reproducible` is as in the request.
    """

    model: LoadedModel
    program: Program
    seeds: Sequence[int]
    labels: Sequence[int]
    options: Mapping[str, Array]
    filled: Any
    images: Sequence[Array]
    reproducible: bool = False
    sources: Sequence[str] = ()

    def inputs(self) -> list[dict[str, Array]]:
        """The rows that each item brings to the program."""
        items = []
        for index, (seed, label) in enumerate(zip(self.seeds, self.labels, strict=True)):
            row = {**self.options, "seed": np.asarray(seed, np.int64), "label": np.asarray(label, np.int32)}
            if self.images:
                row["image"] = self.images[index]
            items.append({name: row[name] for name in self.program.inputs})
        return items

    def recipe(self, message_type: Any, index: int) -> Any:
        """The Recipe, TranslationRecipe or ScoreRecipe of item `index`."""
        used = self.model.version
        recipe = message_type(
            model=used.name,
            version=used.version,
            digest=used.digest,
            seed=self.seeds[index],
            reproducible=self.reproducible,
        )
        if self.model.card.conditional:
            recipe.label = self.labels[index]
        if self.filled is not None:
            recipe.options.CopyFrom(self.filled)
        if self.sources:
            recipe.source_sha256 = self.sources[index]
        return recipe

    def picture_bytes(self) -> list[int]:
        """How many bytes the pixels of each item's result have."""
        shape = self.model.card.image_shape
        if not self.program.capability.HasField("translation"):
            return [shape.height * shape.width * shape.channels] * len(self.seeds)
        growth = self.program.capability.translation.scale**2 * shape.channels
        return [image.shape[0] * image.shape[1] * growth for image in self.images]


class Planner:
    """Checks requests against the cards of the models that they ask for."""

    def __init__(
        self, repository: Repository, engine: Engine, pool: ImagePool, max_pending_items: int
    ) -> None:
        """No request may have more items than may be pending: there would never be room for it."""
        self._repository = repository
        self._engine = engine
        self._pool = pool
        self._max_pending_items = max_pending_items

    def choose(
        self, selector: model_pb2.ModelSelector, kind: Kind, why: Callable[[LoadedModel], str] | None = None
    ) -> tuple[LoadedModel, Program]:
        """The model that a request selects, and its program for `kind`; `why` as for `program`.

        Raises MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_LOADING, MODEL_FAILED or CAPABILITY_NOT_SUPPORTED.
        """
        model = self._repository.get(selector)
        calls.note(model=model.name)
        return model, self.program(model, kind, why)

    def program(
        self, model: LoadedModel, kind: Kind, why: Callable[[LoadedModel], str] | None = None
    ) -> Program:
        """What a call that has chosen its model uses of it further on, whatever the same selector gives by then.

        Raises CAPABILITY_NOT_SUPPORTED, with what `why` says of a model that lacks it.
        """
        if kind not in model.programs:
            able = self._repository.capable(kind)
            raise errors.capability_not_supported(
                model.name, kind_name(kind), able, why(model) if why else ""
            )
        return model.programs[kind]

    def most_items(self, model: LoadedModel) -> int:
        """How many items one request may have: what the card allows, as far as the server can take it on."""
        return min(model.card.limits.max_items_per_request, self._max_pending_items)

    def check_count(self, count: int, model: LoadedModel, path: str) -> None:
        """Raises TOO_MANY_IMAGES for more items than one request may have."""
        limit = self.most_items(model)
        if count > limit:
            raise errors.too_many_images(path, count, limit)

    async def plan(
        self,
        request: Any,
        kind: Kind,
        *,
        deadline: float | None,
        prefix: str = "",
        count: int | None = None,
        default_seed: int | None = None,
    ) -> Plan:
        """The plan of a SampleRequest, TranslateRequest or ScoreRequest, which stands at `prefix` of what was sent.

        It has `count` items, or one for each of the request's images. Without a seed in the request, items count up
        from `default_seed`; if that is None too, the seeds are drawn. Nothing is computed before all is checked, and no
        picture is decoded for a call that the engine would refuse: raises QUEUE_FULL and DEADLINE_TOO_SHORT too.
        """
        model, program = self.choose(request.model, kind)
        pictures = () if count is not None else request.images
        items = len(pictures) if count is None else count
        self.check_count(items, model, f"{prefix}{'images' if count is None else 'count'}")
        calls.note(items=items)
        labels = item_labels(request.labels, items, model, program, f"{prefix}labels")
        options = model.options[kind].resolve(request.options, f"{prefix}options")
        check_guidance(options, labels)
        check_given_rows(options)
        seed = request.seed if request.HasField("seed") else default_seed
        seeds = item_seeds(drawn_seed(items) if seed is None else seed, items)
        paths = [f"{prefix}images[{index}]" for index in range(len(pictures))]
        incoming = subjects(model, program, pictures, paths)
        options_incoming = [Incoming(*picture) for picture in options.images.values()]
        plan = Plan(model, program, seeds, labels, options.values, options.message, [], request.reproducible)
        if not incoming and not options_incoming:
            return plan

        def rows(pixels: Sequence[Array]) -> Sequence[Mapping[str, Array]]:
            beside = dict(zip(options.images, pixels[len(incoming) :], strict=True))
            return replace(
                plan, options={**options.values, **beside}, images=pixels[: len(incoming)]
            ).inputs()

        pixels = await self.decode(
            model, program, [*incoming, *options_incoming], rows, deadline, reproducible=plan.reproducible
        )
        images = pixels[: len(incoming)]
        sources = await self._pool.digests(images)
        options = await self._with_images(options, pixels[len(incoming) :])
        return replace(plan, options=options.values, filled=options.message, images=images, sources=sources)

    async def decode(
        self,
        model: LoadedModel,
        program: Program,
        pictures: Sequence[Incoming],
        rows: Callable[[Sequence[Array]], Sequence[Mapping[str, Array]]],
        deadline: float | None,
        *,
        reproducible: bool = False,
    ) -> list[Array]:
        """The pixels of `pictures`, none of which is decoded if the engine would refuse the items.

        `rows` makes the rows of the items from pixels, or from what has their shapes and takes no memory. It may raise
        an error of its own.
        """
        limit = model.card.limits.max_pixels_per_image
        blank = [np.broadcast_to(np.uint8(0), shape) for shape in await self._pool.measure(pictures, limit)]
        self._engine.check(program, rows(blank), deadline, reproducible=reproducible)
        return await self._pool.decode(pictures, limit)

    async def _with_images(self, options: ResolvedOptions, pixels: Sequence[Array]) -> ResolvedOptions:
        """The options with their pictures as pixels, and, for the recipes, as files without what came beside them."""
        messages = await self._pool.encode([Outgoing(one, image_pb2.IMAGE_ENCODING_PNG) for one in pixels])
        return options.with_images(pixels, messages)


def subjects(
    model: LoadedModel, program: Program, pictures: Sequence[image_pb2.Image], paths: Sequence[str]
) -> list[Incoming]:
    """The pictures that a request has at `paths` to be worked on, each of the shape that the program takes."""
    shape = model.card.image_shape
    if program.capability.HasField("translation"):
        shape = program.capability.translation.input_shape
    return [Incoming(picture, shape, path) for picture, path in zip(pictures, paths, strict=True)]


def item_seeds(first: int, count: int) -> list[int]:
    """Item i has the seed first + i, wrapping past 2^63 - 1 to 0."""
    return [(first + index) % (MAX_SEED + 1) for index in range(count)]


def drawn_seed(count: int) -> int:
    """The first seed of `count` items whose caller has set none."""
    return secrets.randbelow(_DRAWN_SEEDS - count)


def item_labels(
    labels: Sequence[int],
    count: int,
    model: LoadedModel,
    program: Program,
    path: str,
    entry_path: Callable[[int], str] | None = None,
) -> list[int]:
    """One label per item from none, one for all, or one for each; raises INVALID_FIELD for what the card refuses.

    They stand at `path`, and each at what `entry_path` gives for its index, which is `path[index]` by default.
    """
    card = model.card
    required = card.label_required and "label" in program.inputs
    if labels and not card.conditional:
        raise errors.invalid_field(path, f"model {model.name!r} does not draw by class: leave it empty")
    if len(labels) not in (0, 1, count):
        raise errors.invalid_field(
            path, f"must be none, one for all, or {count}, and there are {len(labels)}"
        )
    if required and not labels:
        raise errors.invalid_field(path, f"model {model.name!r} needs a class, 0 to {len(card.classes) - 1}")
    lowest = 0 if required else _NO_CLASS
    wrong = [
        errors.Violation(
            entry_path(index) if entry_path else f"{path}[{index}]",
            f"must be {lowest} to {len(card.classes) - 1}, and is {label}",
        )
        for index, label in enumerate(labels)
        if not lowest <= label < len(card.classes)
    ]
    if wrong:
        raise errors.invalid_fields(wrong)
    return list(labels) if len(labels) == count else list(labels or [_NO_CLASS]) * count


def check_guidance(options: ResolvedOptions, labels: Sequence[int]) -> None:
    """Raises INVALID_FIELD for guidance that was asked for and, without a class to guide towards, would do nothing."""
    path = options.departures.get("guidance")
    if path and options.values["guidance"] != 1.0 and _NO_CLASS in labels:
        raise errors.invalid_field(
            path, "has no effect on an item without a class: set labels, or leave it unset"
        )


def check_given_rows(options: ResolvedOptions) -> None:
    """Raises INVALID_FIELD for rows to be kept of a picture that was not given, and for one of which none would be."""
    path = options.departures.get("given_rows")
    if path and "image" in options.values:  # Not among those that were given, then.
        raise errors.invalid_field(path, "keeps rows of a picture that is not there: set image beside it")
    if (
        "image" in options.images
        and options.values.get("given_rows") == 0
        and "given_rows" not in options.given
    ):
        *_, path = options.images["image"]
        rule = "has no effect without given_rows, which says how many of its rows are kept: set that too, or neither"
        raise errors.invalid_field(path, rule)
