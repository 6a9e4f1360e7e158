"""The operations guide says what the server does."""

import importlib.util
import re
from pathlib import Path

from prometheus_client import Metric

from zoo_server.engine.admission import Limits
from zoo_server.engine.engine import Engine
from zoo_server.repository.repository import Repository
from zoo_server.telemetry.gauges import Gauges
from zoo_server.telemetry.metrics import Metrics

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "operations.md").read_text()


def test_its_table_of_settings_is_that_of_the_schema():
    spec = importlib.util.spec_from_file_location("settings_table", DOCS / "settings_table.py")
    settings_table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(settings_table)
    assert "| `--port` | `PIXELZOO_PORT`, `port` | 50051 |" in settings_table.table()
    assert settings_table.with_table(PAGE) == PAGE, "run python docs/settings_table.py"


def test_it_names_every_metric_there_is():
    metrics = Metrics()
    metrics.registry.register(Gauges(Engine(Limits(1)), Repository()))
    there = {name_of(metric) for metric in metrics.registry.collect() if metric.name.startswith("pixelzoo_")}
    assert set(re.findall(r"^\| `(pixelzoo_\w+)` \|", PAGE, re.MULTILINE)) == there
    used = set(re.findall(r"pixelzoo_[a-z_]+", re.search(r"```promql\n(.*?)```", PAGE, re.DOTALL)[1]))
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in used} <= there


def name_of(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name
