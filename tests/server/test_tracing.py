"""Traces, as they arrive at a collector that speaks OTLP."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from pixelzoo.v1.translation_service_pb2 import TranslateRequest
from zoo_server.telemetry.tracing import start_tracing

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self):
        self.services = set()
        self.spans = []

    def Export(self, request, context):
        for resource in request.resource_spans:
            found = attributes(resource.resource.attributes)
            self.services.add(found["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return trace_service_pb2.ExportTraceServiceResponse()


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@pytest.fixture
def collector(monkeypatch):
    server = grpc.server(ThreadPoolExecutor(2))
    collector = Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    yield collector
    server.stop(None).wait()


def finish(live, collector):
    """The spans of all calls, by name: a server that stops sends what it has."""
    live.run(live.app.stop())
    return {span.name: span for span in collector.spans}


def test_a_call_is_a_span_with_its_parts_below_that_of_its_caller(collector, start_server, connect):
    live = start_server()
    raw = {"data": bytes(12), "shape": [2, 2, 3], "data_type": "DATA_TYPE_UINT8"}
    request = TranslateRequest(model={"name": "mirror"}, images=[{"raw": raw}], request_id="call-7")
    context = (("traceparent", f"00-{TRACE}-{PARENT}-01"),)
    connect(live.address).translation.Translate(request, metadata=context)
    spans = finish(live, collector)
    call = spans.pop("pixelzoo.v1.TranslationService/Translate")
    assert collector.services == {"pixelzoo"}
    assert call.trace_id.hex() == TRACE
    assert call.parent_span_id.hex() == PARENT
    assert call.kind == Span.SPAN_KIND_SERVER
    found = attributes(call.attributes)
    assert found["rpc.system"] == "grpc"
    assert found["rpc.grpc.status_code"] == 0
    assert found["pixelzoo.model"] == "mirror"
    assert found["pixelzoo.items"] == 1
    assert found["pixelzoo.request_id"] == "call-7"
    assert sorted(spans, key=lambda name: spans[name].start_time_unix_nano) == [
        "decode",
        "queue",
        "compute",
        "encode",
    ]
    for part in spans.values():
        assert part.parent_span_id == call.span_id
        assert part.start_time_unix_nano <= part.end_time_unix_nano


def test_an_error_says_its_reason_and_only_the_servers_own_is_marked(collector, start_server, connect):
    live = start_server()
    with pytest.raises(grpc.RpcError):
        connect(live.address).sampling.Sample(SampleRequest(model=ModelSelector(name="nobody")))
    call = finish(live, collector)["pixelzoo.v1.SamplingService/Sample"]
    found = attributes(call.attributes)
    assert found["pixelzoo.reason"] == "MODEL_NOT_FOUND"
    assert found["rpc.grpc.status_code"] == grpc.StatusCode.NOT_FOUND.value[0]
    assert "pixelzoo.model" not in found  # There is no such model: the name is the caller's.
    assert call.status.code == Status.STATUS_CODE_UNSET
    assert not call.parent_span_id


def test_the_log_names_the_trace(collector, start_server, connect, caplog, wait_until):
    caplog.set_level("INFO")
    live = start_server()
    connect(live.address).sampling.Sample(
        SampleRequest(model=ModelSelector(name="blobs")),
        metadata=(("traceparent", f"00-{TRACE}-{PARENT}-01"),),
    )
    found = lambda: [r.call_fields for r in caplog.records if hasattr(r, "call_fields")]  # noqa: E731
    wait_until(found)
    assert found()[0]["trace_id"] == TRACE


def test_without_a_collector_nothing_of_it_is_imported():
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}
    off = [{}, {**named, "OTEL_SDK_DISABLED": "true"}, {**named, "OTEL_TRACES_EXPORTER": "none"}]
    code = (
        "import sys; import zoo_server.app; from zoo_server.telemetry.tracing import start_tracing\n"
        f"assert not any(start_tracing(environment) for environment in {off})\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_packages_the_log_says_what_to_install(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    assert start_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}) is None
    assert "install pixelzoo[tracing]" in caplog.text


def test_a_protocol_that_there_is_not_is_named():
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_EXPORTER_OTLP_PROTOCOL": "morse"}
    with pytest.raises(ValueError, match="OTEL_EXPORTER_OTLP_PROTOCOL must be grpc or http/protobuf"):
        start_tracing(environment)
