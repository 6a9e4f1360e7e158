"""Streams that break on the way are asked for again, and what has come already is not given twice.

gRPC itself repeats a call of which nothing has arrived, and no other, for it cannot know what a repetition does. Here
it does no harm: an item depends on its request, its seed and the model's version alone, whoever makes it. The whole
request is sent again, for a request names its items by their number alone.
"""

from __future__ import annotations

import random
import secrets
from typing import Any

import grpc

from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from pixelzoo.v1.scoring_service_pb2 import ScoreRequest

_INNER = ("sample", "translate", "score")
"""Where a streaming request has that of its unary twin."""

_DRAWN_SEEDS = 2**53  # As servers draw them.

_MOST_BREAKS = 4
"""In a row, without anything new: then it is not the server that goes away, but the stream that takes it along."""

_FIRST_WAIT, _LONGEST_WAIT, _JITTER = 0.2, 2.0, 0.2


class Resumption:
    """One streaming request over its attempts, each of which sends `request`."""

    def __init__(self, request: Any) -> None:
        self.request = request
        self._inner = next(
            (getattr(request, name) for name in _INNER if name in request.DESCRIPTOR.fields_by_name), request
        )
        # The server would draw another seed for each attempt. For scores it has one of its own.
        if not isinstance(self._inner, ScoreRequest) and not self._inner.HasField("seed"):
            self._inner.seed = secrets.randbelow(_DRAWN_SEEDS)
        self._done: set[int] = set()
        self._breaks = 0
        self._begun = False

    def is_news(self, reply: Any) -> bool:
        """Whether the caller has not had it; to be asked of every reply once."""
        self._begun = True
        event = reply.WhichOneof("event")
        if event not in ("preview", "image", "score"):
            return True
        told = getattr(reply, event)
        if told.index in self._done:
            return False
        if event != "preview":
            self._done.add(told.index)
            self._breaks = 0
            self._inner.model.version = told.recipe.version  # Another server may have a newer one.
        return True

    @property
    def complete(self) -> bool:
        """Whether every item has come: what is still to come is the end of the stream."""
        if isinstance(self._inner, SampleRequest):
            return len(self._done) == (self._inner.count if self._inner.HasField("count") else 1)
        return len(self._done) == len(self._inner.images)

    def wait_after(self, error: grpc.RpcError) -> float | None:
        """How many seconds to wait before the next attempt; None if the error is for the caller.

        A stream of which nothing has come has been repeated by gRPC as often as it may be.
        """
        code = error.code()
        if code != grpc.StatusCode.UNAVAILABLE or not self._begun or self._breaks == _MOST_BREAKS:
            return None
        self._begun = False
        wait: float = min(_FIRST_WAIT * 2**self._breaks, _LONGEST_WAIT)
        self._breaks += 1
        return wait * random.uniform(1 - _JITTER, 1 + _JITTER)
