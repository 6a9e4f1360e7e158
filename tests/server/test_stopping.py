"""A server that stops lets calls in flight end, within its grace, and tells the others why they do not."""

import threading
import time

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest


def slow(steps):
    options = SampleOptions(diffusion=DiffusionOptions(steps=steps))
    return SampleRequest(model=ModelSelector(name="slow"), options=options)


def stopping(live):
    thread = threading.Thread(target=live.run, args=(live.app.stop(),))
    thread.start()
    return thread


def test_a_call_in_flight_ends_well(start_server, connect, wait_until):
    live = start_server(grace_seconds=30)
    call = connect(live.address).sampling.Sample.future(slow(60))
    wait_until(lambda: live.pending_items == 1)
    began = time.monotonic()
    thread = stopping(live)
    assert call.result().images
    thread.join(10)
    assert (
        time.monotonic() - began < 10
    )  # It leaves as soon as the last call has ended, not when the grace has.


@pytest.mark.parametrize("streaming", [False, True])
def test_a_call_that_outlives_the_grace_is_told(start_server, connect, wait_until, streaming):
    live = start_server(grace_seconds=0.2)
    sampling = connect(live.address).sampling
    if streaming:
        stream = sampling.StreamSample(StreamSampleRequest(sample=slow(1000)))
        finish = lambda: list(stream)  # noqa: E731
    else:
        finish = sampling.Sample.future(slow(1000)).result
    wait_until(lambda: live.pending_items == 1)
    thread = stopping(live)
    with pytest.raises(grpc.RpcError) as caught:
        finish()
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    status = rpc_status.from_call(caught.value)
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert info.reason == "SHUTTING_DOWN"
    thread.join(10)
    assert not thread.is_alive()


def test_new_calls_are_unavailable(start_server, connect):
    live = start_server()
    api = connect(live.address)
    assert api.sampling.Sample(slow(1)).images
    live.run(live.app.stop())
    with pytest.raises(grpc.RpcError) as caught:
        api.sampling.Sample(slow(1))
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_health_says_so_first_then_calls_are_still_taken_and_only_then_the_port_closes(start_server, connect):
    live = start_server(drain_seconds=3600, grace_seconds=30)
    watch = health_pb2_grpc.HealthStub(connect(live.address).channel).Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    thread = stopping(live)
    assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert connect(live.address).sampling.Sample(slow(1)).images  # On a connection of its own.
    assert thread.is_alive()
    live.run(end_drain(live))
    thread.join(60)
    assert not thread.is_alive()
    with pytest.raises(grpc.RpcError) as caught:
        connect(live.address).sampling.Sample(slow(1))
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


async def end_drain(live):
    live.app.end_drain()
