"""Sampling through the client: what is asked for is what comes back."""

import asyncio
import io
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing, closing

import numpy as np
import pytest
from PIL import Image as PilImage

from zoo_client import Client, Image, Preview, Progress, aio, errors
from zoo_client.requests import selector
from zoo_client.results import SampleEvent


def quarters(images: np.ndarray) -> np.ndarray:
    """What an image of `quarters` says: int [n, 4] of seed % 100, 10 + label, step, 50 * sampler + guidance."""
    assert images.dtype == np.uint8
    assert images.shape[1:] == (28, 28, 1)
    return images[:, [0, 0, 27, 27], [0, 27, 0, 27], 0].astype(int)


def progress_of(events: Iterable[SampleEvent]) -> Iterator[Progress]:
    return (event for event in events if isinstance(event, Progress))


def test_seed_label_and_options_arrive(zoo: Client) -> None:
    samples = zoo.sample("quarters", 3, seed=5, labels="Bag", sampler="ddpm", steps=7, guidance=2)

    assert quarters(samples.images).tolist() == [[5, 18, 7, 52], [6, 18, 7, 52], [7, 18, 7, 52]]
    assert samples.seeds == [5, 6, 7]
    assert samples.labels == [8, 8, 8]
    recipe = samples.recipes[0]
    assert (recipe.model, recipe.version, len(recipe.digest)) == ("quarters", 1, 64)
    assert recipe.options == {"sampler": "ddpm", "steps": 7, "guidance": 2.0}


def test_defaults_are_the_cards_and_come_back_in_the_recipe(zoo: Client) -> None:
    samples = zoo.sample("quarters", seed=0)

    assert quarters(samples.images).tolist() == [[0, 9, 10, 101]]  # Label -1: no class.
    assert samples.recipes[0].label == -1
    assert samples.recipes[0].options == {"sampler": "ddim", "steps": 10, "guidance": 1.0}


def test_without_a_seed_the_server_draws_one_that_makes_the_image_again(zoo: Client) -> None:
    first, other = zoo.sample("quarters", 2), zoo.sample("quarters", 2)

    assert first.seeds != other.seeds
    assert first.seeds[1] == first.seeds[0] + 1
    again = zoo.sample("quarters", 2, seed=first.seeds[0])
    np.testing.assert_array_equal(again.images, first.images)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("ankle boot", [9, 9]),
        (["T-shirt/top", "COAT"], [0, 4]),
        ([3, "Bag"], [3, 8]),
        (np.array([1, 2]), [1, 2]),
        ("7", [7, 7]),
        (-1, [-1, -1]),
        (np.int64(3), [3, 3]),
        (np.array(3), [3, 3]),
    ],
)
def test_labels_by_name_and_by_number(zoo: Client, labels: object, expected: list[int]) -> None:
    assert zoo.sample("quarters", 2, seed=1, labels=labels).labels == expected


def test_as_many_images_as_labels(zoo: Client) -> None:
    assert len(zoo.sample("quarters", labels=["Bag", "Coat", "Dress"])) == 3
    assert zoo.sample("quarters", labels=(label for label in (1, 2))).labels == [1, 2]


def test_a_mistake_in_the_callers_own_labels_is_not_hidden(zoo: Client) -> None:
    def labels() -> Iterator[int]:
        yield 1
        raise TypeError("the caller's own")

    with pytest.raises(TypeError, match="the caller's own"):
        zoo.sample("quarters", labels=labels())


