"""Traces by OpenTelemetry: a span for every call, with a child for each part of it.

They are on when the standard variables name a collector (OTEL_EXPORTER_OTLP_ENDPOINT), and the packages of the extra
`tracing` are there. Nothing of OpenTelemetry is imported before that.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import grpc

from zoo_server.calls import Call

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span

_log = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_EXPORTERS = {
    "grpc": "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http.trace_exporter",
}
_CONTEXT = ("traceparent", "tracestate")
_FAULTS = ("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS")
"""The codes that OpenTelemetry's conventions hold to be errors of a server; the others are the caller's."""


def start_tracing(environment: Mapping[str, str]) -> Tracing | None:
    """Traces to the collector that `environment` names; None if it names none or switches them off.

    Raises ValueError for a protocol that there is not. Without the packages it is None, and the log says so.
    """
    endpoint = next((environment[name] for name in _ENDPOINTS if environment.get(name)), "")
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not endpoint or off or environment.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return None
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), "grpc")
    if protocol not in _EXPORTERS:
        raise ValueError(f"{_PROTOCOLS[1]} must be {' or '.join(_EXPORTERS)}, and is {protocol!r}")
    try:
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = importlib.import_module(_EXPORTERS[protocol])
    except ImportError as error:
        _log.warning("no traces: %s; install pixelzoo[tracing]", error)
        return None
    _log.info("traces go to %s", endpoint)
    return Tracing(BatchSpanProcessor(exporter.OTLPSpanExporter()))


class Tracing:
    """A calls.Listener. Sampler, resource and limits are those of the standard variables."""

    def __init__(self, processor: SpanProcessor) -> None:
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = Resource.create().merge(Resource({"service.name": "pixelzoo"}))
        self._provider = TracerProvider(resource=resource.merge(OTELResourceDetector().detect()))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(__name__)
        self._propagator = TraceContextTextMapPropagator()
        self._spans: dict[Call, Span] = {}

    def began(self, call: Call) -> None:
        from opentelemetry.trace import SpanKind, format_trace_id

        carrier = {key: value for key, value in call.metadata if key in _CONTEXT}
        service, _, method = call.method.rpartition("/")
        span = self._tracer.start_span(
            call.method,
            context=self._propagator.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": method},
            start_time=_epoch(call.began),
        )
        self._spans[call] = span
        call.trace_id = format_trace_id(span.get_span_context().trace_id)

    def phase(self, call: Call, name: str, start: float, end: float) -> None:
        from opentelemetry.trace import set_span_in_context

        parent = set_span_in_context(self._spans[call])
        self._tracer.start_span(name, context=parent, start_time=_epoch(start)).end(_epoch(end))

    def ended(self, call: Call) -> None:
        from opentelemetry.trace import StatusCode

        span = self._spans.pop(call)
        known: dict[str, Any] = {
            "pixelzoo.model": call.model,
            "pixelzoo.items": call.items,
            "pixelzoo.reason": call.reason,
            "pixelzoo.request_id": call.request_id,
        }
        span.set_attributes({name: value for name, value in known.items() if value})
        span.set_attribute("rpc.grpc.status_code", grpc.StatusCode[call.code].value[0])
        if call.code in _FAULTS:
            span.set_status(StatusCode.ERROR, call.reason or call.code)
        span.end(_epoch(call.began + call.seconds))

    def close(self) -> None:
        """Send what has not been sent; may take some seconds if the collector does not answer."""
        self._provider.shutdown()


def _epoch(instant: float) -> int:
    """A `time.monotonic()` instant as nanoseconds since 1970."""
    return time.time_ns() - round((time.monotonic() - instant) * 1e9)
