"""Streams that break on the way are asked for again, and what has come already is not given twice.

gRPC itself repeats a call of which nothing has arrived, and no other, for it cannot know what a repetition does. Here
it does no harm: an item depends on its request and its seed alone, whoever makes it.
"""

from __future__ import annotations

import random
from typing import Any

import grpc

from zoo_client.requests import SEEDS

_MOST_BREAKS = 4
"""In a row, without anything new: then it is not the server that goes away, but the stream that takes it along."""

_FIRST_WAIT, _LONGEST_WAIT, _JITTER = 0.2, 2.0, 0.2


class Resumption:
    """One streaming request over its attempts, each of which sends `request`."""

    def __init__(self, request: Any) -> None:
        self.request = request
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
        if event == "image":
            self._pin_seed((told.recipe.seed - told.index) % SEEDS)
        return True

    def _pin_seed(self, seed: int) -> None:
        """So that the other items go with this one, where the server was to draw the seed."""
        for name in ("sample", "translate"):
            if name in self.request.DESCRIPTOR.fields_by_name:
                inner = getattr(self.request, name)
                if not inner.HasField("seed"):
                    inner.seed = seed

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