def peak(call: Callable[[], object]) -> int:
    """The most bytes of Python's own that a call takes."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_of_a_long_call_only_the_part_is_made_whose_turn_it_is(zoo: Client, target: str) -> None:
    zoo.sample("quarters")  # What is loaded once shall not count.

    def begun() -> None:
        with closing(zoo.stream_sample("quarters", 10**6, labels="Bag", steps=1)) as events:
            next(event for event in events if isinstance(event, Image))

    async def begun_in_a_loop() -> None:
        async with (
            aio.Client(target) as other,
            aclosing(other.stream_sample("quarters", 10**6, labels=8)) as events,
        ):
            await anext(events)

    for call in (begun, lambda: asyncio.run(begun_in_a_loop())):
        assert peak(call) < 4 << 20
    with pytest.raises(TimeoutError):
        zoo.sample("quarters", 2 * 10**9, labels="Bag", timeout=1)


@pytest.mark.parametrize(
    ("model", "version", "label"),
    [
        ("m", None, None),
        ("m@3", 3, None),
        ("m@003", 3, None),
        ("m@0", 0, None),
        (f"m@{2**64 - 1}", 2**64 - 1, None),
        (f"m@{2**64}", None, str(2**64)),
        (f"m@{'9' * 5000}", None, "9" * 5000),
        (f"m@{'0' * 5000}7", 7, None),
        ("m@", None, ""),
        ("m@stable@3", None, "stable@3"),
        ("m@+3", None, "+3"),
        ("m@\u0663", None, "\u0663"),
    ],
)
def test_a_model_is_named_with_its_version_or_its_label(
    model: str, version: int | None, label: str | None
) -> None:
    chosen = selector(model)
    assert chosen.name == "m"
    assert (chosen.version if chosen.HasField("version") else None) == version
    assert (chosen.version_label if chosen.HasField("version_label") else None) == label


@pytest.mark.parametrize("name", ["dpm_solver_pp_2m", "DPM-Solver++(2M)", "dpm-solver++", "dpm"])
def test_a_choice_by_its_name_as_people_write_it(zoo: Client, name: str) -> None:
    samples = zoo.sample("quarters", seed=1, labels=0, sampler=name, guidance=0)
    assert quarters(samples.images)[0, 3] == 150


def test_a_call_longer_than_the_models_limit_goes_in_parts_that_make_one(zoo: Client) -> None:
    labels = [index % 10 for index in range(40)]
    samples = zoo.sample("quarters", 40, seed=2**63 - 20, labels=labels)

    assert zoo.model("quarters").card.limits.max_items_per_request == 16
    assert samples.seeds == [(2**63 - 20 + index) % 2**63 for index in range(40)]
    assert samples.labels == labels
    assert [image.index for image in samples] == list(range(40))

    unseeded = zoo.sample("quarters", 40).seeds
    assert unseeded == list(range(unseeded[0], unseeded[0] + 40))


def test_a_version_can_be_named(zoo: Client) -> None:
    assert zoo.sample("halves@1").recipes[0].version == 1
    with pytest.raises(errors.VersionNotFound):
        zoo.sample("halves@2")


def test_images_come_as_pil_and_as_the_servers_file(zoo: Client, tmp_path) -> None:
    image = zoo.sample("quarters", seed=3)[0]

    assert image.pil().mode == "L"
    assert image.mime_type == "image/png"
    image.save(tmp_path / "image.png")
    assert (tmp_path / "image.png").read_bytes() == image.encoded
    with PilImage.open(io.BytesIO(image.encoded)) as file:
        assert '"seed": "3"' in file.text["pixelzoo.recipe"]
        np.testing.assert_array_equal(np.asarray(file), image.pixels[:, :, 0])


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_other_encodings(target: str, zoo: Client, encoding: str, tmp_path) -> None:
    png = zoo.sample("halves", 2, seed=30).images
    with Client(target, encoding=encoding) as other:
        samples = other.sample("halves", 2, seed=30)
    difference = np.abs(samples.images.astype(int) - png)
    assert difference.max() <= (0 if encoding == "raw" else 3)
    assert samples[0].mime_type == ("" if encoding == "raw" else "image/jpeg")
    samples[0].save(tmp_path / "image.png")
    with PilImage.open(tmp_path / "image.png") as file:
        np.testing.assert_array_equal(np.asarray(file), samples[0].pixels[:, :, 0])


def test_a_stream_tells_progress_previews_and_images(zoo: Client) -> None:
    events = list(zoo.stream_sample("slow", 2, seed=4, labels=["calm", "storm"], steps=6, preview_interval=2))

    progress = list(progress_of(events))
    assert {(event.steps, event.items) for event in progress} == {(12, 2)}
    assert [event.step for event in progress] == sorted(event.step for event in progress)
    previews = [event for event in events if isinstance(event, Preview)]
    assert {(event.index, event.step, event.steps) for event in previews} <= {
        (index, step, 6) for index in (0, 1) for step in (2, 4)
    }
    assert all(event.pixels.shape == (4, 4, 3) for event in previews)
    images = sorted((event for event in events if isinstance(event, Image)), key=lambda image: image.index)
    at_once = zoo.sample("slow", 2, seed=4, labels=["calm", "storm"], steps=6)
    assert [image.recipe for image in images] == at_once.recipes
    difference = np.abs(np.stack([image.pixels for image in images]).astype(int) - at_once.images)
    assert difference.max() <= 1  # Two buckets: a float may round the other way.


def test_a_long_stream_counts_over_all_its_parts(zoo: Client) -> None:
    events = list(zoo.stream_sample("quarters", 40, seed=0, steps=5))

    progress = list(progress_of(events))
    assert {(event.steps, event.items) for event in progress} == {(200, 40)}
    assert [event.step for event in progress] == sorted(event.step for event in progress)
    images = [event for event in events if isinstance(event, Image)]
    assert sorted(image.index for image in images) == list(range(40))
    assert {image.index: image.recipe.seed for image in images} == {index: index for index in range(40)}


def test_who_stops_reading_stops_the_work(zoo: Client) -> None:
    streams = [zoo.stream_sample("slow", 16, steps=1000) for _ in range(8)]
    for events in streams:
        assert isinstance(next(events), Progress)
        events.close()

    # 128,000 steps would keep the server busy for a minute. It learns of the cancellations within a moment.
    deadline = time.monotonic() + 15
    while next(progress_of(zoo.stream_sample("slow", seed=1, steps=1))).queue_position:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_given_top_part_is_kept(zoo: Client) -> None:
    given = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    samples = zoo.sample("tiles", seed=7, labels="striped", image=given, given_rows=2)

    np.testing.assert_array_equal(samples.images[0, :2], given[:2])
    assert np.unique(samples.images[0, 2:]).tolist() == [8]
    np.testing.assert_array_equal(samples.recipes[0].options["image"], given)


def test_translation(zoo: Client) -> None:
    small = np.arange(2 * 5 * 4 * 3, dtype=np.uint8).reshape(2, 5, 4, 3)
    mirrored = zoo.translate("mirror", small)
    np.testing.assert_array_equal(mirrored.images, small[:, :, ::-1])
    turned = zoo.translate("mirror", small[0], direction="b_to_a")
    np.testing.assert_array_equal(turned.images[0], small[0, ::-1])
    assert turned.recipes[0].options == {"direction": "b_to_a"}

    events = list(zoo.stream_translate("mirror", [small[0], np.zeros((2, 2, 3), np.uint8)]))
    assert {event.pixels.shape for event in events if isinstance(event, Image)} == {(5, 4, 3), (2, 2, 3)}
