"""What a recipe asks for, and whether a server can give it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from zoo_client.arguments import shown
from zoo_client.errors import DifferentWeights, InvalidField
from zoo_client.images import Images, Pixels, as_list
from zoo_client.model import Model
from zoo_client.recipe import Recipe
from zoo_client.results import Image, ImageScores


@dataclass(frozen=True)
class Reproduction:
    """One result that is to be made again by the server at `target`."""

    recipe: Recipe
    target: str
    any_weights: bool

    @classmethod
    def of(cls, made: Recipe | Image | ImageScores | str | Path, target: str, any_weights: bool) -> Self:
        """The reproduction of a result, of its recipe, or of the image in a PNG file.

        Raises InvalidField for anything else, and for a file without a recipe.
        """
        if isinstance(made, str | Path):
            made = Recipe.from_png(made)
        if isinstance(made, Image | ImageScores):
            made = made.recipe
        if not isinstance(made, Recipe):
            raise InvalidField.of(
                "recipe",
                f"must be a recipe, one image or its scores, or the path of a PNG file, and is {shown(made)}",
            )
        return cls(made, target, any_weights)

    @property
    def model(self) -> str:
        """The model and its version, as calls name them."""
        return f"{self.recipe.model}@{self.recipe.version}"

    @property
    def labels(self) -> list[int] | None:
        return None if self.recipe.label is None else [self.recipe.label]

    def check(self, digest: str) -> None:
        """Raises DifferentWeights if the server's version has another digest than the recipe says."""
        if digest == self.recipe.digest or not digest or self.any_weights:
            return  # A version that cannot be called has no digest: the call will say why.
        raise DifferentWeights(
            f"{self.model} at {self.target} has the digest {digest[:12]}..., and the recipe has "
            f"{self.recipe.digest[:12]}...: call the server that it came from, or allow any weights",
            metadata={"model": self.model, "digest": digest, "recipe_digest": self.recipe.digest},
        )

    def source(self, model: Model, picture: Images | None) -> Pixels | None:
        """The one picture that is to be translated; None if the image is to be sampled."""
        if self.recipe.kind == "score":
            raise InvalidField.of("recipe", "it is that of a score, which `rescore` gives again")
        # A recipe of a server from before `source_sha256`, without options, does not say what it is; the model does.
        translated = self.recipe.kind == "translate" or (
            model.available and "sample" not in model.capabilities
        )
        if translated and picture is None:
            raise InvalidField.of(
                "picture", f"the image is a translation by {self.model}: give what it was translated from"
            )
        if picture is None:
            return None
        described = model.capability("translate")
        if not translated and (described is None or self.recipe.options):
            raise InvalidField.of(
                "picture", f"the image was drawn by {self.model} from its seed alone: leave it out"
            )
        shape = described.translation.input_shape if described is not None else model.card.image_shape
        return self._same(picture, shape.channels)

    def scored(self, model: Model, picture: Images) -> Pixels:
        """The picture that is to be scored again."""
        if self.recipe.kind != "score":
            raise InvalidField.of("recipe", "it is that of an image, which `reproduce` gives again")
        return self._same(picture, model.card.image_shape.channels)

    def _same(self, picture: Images, model_channels: int) -> Pixels:
        """The pixels of the picture, which must be the one that the recipe names."""
        pixels = as_list(picture, model_channels, "picture")
        if len(pixels) != 1:
            raise InvalidField.of("picture", f"one image, not {len(pixels)}: a recipe is that of one")
        height, width, channels = pixels[0].shape
        digest = hashlib.sha256(f"{height}x{width}x{channels} ".encode() + pixels[0].tobytes()).hexdigest()
        if self.recipe.source_sha256 not in ("", digest):  # Older servers did not say which it was.
            raise InvalidField.of(
                "picture",
                f"it has the digest {digest[:12]}..., and the recipe was made of {self.recipe.source_sha256[:12]}...: "
                "give the same picture, or call `translate` or `score` for another",
            )
        return pixels[0]
