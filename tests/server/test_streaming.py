"""StreamSample: progress, previews, and each picture as soon as it is done."""

import numpy as np
import pytest

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest

RAW = image_pb2.IMAGE_ENCODING_RAW


def request(model="ripples", steps=None, preview_interval=0, **fields):
    if steps is not None:
        fields["options"] = SampleOptions(diffusion=DiffusionOptions(steps=steps))
    sample = SampleRequest(model=ModelSelector(name=model), **{"encoding": RAW, **fields})
    return StreamSampleRequest(sample=sample, preview_interval=preview_interval)


def events(api, kind, **fields):
    """Those of one kind: "progress", "preview" or "image"."""
    return [
        getattr(event, kind)
        for event in api.sampling.StreamSample(request(**fields))
        if event.WhichOneof("event") == kind
    ]


def pixels(image):
    return np.frombuffer(image.raw.data, np.uint8).reshape(image.raw.shape)


def test_the_pictures_are_those_of_sample(api):
    streamed = events(api, "image", seed=4, count=3, labels=[0])
    together = api.sampling.Sample(request(seed=4, count=3, labels=[0]).sample).images
    assert sorted(streamed, key=lambda image: image.index) == list(together)


def test_progress_begins_at_once_never_falls_and_ends_with_all_steps(api):
    progress = events(api, "progress", model="slow", seed=1, count=2, steps=12)
    assert (progress[0].step, progress[0].steps, progress[0].items) == (0, 24, 2)
    steps = [one.step for one in progress]
    assert steps == sorted(steps)
    assert (progress[-1].step, progress[-1].steps, progress[-1].items_done) == (24, 24, 2)
    assert len(set(steps)) > 3  # There was news on the way.


def test_a_model_without_steps_counts_its_items(api):
    progress = events(api, "progress", model="blobs", seed=1, count=3)
    assert (progress[0].step, progress[0].steps) == (0, 3)
    assert (progress[-1].step, progress[-1].steps, progress[-1].items_done) == (3, 3, 3)


def test_previews_come_at_the_interval(api):
    previews = events(api, "preview", model="slow", seed=1, steps=40, preview_interval=10)
    steps = [one.step for one in previews]
    # A reader that falls behind gets the newest only; on an idle machine these are all three.
    assert steps == sorted(set(steps) & {10, 20, 30})
    assert steps[-1] == 30
    assert {(one.index, one.steps) for one in previews} == {(0, 40)}
    assert len({one.image.raw.data for one in previews}) == len(steps)


def test_preview_k_is_the_picture_of_state_k(api):
    [preview] = events(api, "preview", model="slow", seed=6, labels=[1], steps=20, preview_interval=11)
    # Steps of this model do not depend on how many there are: state 11 of 20 is the last state of 11.
    [finished] = events(api, "image", model="slow", seed=6, labels=[1], steps=11)
    np.testing.assert_array_equal(pixels(preview.image), pixels(finished.image))


def test_previews_of_every_item(api):
    previews = events(api, "preview", model="slow", seed=6, count=3, steps=25, preview_interval=20)
    assert sorted(one.index for one in previews) == [0, 1, 2]


@pytest.mark.parametrize("encoding", [image_pb2.IMAGE_ENCODING_PNG, image_pb2.IMAGE_ENCODING_JPEG])
def test_previews_are_encoded_as_the_request_asks(api, encoding):
    previews = events(api, "preview", model="slow", seed=6, steps=25, preview_interval=20, encoding=encoding)
    mime_type = {1: "image/png", 2: "image/jpeg"}[encoding]
    assert [one.image.encoded.mime_type for one in previews] == [mime_type]


def test_a_short_request_does_not_wait_for_a_long_one(api):
    long = api.sampling.StreamSample(request("slow", seed=1, count=8, steps=1000))
    next(long)
    [short] = events(api, "image", model="slow", seed=1, steps=5)
    assert short.recipe.seed == 1
    assert not long.done()
    long.cancel()


def test_models_take_turns(api):
    long = api.sampling.StreamSample(request("slow", seed=1, count=8, steps=1000))
    next(long)
    assert events(api, "image", model="ripples", seed=1, steps=20)
    assert not long.done()
    long.cancel()
