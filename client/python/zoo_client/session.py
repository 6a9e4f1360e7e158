"""Results made again from their recipes."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from zoo_client import channel
from zoo_client.client import Client
from zoo_client.images import Images
from zoo_client.options import SampleOptions, ScoreOptions, TranslateOptions
from zoo_client.recipe import Recipe
from zoo_client.reproduction import Reproduction
from zoo_client.results import Image, ImageScores


class Session:
    """Makes results again from the recipes that came with them, on the weights that made them.

        with Client() as zoo:
            boot = zoo.sample("ddpm_fashion_mnist", labels="Ankle boot", reproducible=True)[0]
            boot.save("boot.png")
            Session(zoo).reproduce("boot.png")  # the same pixels, byte for byte

    A result of a call with `reproducible` comes back byte for byte; of another, a pixel may differ by 1 level of 255.
    (On another kind of machine the arithmetic may differ as well, and with the encoding "jpeg" pixels change on the
    way.) Every method raises VersionNotFound if the server has that version no more, and DifferentWeights if its
    files are others.

    Args:
        client: which calls the server.
        any_weights: takes the version by its number, whatever its files are.
    """

    def __init__(self, client: Client, *, any_weights: bool = False) -> None:
        self.client = client
        self.any_weights = any_weights

    def reproduce(
        self,
        made: Recipe | Image | str | Path,
        picture: Images | None = None,
        *,
        timeout: float | None = None,
    ) -> Image:
        """Makes an image again.

        Args:
            made: its recipe; or the image itself, or the path of its PNG file, which have their recipe with them.
            picture: what it was translated from, for the recipe of a translation.
            timeout: seconds for all of it.

        Raises InvalidField for a file without a recipe, and for a translation without its picture or with another.
        """
        clock = channel.clock(self.client.timeout if timeout is None else timeout)
        again = Reproduction.of(made, self.client.target, self.any_weights)
        described = self.client.model(again.model, timeout=clock())
        again.check(described.digest)
        source = again.source(described, picture)
        if source is None:
            samples = self.client.sample(
                again.model,
                1,
                seed=again.recipe.seed,
                labels=again.labels,
                reproducible=again.recipe.reproducible,
                timeout=clock(),
                **cast("SampleOptions", again.recipe.options),
            )
        else:
            samples = self.client.translate(
                again.model,
                source,
                seed=again.recipe.seed,
                labels=again.labels,
                reproducible=again.recipe.reproducible,
                timeout=clock(),
                **cast("TranslateOptions", again.recipe.options),
            )
        again.check(samples[0].recipe.digest)
        return samples[0]

    def rescore(
        self, made: Recipe | ImageScores, picture: Images, *, timeout: float | None = None
    ) -> ImageScores:
        """Scores the picture again.

        Args:
            made: the scores, or their recipe.
            picture: the picture that was scored.
            timeout: seconds for all of it.

        Raises InvalidField for another picture.
        """
        clock = channel.clock(self.client.timeout if timeout is None else timeout)
        again = Reproduction.of(made, self.client.target, self.any_weights)
        described = self.client.model(again.model, timeout=clock())
        again.check(described.digest)
        scores = self.client.score(
            again.model,
            again.scored(described, picture),
            again.labels,
            seed=again.recipe.seed,
            reproducible=again.recipe.reproducible,
            timeout=clock(),
            **cast("ScoreOptions", again.recipe.options),
        )
        again.check(scores[0].recipe.digest)
        return scores[0]
