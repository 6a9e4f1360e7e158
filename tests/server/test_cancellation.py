"""Cancelled calls, passed deadlines, and a full queue: slots are free within a step, and neighbours see nothing."""

import time

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest

LONG = 1000


def slow(steps=LONG, **fields):
    return SampleRequest(
        model=ModelSelector(name="slow"),
        options=SampleOptions(diffusion=DiffusionOptions(steps=steps)),
        encoding=image_pb2.IMAGE_ENCODING_RAW,
        **fields,
    )


def info_of(error):
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(error).details[0].Unpack(info)
    return info


@pytest.mark.parametrize("count", [1, 16])
def test_a_cancelled_call_frees_its_items(api, server, wait_until, count):
    """With 16 items half of them wait for their turn while the others advance."""
    call = api.sampling.Sample.future(slow(count=count))
    wait_until(lambda: server.pending_items == count)
    time.sleep(0.05)
    call.cancel()
    wait_until(lambda: server.pending_items == 0, seconds=5)


def test_a_cancelled_stream_frees_its_items(api, server, wait_until):
    stream = api.sampling.StreamSample(StreamSampleRequest(sample=slow(count=4), preview_interval=1))
    next(stream)
    assert server.pending_items == 4
    stream.cancel()
    wait_until(lambda: server.pending_items == 0, seconds=5)


def test_a_stream_that_nobody_reads_frees_its_items_when_cancelled(api, server, wait_until, connect):
    """The reader takes nothing, so that writes back up to the server; then it goes away with its channel."""
    other = connect(server.address)
    reader = other.sampling.StreamSample(StreamSampleRequest(sample=slow(count=8), preview_interval=1))
    wait_until(lambda: server.pending_items == 8)
    time.sleep(0.3)
    assert reader.is_active()
    other.channel.close()
    wait_until(lambda: server.pending_items == 0, seconds=5)


def test_a_cancel_in_the_middle_leaves_neighbours_as_they_were(api, server, wait_until):
    [alone] = api.sampling.Sample(slow(60, seed=3)).images
    neighbours = [api.sampling.Sample.future(slow(seed=100 + index)) for index in range(3)]
    wait_until(lambda: server.pending_items == 3)
    mine = api.sampling.Sample.future(slow(60, seed=3))
    wait_until(lambda: server.pending_items == 4)
    for neighbour in neighbours:
        neighbour.cancel()
    [image] = mine.result().images
    found, wanted = (np.frombuffer(one.image.raw.data, np.uint8).astype(int) for one in (image, alone))
    assert np.abs(found - wanted).max() <= 1
    wait_until(lambda: server.pending_items == 0)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_passed_deadline_frees_its_items(api, server, wait_until, streaming):
    stream = lambda: list(api.sampling.StreamSample(StreamSampleRequest(sample=slow(count=2)), timeout=0.2))  # noqa: E731
    unary = lambda: api.sampling.Sample(slow(count=2), timeout=0.2)  # noqa: E731
    with pytest.raises(grpc.RpcError) as caught:
        (stream if streaming else unary)()
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    wait_until(lambda: server.pending_items == 0, seconds=5)


def test_many_cancelled_calls_leave_nothing_behind(api, server, wait_until):
    for _ in range(5):
        calls = [api.sampling.Sample.future(slow(count=2)) for _ in range(10)]
        calls += [api.sampling.StreamSample(StreamSampleRequest(sample=slow())) for _ in range(5)]
        for call in calls:
            call.cancel()
    wait_until(lambda: server.pending_items == 0, seconds=5)
    assert api.sampling.Sample(slow(1, seed=1)).images


def test_a_full_queue_refuses_and_says_when_to_come_back(start_server, connect, wait_until):
    live = start_server(max_pending_items=10)
    api = connect(live.address)
    long = api.sampling.Sample.future(slow(count=8))
    wait_until(lambda: live.pending_items == 8)
    with pytest.raises(grpc.RpcError) as caught:
        api.sampling.Sample(slow(count=3))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    info = info_of(caught.value)
    assert (info.reason, info.metadata["model"], info.metadata["limit"]) == ("QUEUE_FULL", "slow", "10")
    retry = error_details_pb2.RetryInfo()
    assert rpc_status.from_call(caught.value).details[1].Unpack(retry)
    assert retry.retry_delay.ToTimedelta().total_seconds() >= 1
    assert api.sampling.Sample(slow(1, count=2)).images  # What fits is still taken.
    long.cancel()
    wait_until(lambda: live.pending_items == 0)
    assert api.sampling.Sample(slow(1, count=10)).images
