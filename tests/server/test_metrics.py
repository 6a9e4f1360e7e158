"""Metrics, read as Prometheus reads them: from the port."""

import shutil
import socket
import urllib.error
import urllib.request

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest
from zoo_server.repository.model import LoadingModel
from zoo_server.repository.repository import Repository
from zoo_server.tokens import line_for, new_token

SAMPLE = "pixelzoo.v1.SamplingService/Sample"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture
def live(start_server):
    server = start_server(metrics_port=free_port())
    server.scrape = lambda: scrape(server.app.config.metrics_port)
    return server


def scrape(port):
    """{(name of the series, sorted labels): value}."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as response:
        text = response.read().decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(series, name, **labels):
    return series.get((name, *sorted(labels.items())), 0.0)


def sample(model, **fields):
    return SampleRequest(model=ModelSelector(name=model), **fields)


def test_calls_are_counted_by_method_code_and_reason(live, connect, wait_until):
    api = connect(live.address)
    for _ in range(3):
        api.sampling.Sample(sample("blobs"))
    with pytest.raises(grpc.RpcError):
        api.sampling.Sample(sample("nobody"))
    # A call ends on the server a little after its client has the answer.
    wait_until(
        lambda: (
            value(
                live.scrape(),
                "pixelzoo_calls_total",
                method=SAMPLE,
                code="NOT_FOUND",
                reason="MODEL_NOT_FOUND",
            )
            == 1
        )
    )
    series = live.scrape()
    assert value(series, "pixelzoo_calls_total", method=SAMPLE, code="OK", reason="") == 3
    assert value(series, "pixelzoo_call_duration_seconds_count", method=SAMPLE) == 4
    assert value(series, "pixelzoo_calls_in_flight", method=SAMPLE) == 0
    assert value(series, "process_cpu_seconds_total") > 0


def test_what_the_engine_did_is_counted(live, connect):
    request = sample("ripples", count=3, options={"diffusion": {"steps": 5}})
    connect(live.address).sampling.Sample(request)
    series = live.scrape()
    steps = {"model": "ripples", "capability": "sample", "phase": "advance"}
    assert value(series, "pixelzoo_batch_items_count", **steps) == 5
    assert value(series, "pixelzoo_batch_items_sum", **steps) == 15
    assert (
        value(series, "pixelzoo_batch_padding_rows_total", **steps) == 5
    )  # Three items in a bucket of four.
    assert value(series, "pixelzoo_step_duration_seconds_count", **steps) == 5
    assert value(series, "pixelzoo_step_duration_seconds_sum", **steps) > 0
    for phase in ("begin", "finish"):
        assert value(series, "pixelzoo_batch_items_sum", **{**steps, "phase": phase}) == 3
    assert value(series, "pixelzoo_queue_wait_seconds_count", model="ripples") == 3
    assert value(series, "pixelzoo_image_codec_duration_seconds_count", operation="encode") == 1


def test_pending_items_and_calls_in_flight_rise_and_fall(live, connect, wait_until):
    pending = lambda: value(live.scrape(), "pixelzoo_pending_items", model="slow")  # noqa: E731
    method = "pixelzoo.v1.SamplingService/StreamSample"
    assert pending() == 0
    assert ("pixelzoo_pending_items", ("model", "slow")) in live.scrape()  # An autoscaler needs the 0.
    slow = sample("slow", count=2, options={"diffusion": {"steps": 1000}})
    stream = connect(live.address).sampling.StreamSample(StreamSampleRequest(sample=slow))
    next(stream)
    assert pending() == 2
    assert value(live.scrape(), "pixelzoo_calls_in_flight", method=method) == 1
    stream.cancel()
    wait_until(lambda: pending() == 0, 60)
    wait_until(lambda: value(live.scrape(), "pixelzoo_calls_in_flight", method=method) == 0, 60)
    assert value(live.scrape(), "pixelzoo_calls_total", method=method, code="CANCELLED", reason="") == 1


def test_the_state_of_each_version(start_server, models, tmp_path):
    for number in (1, 2, 3):
        shutil.copytree(models / "blobs" / "1", tmp_path / "blobs" / str(number))
    (tmp_path / "blobs" / "3" / "assets.extra" / "card.json").unlink()
    live = start_server(
        Repository.load(tmp_path, loaded_versions=1), metrics_port=free_port(), model_poll_seconds=0
    )

    def state(version):
        series = {key: one for key, one in scrape(live.app.config.metrics_port).items() if key[0] == name}
        return {one: value(series, name, model="blobs", version=version, state=one) for one in states}

    name, states = "pixelzoo_model_state", ("available", "loading", "failed", "unloaded")
    assert state("3") == {"available": 0, "loading": 0, "failed": 1, "unloaded": 0}
    assert state("2") == {"available": 1, "loading": 0, "failed": 0, "unloaded": 0}
    assert state("1") == {"available": 0, "loading": 0, "failed": 0, "unloaded": 1}
    live.app.repository.put(LoadingModel("blobs", 3))
    assert state("3") == {"available": 0, "loading": 1, "failed": 0, "unloaded": 0}


def test_who_is_turned_away_is_counted_with_a_reason(start_server, connect, tmp_path, wait_until):
    file = tmp_path / "tokens.toml"
    file.write_text(line_for("studio", new_token()))
    live = start_server(metrics_port=free_port(), token_file=file)
    with pytest.raises(grpc.RpcError):
        connect(live.address).sampling.Sample(sample("blobs"))
    refused = {"method": SAMPLE, "code": "UNAUTHENTICATED", "reason": "UNAUTHENTICATED"}
    wait_until(
        lambda: value(scrape(live.app.config.metrics_port), "pixelzoo_calls_total", **refused) == 1, 60
    )
    assert value(scrape(live.app.config.metrics_port), "pixelzoo_calls_in_flight", method=SAMPLE) == 0


def test_no_label_has_a_value_that_a_client_chose(live, connect, wait_until):
    channel = connect(live.address).channel
    for number in range(5):
        with pytest.raises(grpc.RpcError):
            channel.unary_unary(f"/pixelzoo.v1.SamplingService/Chosen{number}")(b"")
        with pytest.raises(grpc.RpcError):
            channel.unary_unary(f"/chosen.Service{number}/Sample")(b"")
        with pytest.raises(grpc.RpcError):
            connect(live.address).sampling.Sample(sample(f"chosen{number}", request_id=f"chosen{number}"))
    unknown = {"method": "unknown", "code": "UNIMPLEMENTED", "reason": ""}
    wait_until(lambda: value(live.scrape(), "pixelzoo_calls_total", **unknown) == 10)
    assert not [key for key in live.scrape() if "chosen" in str(key).lower()]


def test_the_port_closes_with_the_server(start_server):
    live = start_server(metrics_port=free_port())
    live.run(live.app.stop())
    with pytest.raises(urllib.error.URLError):
        scrape(live.app.config.metrics_port)


def test_a_taken_port_is_named(start_server):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        start_server(metrics_port=taken.getsockname()[1])
