"""What the client calls on each kind of family: translate, upscale, complete, and classes."""

import asyncio

import numpy as np
import pytest
from PIL import Image as PilImage

from zoo_client import Client, Image, Progress, aio, channel, held_out, requests
from zoo_client.errors import CapabilityNotSupported, ImageTooLarge, InvalidField

BOOT, SHIRT = held_out.load().images[:2]


def random_picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def enlarged(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(4, axis=0).repeat(4, axis=1)


def test_pictures_of_any_size_and_kind_are_enlarged(zoo: Client) -> None:
    array, grey = random_picture(50, 70), PilImage.linear_gradient("L").resize((9, 33))
    assert zoo.model("enlarger").scale == 4
    first, second = zoo.upscale("enlarger", [array, grey])
    np.testing.assert_array_equal(first.pixels, enlarged(array))
    np.testing.assert_array_equal(second.pixels, enlarged(np.asarray(grey.convert("RGB"))))
    assert second.pil().size == (36, 132)


def test_progress_counts_every_tile_of_pictures_of_several_sizes(zoo: Client) -> None:
    events = list(zoo.stream_translate("enlarger", [random_picture(h, 64) for h in (8, 128, 33)], seed=0))
    told = [event for event in events if isinstance(event, Progress)]
    assert (told[-1].step, told[-1].steps) == (2 + 8 + 4, 2 + 8 + 4)
    assert all(one.step <= one.steps for one in told)
    assert {event.pixels.shape for event in events if isinstance(event, Image)} == {
        (32, 256, 3),
        (512, 256, 3),
        (132, 256, 3),
    }


def test_enlarged_pictures_come_in_parts_that_a_message_can_hold(
    zoo: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MAX_REPLY_BYTES", 2 * 16 * 20 * 30 * 3)
    pictures = [random_picture(20, 30)] * 5
    parts = requests.translate(
        zoo.model("enlarger"), requests.selector("enlarger"), pictures, None, None, {}, "png"
    )
    assert [(part.first, len(part.request.images)) for part in parts] == [(0, 2), (2, 2), (4, 1)]
    samples = zoo.translate("enlarger", pictures, seed=3)
    assert samples.seeds == [3, 4, 5, 6, 7]
    np.testing.assert_array_equal(samples.images, np.stack([enlarged(pictures[0])] * 5))


def test_the_client_takes_what_a_server_sends_at_most() -> None:
    limits = dict(channel.CHANNEL_OPTIONS)
    assert limits["grpc.max_receive_message_length"] > 256 << 20


def test_a_picture_too_large_for_the_model(zoo: Client) -> None:
    with pytest.raises(ImageTooLarge, match="at most 16384"):
        zoo.upscale("enlarger", random_picture(128, 129))


def test_a_model_that_does_not_enlarge_says_so(zoo: Client) -> None:
    for name in ("turner", "quarters"):
        with pytest.raises(InvalidField, match=f"{name} does not enlarge pictures"):
            zoo.upscale(name, BOOT)


def test_both_ways_between_two_domains(zoo: Client) -> None:
    assert zoo.model("turner").domains == ("Sneaker", "Ankle boot")
    np.testing.assert_array_equal(zoo.translate("turner", BOOT).images[0], BOOT[:, ::-1])
    back = zoo.translate("turner", BOOT, direction="b_to_a")
    np.testing.assert_array_equal(back.images[0], 255 - BOOT)
    with pytest.raises(InvalidField, match="a_to_b, b_to_a"):
        zoo.translate("turner", BOOT, direction="sideways")
    with pytest.raises(CapabilityNotSupported):
        zoo.sample("turner")


@pytest.mark.parametrize("kind", ["uint8", "bool", "pil"])
def test_a_mask_says_what_is_painted_anew(zoo: Client, kind: str) -> None:
    mask = np.zeros((28, 28), bool)
    mask[5:9, 3:] = True
    masks = {"bool": mask, "uint8": mask * np.uint8(255), "pil": PilImage.fromarray(mask * np.uint8(255))}
    samples = zoo.translate("painter", [SHIRT, BOOT], labels="Trouser", seed=2, mask=masks[kind], strength=1)
    for index, (image, original) in enumerate(zip(samples, (SHIRT, BOOT), strict=True)):
        np.testing.assert_array_equal(image.pixels[~mask], original[~mask])
        assert np.unique(image.pixels[mask]).tolist() == [200 + 2 + index + 10]
    np.testing.assert_array_equal(samples.recipes[0].options["mask"][..., 0], mask * np.uint8(255))


def test_a_strength_and_no_mask(zoo: Client) -> None:
    [image] = zoo.translate("painter", SHIRT, labels=0, seed=0, strength=0.3)
    assert np.unique(image.pixels).tolist() == [100 + 3]
    with pytest.raises(InvalidField, match="guidance: has no effect on an item without a class"):
        zoo.translate("painter", SHIRT, guidance=3)


def test_completion_keeps_the_top_half_or_as_many_rows_as_are_said(zoo: Client) -> None:
    for given_rows, kept in ((None, 14), (20, 20), (0, 0), (28, 28)):
        samples = zoo.complete("rows", SHIRT, 3, given_rows=given_rows, seed=4)
        assert samples.recipes[0].options["given_rows"] == kept
        for index, image in enumerate(samples):
            np.testing.assert_array_equal(image.pixels[:kept], SHIRT[:kept])
            assert image.pixels[kept:, 0, 0].tolist() == [
                (4 + index + 10 * row) % 256 for row in range(kept, 28)
            ]
    with pytest.raises(InvalidField, match="quarters does not complete pictures"):
        zoo.complete("quarters", SHIRT)
    with pytest.raises(InvalidField, match=r"autoregressive\.image: must be one image, and is 2"):
        zoo.complete("rows", [SHIRT, BOOT])


def test_the_probabilities_of_classes_come_with_their_names(zoo: Client) -> None:
    scores = zoo.score("critic", [np.full_like(BOOT, 204), np.full_like(BOOT, 26)])
    by_name = {info.name: info for info in scores.infos}
    assert by_name["logit"].entries == ()
    info = by_name["class_probability"]
    assert (info.kind, info.entries) == ("CLASS_PROBABILITY", held_out.load().classes)
    probabilities = scores["class_probability"]
    assert probabilities.shape == (2, 10)
    assert [info.entries[best] for best in probabilities.argmax(1)] == ["Bag", "Trouser"]
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)


def test_codes_are_integers_there_and_back(zoo: Client) -> None:
    latents = zoo.encode("codes", SHIRT)
    assert (latents.dtype, latents.shape) == (np.int32, (1, 2, 2))
    latents[0] = [[0, 1], [2, 4]]
    assert np.unique(zoo.decode("codes", latents)).tolist() == [0, 50, 100, 200]
    with pytest.raises(InvalidField, match="must be codes of 0 to 4, and has 5"):
        zoo.decode("codes", latents + 1)
    with pytest.raises(CapabilityNotSupported, match="nothing lies between two codes"):
        zoo.interpolate("codes", SHIRT, BOOT)


def test_asyncio_gives_the_same(target: str, zoo: Client) -> None:
    async def calls() -> None:
        async with aio.Client(target) as other:
            completed = await other.complete("rows", SHIRT, 2, given_rows=5, seed=1, temperature=0.5)
            wanted = zoo.complete("rows", SHIRT, 2, given_rows=5, seed=1, temperature=0.5)
            np.testing.assert_array_equal(completed.images, wanted.images)
            picture = random_picture(7, 5)
            [upscaled] = await other.upscale("enlarger", picture)
            np.testing.assert_array_equal(upscaled.pixels, enlarged(picture))
            with pytest.raises(InvalidField):
                await other.upscale("turner", BOOT)
            [painted] = await other.translate("painter", SHIRT, labels="Bag", seed=5, strength=0.2)
            [again] = zoo.translate("painter", SHIRT, labels="Bag", seed=5, strength=0.2)
            np.testing.assert_array_equal(painted.pixels, again.pixels)

    asyncio.run(calls())
