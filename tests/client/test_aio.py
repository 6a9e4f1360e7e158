"""The asyncio client has the surface of the sync one, and gives the same."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_client import (
    Client,
    Image,
    ImageScores,
    Preview,
    Progress,
    Recipe,
    Session,
    aio,
    errors,
    held_out,
    images,
    reproduction,
)

IMAGES = held_out.load().images[:3]


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


@pytest.mark.parametrize(("sync", "asynchronous"), [(Client, aio.Client), (Session, aio.Session)])
def test_one_surface(sync: type, asynchronous: type) -> None:
    names = [name for name in vars(sync) if not name.startswith("_")]
    assert names == [name for name in vars(asynchronous) if not name.startswith("_")]
    for name in [*names, "__init__"]:
        ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (sync, asynchronous))
        assert ours.parameters == theirs.parameters, name
        result = (
            str(ours.return_annotation)
            .replace("Generator[", "AsyncGenerator[")
            .replace(", None, None]", ", None]")
        )
        assert result == str(theirs.return_annotation), name
        assert getattr(sync, name).__doc__ if name != "__init__" else sync.__doc__


def test_unary_calls_give_what_the_sync_client_gives(target: str, zoo: Client) -> None:
    async def calls() -> None:
        async with aio.Client(target) as other:
            assert [model.name for model in await other.models()] == [model.name for model in zoo.models()]
            assert (await other.model("quarters")).card == zoo.model("quarters").card
            samples = await other.sample("quarters", 20, seed=3, labels="Bag", steps=4)
            expected = zoo.sample("quarters", 20, seed=3, labels="Bag", steps=4)
            np.testing.assert_array_equal(samples.images, expected.images)
            assert samples.recipes == expected.recipes
            scores = await other.score("quarters", IMAGES, "Bag", seed=2)
            np.testing.assert_array_equal(
                scores["asked"], zoo.score("quarters", IMAGES, "Bag", seed=2)["asked"]
            )
            latents = await other.encode("halves", IMAGES)
            np.testing.assert_array_equal(latents, zoo.encode("halves", IMAGES))
            np.testing.assert_array_equal(
                await other.decode("halves", latents), zoo.decode("halves", latents)
            )
            way = await other.interpolate("halves", IMAGES[0], latents[1], 3)
            np.testing.assert_array_equal(way, zoo.interpolate("halves", IMAGES[0], latents[1], 3))
            colours = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
            translated = await other.translate("mirror", colours, direction="b_to_a")
            np.testing.assert_array_equal(translated.images, colours[:, ::-1])

    run(calls())


def test_the_loop_goes_on_while_pictures_are_encoded(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encode, ticked = images.to_message, threading.Event()

    def patient(*arguments: Any) -> Any:
        assert ticked.wait(30), "the event loop waited for the encoding"
        return encode(*arguments)

    monkeypatch.setattr(images, "to_message", patient)

    async def calls() -> None:
        async with aio.Client(target) as zoo:
            for call in (
                lambda: zoo.score("quarters", IMAGES, "Bag"),
                lambda: zoo.encode("halves", IMAGES),
                lambda: zoo.interpolate("halves", IMAGES[0], IMAGES[1], 3),
                lambda: zoo.translate("mirror", np.zeros((1, 4, 4, 3), np.uint8)),
            ):
                ticked.clear()
                asyncio.get_running_loop().call_later(0.05, ticked.set)
                await call()

    run(calls())


def test_the_loop_goes_on_while_a_session_reads_files_and_pictures(
    target: str, zoo: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def patiently(function: Callable[..., Any]) -> Callable[..., Any]:
        def patient(*arguments: Any) -> Any:
            ticked = threading.Event()
            loop.call_soon_threadsafe(ticked.set)
            assert ticked.wait(30), "the event loop waited for the session"
            return function(*arguments)

        return patient

    [turned], [scores] = zoo.translate("turner", IMAGES[0]), zoo.score("quarters", IMAGES[0])
    turned.save(tmp_path / "turned.png")
    monkeypatch.setattr(Recipe, "from_png", patiently(Recipe.from_png))
    monkeypatch.setattr(reproduction, "as_list", patiently(reproduction.as_list))

    async def calls() -> None:
        nonlocal loop
        loop = asyncio.get_running_loop()
        async with aio.Client(target) as other:
            await aio.Session(other).reproduce(tmp_path / "turned.png", IMAGES[0])
            await aio.Session(other).rescore(scores, IMAGES[0])

    loop: Any = None
    run(calls())


def test_streams(target: str) -> None:
    async def streams() -> None:
        async with aio.Client(target) as zoo:
            events = [
                event async for event in zoo.stream_sample("slow", 2, seed=1, steps=9, preview_interval=3)
            ]
            assert {type(event) for event in events} == {Progress, Preview, Image}
            scores = [event async for event in zoo.stream_score("quarters", IMAGES)]
            assert sorted(event.index for event in scores if isinstance(event, ImageScores)) == [0, 1, 2]
            pictures = [
                event async for event in zoo.stream_translate("mirror", np.zeros((2, 4, 4, 3), np.uint8))
            ]
            assert sum(isinstance(event, Image) for event in pictures) == 2

    run(streams())


def test_many_calls_at_once_each_get_their_own(target: str) -> None:
    async def calls() -> None:
        async with aio.Client(target) as zoo:
            found = await asyncio.gather(*(zoo.sample("quarters", seed=seed, steps=5) for seed in range(40)))
            assert [samples.images[0, 0, 0, 0] for samples in found] == list(range(40))

    run(calls())


def test_errors(target: str) -> None:
    async def calls() -> None:
        async with aio.Client(target) as zoo:
            with pytest.raises(errors.ModelNotFound):
                await zoo.sample("nobody")
            with pytest.raises(errors.InvalidField) as caught:
                await anext(zoo.stream_sample("quarters", steps=101))
            assert caught.value.field.endswith("options.diffusion.steps")

    run(calls())


def test_cancelling_a_task_cancels_the_call(target: str) -> None:
    async def calls() -> None:
        async with aio.Client(target) as zoo:
            task = asyncio.create_task(zoo.sample("slow", 16, steps=1000))
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert len(await zoo.sample("slow", steps=1)) == 1

    run(calls())
