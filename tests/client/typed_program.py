"""A user's program with the whole surface of the client, for mypy --strict; it is checked, and never run."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import TypeAlias, assert_type

import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage

from zoo_client import (
    Client,
    Image,
    ImageScores,
    Model,
    Preview,
    Progress,
    Recipe,
    Samples,
    ScoreInfo,
    Scores,
    Session,
    ZooError,
    aio,
    errors,
    grid,
    held_out,
    tls,
)

Pixels: TypeAlias = "npt.NDArray[np.uint8]"
Latents: TypeAlias = "npt.NDArray[np.float32 | np.int32]"
SampleEvent = Progress | Preview | Image
ScoreEvent = Progress | ImageScores

ARRAY: Pixels = np.zeros((2, 28, 28, 1), np.uint8)
PICTURE: PilImage.Image = PilImage.new("L", (28, 28))


def everything() -> None:
    """Every method of the client, with what goes in and what comes out."""
    trusted = tls.credentials("ca.pem", client_certificate="me.pem", client_key=Path("me.key"))
    Client(credentials=trusted, server_name="zoo.example").close()
    with Client("10.0.0.1:1,10.0.0.2:1", token=None, connections=4, retries=2, encoding="raw") as zoo:
        assert_type(zoo, Client)
        assert_type(zoo.models(), list[Model])
        assert_type(zoo.model("m", timeout=1).image_shape, tuple[int, int, int])
        samples = zoo.sample("m", 2, seed=1, labels=["Bag", 3], sampler="ddim", steps=4, reproducible=True)
        assert_type(samples, Samples)
        assert_type(samples.images, Pixels)
        assert_type(samples.pil(), list[PilImage.Image])
        assert_type(samples[0], Image)
        assert_type(samples[:1], Samples)
        assert_type(samples[0].pixels, Pixels)
        assert_type(samples[0].pil(), PilImage.Image)
        assert_type(samples.seeds, list[int])
        assert_type(samples.recipes, list[Recipe])
        assert_type(samples[0].recipe.options, dict[str, int | float | str | Pixels])
        samples.save_grid(Path("grid.png"), columns=2)
        assert_type(zoo.complete("m", PICTURE, 2, given_rows=3), Samples)
        assert_type(zoo.translate("m", [PICTURE, PICTURE], strength=0.5, mask=PICTURE), Samples)
        assert_type(zoo.upscale("m", [ARRAY, b"a file"]), Samples)
        events = zoo.stream_sample("m", 2, preview_interval=1, guidance=2.0)
        assert_type(events, Generator[SampleEvent, None, None])
        for event in events:
            told(event)
        assert_type(zoo.stream_translate("m", PICTURE), Generator[SampleEvent, None, None])
        assert_type(zoo.stream_score("m", PICTURE, seed=2), Generator[ScoreEvent, None, None])
        scores = zoo.score("m", samples.images, "Bag", timesteps=4)
        assert_type(scores, Scores)
        assert_type(scores["bits_per_dim"], npt.NDArray[np.float64])
        assert_type(scores[0], ImageScores)
        assert_type(scores[0].values, dict[str, float | list[float]])
        assert_type(scores.primary, ScoreInfo)
        latents = zoo.encode("m", held_out.load().images)
        assert_type(latents, Latents)
        assert_type(zoo.decode("m", latents * np.float64(2)), Pixels)
        assert_type(zoo.interpolate("m", latents, PICTURE, 3, method="spherical"), Pixels)
        assert_type(grid(samples.images, columns=2), PilImage.Image)
        again = Session(zoo, any_weights=True)
        assert_type(again.reproduce(samples[0], PICTURE), Image)
        assert_type(again.reproduce(Recipe.from_png("image.png")), Image)
        assert_type(again.rescore(scores[0], PICTURE), ImageScores)


async def everything_with_await() -> None:
    """The same for asyncio."""
    async with aio.Client.from_env(wait_for_ready=True, timeout=5.0) as zoo:
        assert_type(zoo, aio.Client)
        assert_type(await zoo.models(), list[Model])
        assert_type(await zoo.model("m"), Model)
        samples = await zoo.sample("m", truncation=0.5)
        assert_type(samples, Samples)
        assert_type(await zoo.complete("m", PICTURE), Samples)
        assert_type(await zoo.translate("m", ARRAY, direction="a_to_b"), Samples)
        assert_type(await zoo.upscale("m", ARRAY), Samples)
        events = zoo.stream_sample("m", 2)
        assert_type(events, AsyncGenerator[SampleEvent, None])
        async for event in events:
            told(event)
        assert_type(zoo.stream_translate("m", PICTURE), AsyncGenerator[SampleEvent, None])
        assert_type(zoo.stream_score("m", PICTURE), AsyncGenerator[ScoreEvent, None])
        scores = await zoo.score("m", PICTURE, importance_samples=3)
        assert_type(scores, Scores)
        latents = await zoo.encode("m", PICTURE)
        assert_type(latents, Latents)
        assert_type(await zoo.decode("m", latents), Pixels)
        assert_type(await zoo.interpolate("m", PICTURE, PICTURE), Pixels)
        again = aio.Session(zoo)
        assert_type(await again.reproduce(samples[0]), Image)
        assert_type(await again.rescore(scores[0], PICTURE), ImageScores)


def told(event: SampleEvent) -> None:
    """Events are told apart by their class."""
    if isinstance(event, Progress):
        assert_type(event.step / event.steps, float)
    elif isinstance(event, Preview):
        assert_type(event.pil(), PilImage.Image)
    else:
        assert_type(event, Image)


def failing(zoo: Client) -> float | None:
    """Errors have types too."""
    try:
        zoo.models()
    except errors.InvalidField as error:
        assert_type(error.violations, tuple[errors.Violation, ...])
    except ZooError as error:
        assert_type(error.metadata, dict[str, str])
        return error.retry_after
    return None
