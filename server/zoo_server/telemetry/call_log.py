"""One line in the log for every call: what was called, how it ended and how long it took. Never a payload."""

import logging

from zoo_server.calls import Call

_log = logging.getLogger(__name__)


class CallLog:
    """A calls.Listener."""

    def began(self, call: Call) -> None: ...

    def phase(self, call: Call, name: str, start: float, end: float) -> None: ...

    def ended(self, call: Call) -> None:
        if not _log.isEnabledFor(logging.INFO):
            return
        milliseconds = 1000 * call.seconds
        suffix = f" request_id={call.request_id}" if call.request_id else ""
        fields = {
            "method": call.method,
            "code": call.code,
            "reason": call.reason,
            "milliseconds": round(milliseconds, 3),
            "request_id": call.request_id,
            "model": call.model,
            "items": call.items,
            "peer": call.peer,
            "trace_id": call.trace_id,
        }
        _log.info(
            "%s %s %.0f ms%s", call.method, call.code, milliseconds, suffix, extra={"call_fields": fields}
        )
