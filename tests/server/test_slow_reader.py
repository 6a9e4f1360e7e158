"""A reader that does not read: the engine goes on, news is thrown away, and no picture is."""

import pytest

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest
from zoo_server.repository.repository import Repository

STEPS, ITEMS = 300, 6


@pytest.fixture
def canvas(handmade, tmp_path):
    """A model of pictures so large that a few of them fill what gRPC holds for a reader."""
    handmade.write_canvas(tmp_path)
    return Repository.load(tmp_path)


def test_a_reader_that_stands_still_gets_news_and_every_picture(start_server, connect, wait_until, canvas):
    live = start_server(canvas)
    sample = SampleRequest(
        model=ModelSelector(name="canvas"),
        count=ITEMS,
        seed=40,
        options=SampleOptions(diffusion=DiffusionOptions(steps=STEPS)),
        encoding=image_pb2.IMAGE_ENCODING_RAW,
    )
    stream = connect(live.address).sampling.StreamSample(
        StreamSampleRequest(sample=sample, preview_interval=1)
    )
    turns = live.app.engine.turns
    wait_until(lambda: live.app.engine.turns > turns and live.pending_items == 0, seconds=60)

    # Only now the first message is read.
    events = list(stream)
    images = {event.image.index: event.image for event in events if event.HasField("image")}
    assert sorted(images) == list(range(ITEMS))
    for index, image in images.items():
        assert image.recipe.seed == 40 + index
        assert set(image.image.raw.data) == {(40 + index + STEPS) % 256}
    previews = [event.preview for event in events if event.HasField("preview")]
    assert 0 < len(previews) < ITEMS * STEPS / 2
    for index in range(ITEMS):
        steps = [preview.step for preview in previews if preview.index == index]
        assert steps == sorted(set(steps))
    progress = [event.progress.step for event in events if event.HasField("progress")]
    assert progress == sorted(progress)
    assert progress[-1] == ITEMS * STEPS
    assert len(progress) < STEPS / 2
