"""Knows how many calls are being answered, so that a stopping server can leave as soon as the last one is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from zoo_server.interceptors.handlers import Context, wrap
from zoo_server.interceptors.layers import Layer
from zoo_server.interceptors.side_services import SIDE_SERVICES


class InFlightLayer(Layer):
    """Counts the calls in progress, those that may never end aside."""

    def __init__(self) -> None:
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def wait_until_idle(self, seconds: float) -> bool:
        """Whether no call was left within `seconds`."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def around(self, handler: Any, method: str) -> Any:
        return handler if method.startswith(SIDE_SERVICES) else wrap(handler, self._counted)

    async def _counted(self, request: Any, context: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
        self._calls += 1
        self._idle.clear()
        try:
            return await proceed()
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()
