"""Recipes: what comes with every result, and makes it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, TypeAlias

import numpy as np
from google.protobuf import json_format

from pixelzoo.v1 import recipe_pb2
from zoo_client import options
from zoo_client.errors import InvalidField
from zoo_client.options import Option

Kind: TypeAlias = Literal["sample", "translate", "score"]

PNG_KEY = "pixelzoo.recipe"
"""Keyword of the text in a PNG file in which the server writes the recipe, as the JSON of its message."""

_Message: TypeAlias = recipe_pb2.Recipe | recipe_pb2.TranslationRecipe | recipe_pb2.ScoreRecipe


@dataclass(frozen=True, eq=False)
class Recipe:
    """All that is needed to make a result again: nothing in it depends on defaults.

    Two are equal that make the same, pictures among their options included; they can be members of sets.

    Attributes:
        model, version, digest: the exact weights.
        seed: the item's own seed, 0 .. 2^63 - 1.
        label: the item's class, -1 for no class, None for a model without classes.
        options: every option that was used, by name; choices by name too, images as pixels.
        reproducible: whether it was made at one batch size from start to end.
        kind: what was asked for: "sample", "translate" or "score".
        source_sha256: which picture was translated or scored: SHA-256 of its shape and pixels, as recipe.proto says;
            empty for a sample.
    """

    model: str
    version: int
    digest: str
    seed: int
    label: int | None
    options: dict[str, Option]
    reproducible: bool = False
    kind: Kind = "sample"
    source_sha256: str = ""
    _message: _Message | None = field(default=None, init=False, repr=False, compare=False)

    def __eq__(self, other: object) -> bool:
        return self._identity() == other._identity() if isinstance(other, Recipe) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        chosen = frozenset((name, _identity_of(value)) for name, value in self.options.items())
        weights = (self.model, self.version, self.digest)
        return (*weights, self.seed, self.label, chosen, self.reproducible, self.kind, self.source_sha256)

    @property
    def text(self) -> str:
        """The JSON of its message, as a PNG file has it; empty for a recipe that did not come from a server."""
        if self._message is None:
            return ""
        return json_format.MessageToJson(
            self._message, indent=None, always_print_fields_with_no_presence=True
        )

    @classmethod
    def from_message(cls, message: _Message) -> Self:
        """The recipe as the server sends it."""
        kind: Kind = "sample"
        if isinstance(message, recipe_pb2.TranslationRecipe):
            kind = "translate"
        elif isinstance(message, recipe_pb2.ScoreRecipe):
            kind = "score"
        recipe = cls(
            model=message.model,
            version=message.version,
            digest=message.digest,
            seed=message.seed,
            label=message.label if message.HasField("label") else None,
            options=options.unpack(message.options),
            reproducible=message.reproducible,
            kind=kind,
            source_sha256="" if isinstance(message, recipe_pb2.Recipe) else message.source_sha256,
        )
        # Of another recipe that is made from this one it would not be true, so it is no argument.
        object.__setattr__(recipe, "_message", message)
        return recipe

    @classmethod
    def from_png(cls, path: str | Path) -> Self:
        """The recipe in a PNG file of the server's, such as `Image.save` writes.

        Raises InvalidField if there is none, and OSError if there is no file.
        """
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(path) as picture:
                text = getattr(picture, "text", {}).get(PNG_KEY)  # Only PNG files have text.
        except (SyntaxError, ValueError, UnidentifiedImageError):
            raise InvalidField.of("recipe", f"{path} is no image file that can be read") from None
        if not text:
            raise InvalidField.of(
                "recipe",
                f"{path} has none: programs that edit pictures drop it, and JPEG files and grids have none",
            )
        for message in (recipe_pb2.Recipe(), recipe_pb2.TranslationRecipe()):
            try:
                return cls.from_message(json_format.Parse(text, message))
            except json_format.ParseError:  # Of another kind.
                continue
        raise InvalidField.of("recipe", f"{path} has one that this client is too old to know")


def _identity_of(value: Option) -> object:
    """The value of an option as something that can be compared and hashed."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    return value
