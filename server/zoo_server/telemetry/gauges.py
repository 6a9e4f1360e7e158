"""Metrics that are read off the server when Prometheus asks: what is pending, and the state of every model."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from zoo_server.engine.engine import Engine
from zoo_server.repository.model import FailedModel, LoadedModel, LoadingModel, UnloadedModel
from zoo_server.repository.repository import Repository

_STATES = {
    LoadedModel: "available",
    LoadingModel: "loading",
    FailedModel: "failed",
    UnloadedModel: "unloaded",
}


class Gauges(Collector):
    """Reads from any thread."""

    def __init__(self, engine: Engine, repository: Repository) -> None:
        self._engine = engine
        self._repository = repository

    def collect(self) -> Iterator[Metric]:
        # A model without work has its 0: an autoscaler takes a series that is missing for an unknown.
        shelves = self._repository.snapshot()
        items = {**dict.fromkeys(shelves, 0), **self._engine.pending_by_model}
        pending = GaugeMetricFamily(
            "pixelzoo_pending_items", "Items that wait or are in the making.", labels=("model",)
        )
        for model, count in items.items():
            pending.add_metric([model], count)
        yield pending
        yield GaugeMetricFamily(
            "pixelzoo_unsent_bytes",
            "Pictures of streams that their readers have still to take.",
            value=self._engine.unsent_bytes,
        )
        states = GaugeMetricFamily(
            "pixelzoo_model_state",
            "1 for the state that a version is in, 0 for the others.",
            labels=("model", "version", "state"),
        )
        for name, versions in shelves.items():
            for version in versions:
                for kind, state in _STATES.items():
                    labels = [name, str(version.number), state]
                    states.add_metric(labels, float(isinstance(version, kind)))
        yield states
