"""Results made again from their recipes, for asyncio."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from zoo_client import channel
from zoo_client.aio.client import Client
from zoo_client.images import Images
from zoo_client.options import SampleOptions, ScoreOptions, TranslateOptions
from zoo_client.recipe import Recipe
from zoo_client.reproduction import Reproduction
from zoo_client.results import Image, ImageScores


class Session:
    """Makes results again from their recipes. Args are those of `zoo_client.Session`.

    Files are read and pictures decoded in a thread, so that large ones do not hold the loop up.
    """

    def __init__(self, client: Client, *, any_weights: bool = False) -> None:
        self.client = client
        self.any_weights = any_weights

    async def reproduce(
        self,
        made: Recipe | Image | str | Path,
        picture: Images | None = None,
        *,
        timeout: float | None = None,
    ) -> Image:
        """Makes an image again."""
        clock = channel.clock(self.client.timeout if timeout is None else timeout)
        again = await asyncio.to_thread(Reproduction.of, made, self.client.target, self.any_weights)
        described = await self.client.model(again.model, timeout=clock())
        again.check(described.digest)
        source = await asyncio.to_thread(again.source, described, picture)
        if source is None:
            samples = await self.client.sample(
                again.model,
                1,
                seed=again.recipe.seed,
                labels=again.labels,
                reproducible=again.recipe.reproducible,
                timeout=clock(),
                **cast("SampleOptions", again.recipe.options),
            )
        else:
            samples = await self.client.translate(
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

    async def rescore(
        self, made: Recipe | ImageScores, picture: Images, *, timeout: float | None = None
    ) -> ImageScores:
        """Scores the picture again."""
        clock = channel.clock(self.client.timeout if timeout is None else timeout)
        again = await asyncio.to_thread(Reproduction.of, made, self.client.target, self.any_weights)
        described = await self.client.model(again.model, timeout=clock())
        again.check(described.digest)
        scores = await self.client.score(
            again.model,
            await asyncio.to_thread(again.scored, described, picture),
            again.labels,
            seed=again.recipe.seed,
            reproducible=again.recipe.reproducible,
            timeout=clock(),
            **cast("ScoreOptions", again.recipe.options),
        )
        again.check(scores[0].recipe.digest)
        return scores[0]
