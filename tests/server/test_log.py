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
from zoo_server.repository.repository import Repository
from zoo_server.telemetry.log_format import TEXT, JsonFormatter, TextFormatter
from zoo_server.telemetry.tracebacks import without_values


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
    try:
        raise ValueError("of two\nlines")
    except ValueError as error:
        incidents.report("a test failed", error)
    line = JsonFormatter().format(caplog.records[-1])
    assert "\n" not in line
    found = json.loads(line)
    assert found["level"] == "ERROR"
    assert "a test failed" in found["message"]
    assert found["exception"].startswith("Traceback")
    assert 'raise ValueError("of two' in found["exception"]
    assert found["exception"].endswith("builtins.ValueError")


SECRET = 4_815_162_342


@pytest.mark.parametrize("formatter", [TextFormatter(TEXT), JsonFormatter()], ids=["text", "json"])
def test_what_a_model_says_of_a_request_when_it_fails_is_not_logged(
    handmade, start_server, connect, tmp_path, caplog, formatter
):
    """TensorFlow quotes the tensors of an assertion in its message: caplog, which prints all, has the seed."""
    handmade.write_trap(tmp_path, seed_that_fails=SECRET)
    api = connect(start_server(Repository.load(tmp_path)).address)
    with pytest.raises(grpc.RpcError) as caught:
        api.sampling.Sample(SampleRequest(model=ModelSelector(name="trap"), seed=SECRET))
    assert str(SECRET) in caplog.text
    for record in caplog.records:  # Formatters keep the traceback that the first of them made.
        record.exc_text = None
    written = "\n".join(map(formatter.format, caplog.records))
    assert str(SECRET) not in written
    assert str(SECRET) not in str(caught.value)
    assert re.search(r"InvalidArgumentError at \S*assert_none_equal", written)
    assert "in __call__" in written


def test_causes_are_told_of_too():
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise OSError(SECRET) from error
    except OSError as error:
        told = without_values(error)
    first, second = told.split("\n\n")
    assert first.endswith("builtins.KeyError")
    assert second.endswith("builtins.OSError")
    assert str(SECRET) not in told
