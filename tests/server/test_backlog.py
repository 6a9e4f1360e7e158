"""Readers that take nothing: their streams are held back, use bounded memory, hold up nobody, and lose no image."""

import grpc
import pytest

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest
from pixelzoo.v1.sampling_service_pb2_grpc import SamplingServiceStub
from zoo_server.engine.backlog import Backlog
from zoo_server.repository.repository import Repository

SMALL_WINDOW = [("grpc.http2.lookahead_bytes", 2**16), ("grpc.http2.bdp_probe", 0)]
SIZE = 512
PICTURE = SIZE * SIZE * 3
ITEMS = 16


def sample(seed=40, count=ITEMS, steps=3):
    return SampleRequest(
        model=ModelSelector(name="canvas"),
        count=count,
        seed=seed,
        options=SampleOptions(diffusion=DiffusionOptions(steps=steps)),
        encoding=image_pb2.IMAGE_ENCODING_RAW,
    )


@pytest.fixture(scope="module")
def canvas(handmade, tmp_path_factory):
    """Pictures so large that gRPC takes but a few of them off the server for a reader that stands still."""
    folder = tmp_path_factory.mktemp("canvas")
    handmade.write_canvas(folder, SIZE)
    return Repository.load(folder)


@pytest.fixture
def live(start_server, canvas):
    """A stream may have two pictures that its reader has still to take, and all streams 32."""
    return start_server(canvas, max_unsent_bytes=32 * PICTURE)


def stalled(live, wait_until, seed=40):
    """A stream whose reader takes nothing, once it is held back."""
    before = live.pending_items
    channel = grpc.insecure_channel(live.address, options=SMALL_WINDOW)
    stream = SamplingServiceStub(channel).StreamSample(StreamSampleRequest(sample=sample(seed)))
    lanes = live.app.engine._scheduler._lanes
    wait_until(lambda: live.pending_items > before, 60)
    wait_until(lambda: all(lane.held_back for lane in list(lanes.values())), 60)
    return stream


def test_a_reader_that_stands_still_holds_few_pictures_and_gets_all_of_them(live, connect, wait_until):
    stream = stalled(live, wait_until)
    assert 0 < live.app.engine.unsent_bytes <= 2 * PICTURE
    assert live.pending_items >= ITEMS / 2  # The others it holds, or gRPC has them.
    turns = live.app.engine.turns
    # Others go on beside it, and nothing runs when they have ended.
    assert connect(live.address).sampling.Sample(sample(7, count=1)).images
    assert live.app.engine.turns - turns <= 12
    assert live.app.engine.unsent_bytes <= 2 * PICTURE

    images = {event.image.index: event.image for event in stream if event.HasField("image")}
    assert sorted(images) == list(range(ITEMS))
    for index, image in images.items():
        assert set(image.image.raw.data) == {40 + index + 3}
    wait_until(lambda: live.pending_items == 0 and live.app.engine.unsent_bytes == 0)


def test_all_together_hold_no_more_than_the_limit_and_one_picture_each(start_server, canvas, wait_until):
    live = start_server(canvas, max_unsent_bytes=2 * PICTURE)
    streams = [stalled(live, wait_until, seed=20 * index) for index in range(4)]
    assert live.app.engine.unsent_bytes <= (2 + 4) * PICTURE
    assert live.pending_items >= 4 * ITEMS / 2
    streams[0].cancel()
    for index, stream in enumerate(streams[1:], 1):
        images = [event.image for event in stream if event.HasField("image")]
        assert sorted(image.recipe.seed for image in images) == [20 * index + item for item in range(ITEMS)]
    wait_until(lambda: live.pending_items == 0 and live.app.engine.unsent_bytes == 0)


def test_a_reader_that_goes_away_leaves_nothing(live, connect, wait_until):
    stalled(live, wait_until).cancel()
    wait_until(lambda: live.pending_items == 0 and live.app.engine.unsent_bytes == 0)
    assert connect(live.address).sampling.Sample(sample(7, count=1)).images


class TestBacklog:
    def test_a_stream_without_any_always_has_room_for_one(self):
        backlog = Backlog(160, lambda: None)
        assert backlog.room(0, 1000) == 1
        backlog.add(1000)
        assert (backlog.room(0, 1), backlog.room(1000, 1)) == (1, 0)

    def test_a_stream_has_its_share_as_far_as_all_have_left_any(self):
        backlog = Backlog(160, lambda: None)
        assert backlog.room(0, 2) == 5
        assert backlog.room(8, 2) == 1
        backlog.add(157)
        assert backlog.room(2, 2) == 1

    def test_whoever_was_refused_hears_of_room_once(self):
        heard = []
        backlog = Backlog(160, lambda: heard.append(True))
        backlog.add(160)
        backlog.remove(10)
        assert not heard
        assert not backlog.room(10, 5)
        backlog.remove(10)
        backlog.remove(10)
        assert len(heard) == 1


def test_previews_that_nobody_takes_count_as_well(start_server, canvas, wait_until):
    live = start_server(canvas, max_unsent_bytes=32 * PICTURE)
    channel = grpc.insecure_channel(live.address, options=SMALL_WINDOW)
    asked = StreamSampleRequest(sample=sample(steps=200), preview_interval=1)
    stream = SamplingServiceStub(channel).StreamSample(asked)
    most = []
    wait_until(lambda: most.append(live.app.engine.unsent_bytes) or (most[-1] and held_back(live)), 60)
    # A stream may have two; and one image that it held none for.
    assert max(most) <= 3 * PICTURE
    images = [event.image for event in stream if event.HasField("image")]
    assert len(images) == ITEMS
    wait_until(lambda: live.pending_items == 0 and live.app.engine.unsent_bytes == 0)


def held_back(live):
    lanes = list(live.app.engine._scheduler._lanes.values())
    return bool(lanes) and all(lane.held_back for lane in lanes)
