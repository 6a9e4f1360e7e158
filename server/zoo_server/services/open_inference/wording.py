"""Errors in the words of the Open Inference Protocol, where the rest of the server names fields of `pixelzoo.v1`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from google.protobuf.message import Message

from zoo_server.call_error import CallError

_FIELDS = (
    (re.compile(r"\bmodel\.version(_label)?\b"), "model_version"),
    (re.compile(r"\bmodel\.name\b"), "model_name"),
    # What lies within a picture or a latent of ours has no field of its own: there is the entry of a tensor.
    (re.compile(r"(?<=[\]\w])(\.(encoded|raw|data|shape|data_type|mime_type))+(?=[:,]|$)"), ""),
)


@contextmanager
def of_open_inference() -> Iterator[None]:
    """A CallError that is raised within names their fields when it leaves."""
    try:
        yield
    except CallError as error:
        metadata = {key: _worded(value) if key == "field" else value for key, value in error.metadata.items()}
        details = [_worded_detail(detail) for detail in error.details]
        raise replace(error, message=_worded(error.message), metadata=metadata, details=details) from error


def _worded(text: str) -> str:
    for pattern, name in _FIELDS:
        text = pattern.sub(name, text)
    return text


def _worded_detail(detail: Message) -> Message:
    worded = type(detail)()
    worded.CopyFrom(detail)
    inner = [*getattr(worded, "field_violations", ()), *getattr(worded, "violations", ())]
    for message in [worded, *inner]:
        for name in ("field", "description"):
            if name in message.DESCRIPTOR.fields_by_name:
                setattr(message, name, _worded(getattr(message, name)))
    return worded
