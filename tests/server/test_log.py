"""The log: one line a call, with how it ended, and never a payload."""

import logging
import re

import grpc
import pytest

from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest


@pytest.fixture
def lines(caplog, wait_until):
    """Waits for so many lines of the request log, and gives them."""
    caplog.set_level(logging.INFO)

    def found():
        return [
            record.getMessage() for record in caplog.records if record.name == "zoo_server.telemetry.call_log"
        ]

    def wait(count):
        wait_until(lambda: len(found()) >= count)
        return found()

    return wait


def test_how_each_call_ended(api, lines):
    good = SampleRequest(model=ModelSelector(name="blobs"), seed=1, request_id="good one")
    api.sampling.Sample(good)
    list(api.sampling.StreamSample(StreamSampleRequest(sample=good)))
    with pytest.raises(grpc.RpcError):
        api.sampling.Sample(SampleRequest(model=ModelSelector(name="nobody")))
    with pytest.raises(grpc.RpcError):
        list(api.sampling.StreamSample(StreamSampleRequest()))
    slow = SampleRequest(model=ModelSelector(name="slow"), options={"diffusion": {"steps": 1000}})
    stream = api.sampling.StreamSample(StreamSampleRequest(sample=slow))
    next(stream)
    stream.cancel()
    assert [re.sub(r"\d+ ms", "N ms", line) for line in lines(5)] == [
        "pixelzoo.v1.SamplingService/Sample OK N ms request_id=good one",
        "pixelzoo.v1.SamplingService/StreamSample OK N ms request_id=good one",
        "pixelzoo.v1.SamplingService/Sample NOT_FOUND N ms",
        "pixelzoo.v1.SamplingService/StreamSample INVALID_ARGUMENT N ms",
        "pixelzoo.v1.SamplingService/StreamSample CANCELLED N ms",
    ]


def test_a_request_id_cannot_forge_a_line(api, lines):
    forged = SampleRequest(model=ModelSelector(name="blobs"), request_id="x\n2026 ERROR forged")
    with pytest.raises(grpc.RpcError):
        api.sampling.Sample(forged)
    [line] = lines(1)
    assert "forged" not in line
