"""How the log is written to the standard error: as text for people, or as one JSON object a line for machines."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from zoo_server.telemetry.tracebacks import without_values

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure_log(format_: str, level: str) -> None:
    """`format_` is `text` or `json`; `level` is a name of the standard library's levels."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format_ == "json" else TextFormatter(TEXT))
    logging.basicConfig(handlers=[handler], level=level)
    logging.captureWarnings(True)
    logging.getLogger("absl").setLevel(logging.WARNING)  # TensorFlow's notes while it loads a SavedModel.


class TextFormatter(logging.Formatter):
    """What tracebacks say of values is left out."""

    def formatException(self, ei: Any) -> str:
        return without_values(ei[1])


class JsonFormatter(TextFormatter):
    """time, level, logger and message; the fields of a call that has ended; the traceback of a mistake."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "call_fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
