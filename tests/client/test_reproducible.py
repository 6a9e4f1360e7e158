"""The option `reproducible` reaches the server from every call that has it, and comes back in the recipe."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from zoo_client import Client, Image, ImageScores, aio

GREYS = np.zeros((2, 28, 28, 1), np.uint8)
COLOURS = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)

CALLS: dict[str, Callable] = {
    "sample": lambda zoo, **option: zoo.sample("quarters", 2, seed=1, **option),
    "translate": lambda zoo, **option: zoo.translate("mirror", COLOURS, **option),
    "score": lambda zoo, **option: zoo.score("quarters", GREYS, **option),
    "complete": lambda zoo, **option: zoo.complete(
        "tiles", np.zeros((4, 4, 1), np.uint8), given_rows=2, labels=0, **option
    ),
}
STREAMS: dict[str, Callable] = {
    "sample": lambda zoo, **option: zoo.stream_sample("quarters", 2, seed=1, **option),
    "translate": lambda zoo, **option: zoo.stream_translate("mirror", COLOURS, **option),
    "score": lambda zoo, **option: zoo.stream_score("quarters", GREYS, **option),
}


@pytest.mark.parametrize("option", [{}, {"reproducible": False}, {"reproducible": True}])
@pytest.mark.parametrize("name", CALLS)
def test_calls(zoo: Client, target: str, name: str, option: dict[str, bool]) -> None:
    async def again() -> list:
        async with aio.Client(target) as other:
            return (await CALLS[name](other, **option)).recipes

    recipes = CALLS[name](zoo, **option).recipes
    assert {recipe.reproducible for recipe in recipes} == {option.get("reproducible", False)}
    assert [recipe.reproducible for recipe in asyncio.run(again())] == [
        recipe.reproducible for recipe in recipes
    ]


@pytest.mark.parametrize("name", STREAMS)
def test_streams(zoo: Client, target: str, name: str) -> None:
    async def again() -> list:
        async with aio.Client(target) as other:
            return [event async for event in STREAMS[name](other, reproducible=True)]

    for events in (list(STREAMS[name](zoo, reproducible=True)), asyncio.run(again())):
        found = [event for event in events if isinstance(event, (Image, ImageScores))]
        assert found
        assert all(event.recipe.reproducible for event in found)
