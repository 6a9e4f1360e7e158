"""Connections to servers, and how calls go over them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
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

    def __init__(self, channel: grpc.Channel) -> None:
        self.catalog = CatalogServiceStub(channel)
        self.sampling = sampling_service_pb2_grpc.SamplingServiceStub(channel)
        self.translation = translation_service_pb2_grpc.TranslationServiceStub(channel)
        self.scoring = scoring_service_pb2_grpc.ScoringServiceStub(channel)
        self.latent = latent_service_pb2_grpc.LatentServiceStub(channel)


class Connections:
    """Some connections, over which calls go in turn. Args are those of `Client`."""

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
            grpc.insecure_channel(address, options)
            if credentials is None
            else grpc.secure_channel(address, credentials, options)
            for _ in range(connections)
        ]
        self._turns = itertools.cycle([Stubs(channel) for channel in self._channels])

    @property
    def stubs(self) -> Stubs:
        """The services over the connection whose turn it is."""
        return next(self._turns)

    def close(self) -> None:
        """Ends them, and with them every call under way."""
        self._closed = True
        for one in self._channels:
            one.close()

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[requests.Request, Reply],
        request: requests.Request,
        clock: Callable[[], float],
    ) -> Reply:
        """The answer to a request; raises the ZooError that it failed with."""
        patience = Patience(self._retries)
        while True:
            try:
                with self._open():
                    return method(
                        request,
                        timeout=clock(),
                        metadata=self._metadata,
                        wait_for_ready=self._wait_for_ready,
                    )
            except grpc.RpcError as error:
                refusal = self._refusal(error)
            wait = patience.wait_after(refusal)
            if wait is None or wait >= clock():
                raise refusal
            time.sleep(wait)

    def stream(
        self,
        method: grpc.UnaryStreamMultiCallable[requests.Request, Reply],
        request: requests.Request,
        clock: Callable[[], float],
    ) -> Generator[Reply, None, None]:
        """The replies of a stream, each once, over all that it takes to get them."""
        resumption, patience = Resumption(request), Patience(self._retries)
        while True:
            with self._open():
                call = method(
                    resumption.request,
                    timeout=clock(),
                    metadata=self._metadata,
                    wait_for_ready=self._wait_for_ready,
                )
            try:
                yield from filter(resumption.is_news, call)
                return
            except grpc.RpcError as error:
                if resumption.complete:
                    return
                refusal = self._refusal(error)
                wait = resumption.wait_after(error)
                wait = patience.wait_after(refusal) if wait is None else wait
                if wait is None or wait >= clock():
                    raise refusal from None
            finally:
                call.cancel()  # Whoever stops reading stops the server's work too; a finished call does not mind.
            time.sleep(wait)

    @contextmanager
    def _open(self) -> Iterator[None]:
        """Raises ClientClosed where gRPC says that the channel is closed, which it does by a bare ValueError."""
        try:
            yield
        except ValueError:
            if self._closed:
                raise errors.ClientClosed from None
            raise

    def _refusal(self, error: grpc.RpcError) -> errors.ZooError:
        """What a call failed with."""
        if self._closed and error.code() == grpc.StatusCode.CANCELLED:
            return errors.ClientClosed()
        return errors.from_rpc(error, self._target)
