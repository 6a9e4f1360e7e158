"""The log: one line a call, with how it ended, and never a payload."""

import json
import logging
import re

import grpc
import pytest

from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest
from pixelzoo.v1.scoring_service_pb2 import ScoreRequest
from zoo_server import incidents
from zoo_server.telemetry.log_format import JsonFormatter


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


def test_a_passed_deadline_is_no_cancellation(api, lines):
    slow = SampleRequest(model=ModelSelector(name="slow"), options={"diffusion": {"steps": 1000}})
    with pytest.raises(grpc.RpcError) as caught:
        api.sampling.Sample(slow, timeout=0.5)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    [line] = lines(1)
    assert line.startswith("pixelzoo.v1.SamplingService/Sample DEADLINE_EXCEEDED")


def test_as_json_a_call_is_one_object_without_its_payload(api, lines, caplog):
    payload = b"the-payload-of-the-call"
    api.sampling.Sample(SampleRequest(model=ModelSelector(name="blobs"), count=2, request_id="call-7"))
    with pytest.raises(grpc.RpcError):
        api.scoring.Score(
            ScoreRequest(
                model=ModelSelector(name="blobs"),
                images=[{"encoded": {"data": payload, "mime_type": "image/png"}}],
            )
        )
    lines(2)
    written = [JsonFormatter().format(record) for record in caplog.records]
    assert not [line for line in written if "\n" in line or payload.decode() in line]
    good, bad = [line for line in map(json.loads, written) if "method" in line]
    assert good.pop("milliseconds") > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", good.pop("time"))
    assert re.fullmatch(
        r"pixelzoo\.v1\.SamplingService/Sample OK \d+ ms request_id=call-7", good.pop("message")
    )
    assert good == {
        "level": "INFO",
        "logger": "zoo_server.telemetry.call_log",
        "method": "pixelzoo.v1.SamplingService/Sample",
        "code": "OK",
        "reason": "",
        "request_id": "call-7",
        "model": "blobs",
        "items": 2,
        "peer": "127.0.0.1",
        "trace_id": "",
    }
    assert (bad["code"], bad["reason"]) == ("INVALID_ARGUMENT", "IMAGE_UNREADABLE")


def test_as_json_a_mistake_has_its_traceback_in_the_same_line(caplog):
    incidents.report("a test failed", ValueError("of two\nlines"))
    line = JsonFormatter().format(caplog.records[-1])
    assert "\n" not in line
    found = json.loads(line)
    assert found["level"] == "ERROR"
    assert "a test failed" in found["message"]
    assert "ValueError: of two\nlines" in found["exception"]
