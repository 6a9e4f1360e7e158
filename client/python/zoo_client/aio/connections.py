"""Connections to servers for asyncio, and how calls go over them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

import grpc

from pixelzoo.v1 import (
    latent_service_pb2_grpc,
    sampling_service_pb2_grpc,
    scoring_service_pb2_grpc,
    translation_service_pb2_grpc,
)
from pixelzoo.v1.catalog_service_pb2_grpc import CatalogServiceStub
from zoo_client import addresses, channel, errors, requests
from zoo_client.resuming import Resumption
from zoo_client.retrying import Patience

Reply = TypeVar("Reply")


class Stubs:
    """The services over one connection."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.catalog = CatalogServiceStub(channel)
        self.sampling = sampling_service_pb2_grpc.SamplingServiceStub(channel)
        self.translation = translation_service_pb2_grpc.TranslationServiceStub(channel)
        self.scoring = scoring_service_pb2_grpc.ScoringServiceStub(channel)
        self.latent = latent_service_pb2_grpc.LatentServiceStub(channel)


class Connections:
    """Some connections, over which calls go in turn. Args are those of `zoo_client.Client`."""

    def __init__(
        self,
        target: str,
        credentials: grpc.ChannelCredentials | None,
        token: str | None,
        server_name: str | None,
        wait_for_ready: bool,
        connections: int,
        retries: int,
    ) -> None:
        channel.check(target, credentials, token, server_name, wait_for_ready, connections, retries)
        self._target = target
        self._closed = False
        self._metadata = channel.authorization(token, target, credentials is not None)
        self._wait_for_ready = wait_for_ready
        self._retries = retries
        address = addresses.resolved(target)
        options = channel.options(address, connections, credentials is not None, server_name)
        self._channels = [
            grpc.aio.insecure_channel(address, options)
            if credentials is None
            else grpc.aio.secure_channel(address, credentials, options)
            for _ in range(connections)
        ]
        self._turns = itertools.cycle([Stubs(channel) for channel in self._channels])

    @property
    def stubs(self) -> Stubs:
        """The services over the connection whose turn it is."""
        return next(self._turns)

    async def close(self) -> None:
        """Ends them, and with them every call under way."""
        self._closed = True
        for one in self._channels:
            await one.close()

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[requests.Request, Reply],
        request: requests.Request,
        clock: Callable[[], float],
    ) -> Reply:
        """The answer to a request; raises the ZooError that it failed with."""
        patience, before = Patience(self._retries), _cancellations()
        while True:
            self._check_open()
            try:
                return await method(
                    request, timeout=clock(), metadata=self._metadata, wait_for_ready=self._wait_for_ready
                )
            except asyncio.CancelledError:
                self._check_cancelled(before)
                raise
            except grpc.aio.AioRpcError as error:
                refusal = errors.from_rpc(error, self._target)
            wait = patience.wait_after(refusal)
            if wait is None or wait >= clock():
                raise refusal
            await asyncio.sleep(wait)

    async def stream(
        self,
        method: grpc.aio.UnaryStreamMultiCallable[requests.Request, Reply],
        request: requests.Request,
        clock: Callable[[], float],
    ) -> AsyncGenerator[Reply, None]:
        """The replies of a stream, each once, over all that it takes to get them."""
        resumption, patience = Resumption(request), Patience(self._retries)
        before = _cancellations()
        while True:
            self._check_open()
            call = method(
                resumption.request,
                timeout=clock(),
                metadata=self._metadata,
                wait_for_ready=self._wait_for_ready,
            )
            try:
                async for reply in call:
                    if resumption.is_news(reply):
                        yield reply
                        before = _cancellations()  # Much may have happened to the reader meanwhile.
                return
            except asyncio.CancelledError:
                self._check_cancelled(before)
                raise
            except grpc.aio.AioRpcError as error:
                if resumption.complete:
                    return
                refusal = errors.from_rpc(error, self._target)
                wait = resumption.wait_after(error)
                wait = patience.wait_after(refusal) if wait is None else wait
                if wait is None or wait >= clock():
                    raise refusal from None
            finally:
                call.cancel()  # Whoever stops reading stops the server's work too; a finished call does not mind.
            await asyncio.sleep(wait)

    def _check_open(self) -> None:
        if self._closed:
            raise errors.ClientClosed

    def _check_cancelled(self, before: int) -> None:
        """Raises ClientClosed for a call that gRPC cancelled as the client was closed.

        Nobody cancelled its task then: it has been cancelled as often as `before`.
        """
        if self._closed and _cancellations() == before:
            raise errors.ClientClosed from None


def _cancellations() -> int:
    """How often this task has been cancelled, which it may have survived."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0
