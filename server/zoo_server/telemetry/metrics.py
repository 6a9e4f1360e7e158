"""What the server counts and times for Prometheus.

Every label has few values, and none that a client can choose: methods, codes and reasons are those of the protos,
models those of the repository, phases those of the engine.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from zoo_server.calls import Call
from zoo_server.engine.phase import Phase
from zoo_server.repository.program import Program

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_ITEMS = (1, 2, 4, 8, 16, 32, 64, 128)
_PROGRAM = ("model", "capability", "phase")


class Metrics:
    """A calls.Listener and an engine Observer. `registry` is what Prometheus reads."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self._calls = Counter(
            "pixelzoo_calls",
            "Calls that have ended, by status code and by the reason of the error, if any.",
            ("method", "code", "reason"),
            registry=registry,
        )
        self._in_flight = Gauge(
            "pixelzoo_calls_in_flight", "Calls that are being answered.", ("method",), registry=registry
        )
        self._call_seconds = Histogram(
            "pixelzoo_call_duration_seconds",
            "Time from a call's request to its last response.",
            ("method",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._codec_seconds = Histogram(
            "pixelzoo_image_codec_duration_seconds",
            "Time to decode, or to encode, the pictures of one message.",
            ("operation",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._wait_seconds = Histogram(
            "pixelzoo_queue_wait_seconds",
            "Time that an item waits for its first step.",
            ("model",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._batch_items = Histogram(
            "pixelzoo_batch_items",
            "Items that share one call of the network, padding aside.",
            _PROGRAM,
            buckets=_ITEMS,
            registry=registry,
        )
        self._padding = Counter(
            "pixelzoo_batch_padding_rows",
            "Rows of batches that no item filled.",
            _PROGRAM,
            registry=registry,
        )
        self._step_seconds = Histogram(
            "pixelzoo_step_duration_seconds",
            "Time of one call of the network; the phase `advance` is a step.",
            _PROGRAM,
            buckets=_SECONDS,
            registry=registry,
        )
        # Looking a child up by its labels costs more than counting: what the scheduler thread needs is kept.
        self._of_phase: dict[tuple[str, str, Phase], tuple[Histogram, Counter, Histogram]] = {}

    # As a listener.

    def began(self, call: Call) -> None:
        self._in_flight.labels(call.method).inc()

    def phase(self, call: Call, name: str, start: float, end: float) -> None:
        if name in ("decode", "encode"):
            self._codec_seconds.labels(name).observe(end - start)

    def ended(self, call: Call) -> None:
        self._in_flight.labels(call.method).dec()
        self._calls.labels(call.method, call.code, call.reason).inc()
        self._call_seconds.labels(call.method).observe(call.seconds)

    # As an observer.

    def begun(self, program: Program, waits: Sequence[float]) -> None:
        waited = self._wait_seconds.labels(program.model)
        for seconds in waits:
            waited.observe(seconds)

    def ran(self, program: Program, phase: Phase, items: int, size: int, seconds: float) -> None:
        key = (program.model, program.name, phase)
        if key not in self._of_phase:
            self._of_phase[key] = (
                self._batch_items.labels(*key),
                self._padding.labels(*key),
                self._step_seconds.labels(*key),
            )
        batch_items, padding, step_seconds = self._of_phase[key]
        batch_items.observe(items)
        padding.inc(size - items)
        step_seconds.observe(seconds)
