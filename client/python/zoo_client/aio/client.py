"""The client for asyncio: numpy in, numpy out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc
import numpy as np

from pixelzoo.v1 import (
    catalog_service_pb2,
    sampling_service_pb2,
    scoring_service_pb2,
    translation_service_pb2,
)
from zoo_client import channel, environment, images, requests, results, retrying
from zoo_client.aio.connections import Connections
from zoo_client.arguments import whole
from zoo_client.images import Encoding, Images, Latents, LatentsLike, Pixels
from zoo_client.model import Model
from zoo_client.options import SampleOptions, ScoreOptions, TranslateOptions
from zoo_client.requests import Labels, Method
from zoo_client.results import ImageScores, SampleEvent, Samples, ScoreEvent, Scores

Parts = TypeVar("Parts")


class Client:
    """Calls of a pixelzoo server, for one event loop. Args are those of `zoo_client.Client`.

    Pictures are encoded in a thread, so that a large one does not hold the loop up: leave arrays as they are until the
    call is answered. Cancelling a task that awaits a call, or closing a stream (`contextlib.aclosing`), cancels the
    work on the server.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        encoding: Encoding = "png",
        timeout: float = channel.DEFAULT_TIMEOUT,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        server_name: str | None = None,
        wait_for_ready: bool = False,
        connections: int = 1,
        retries: int = retrying.DEFAULT_RETRIES,
    ) -> None:
        self.target = target or environment.target()
        self.encoding = images.checked_encoding(encoding)
        self.timeout = channel.checked_timeout(timeout)
        self._cards: dict[str, Model] = {}
        self._server = Connections(
            self.target, credentials, token, server_name, wait_for_ready, connections, retries
        )

    @classmethod
    def from_env(cls, target: str | None = None, **settings: Unpack[channel.Settings]) -> Self:
        """A client of the server that the environment names."""
        return cls(
            target,
            credentials=environment.credentials(),
            token=environment.token(),
            server_name=environment.server_name(),
            **settings,
        )

    async def close(self) -> None:
        """Ends the connections, and with it every call under way."""
        await self._server.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def models(self, *, timeout: float | None = None) -> list[Model]:
        """All models of the server by name."""
        clock = self._clock(timeout)
        found: list[Model] = []
        token = ""
        while True:
            request = catalog_service_pb2.ListModelsRequest(page_token=token)
            reply = await self._server.call(self._server.stubs.catalog.ListModels, request, clock)
            found += [Model.from_message(message) for message in reply.models]
            token = reply.next_page_token
            if not token:
                return found

    async def model(self, name: str, *, timeout: float | None = None) -> Model:
        """One model with its card, as the server has it now."""
        return await self._describe(name, self._clock(timeout))

    async def sample(
        self,
        model: str,
        n: int | None = None,
        *,
        seed: int | None = None,
        labels: Labels = None,
        reproducible: bool = False,
        timeout: float | None = None,
        **options: Unpack[SampleOptions],
    ) -> Samples:
        """Makes images."""
        clock = self._clock(timeout)
        described = await self._known(model, clock)
        parts = await self._parts(
            requests.sample, described, model, n, seed, labels, options, reproducible=reproducible
        )
        found = []
        for part in parts:
            reply = await self._server.call(self._server.stubs.sampling.Sample, part.request, clock)
            found += [results.image(message, part.first) for message in reply.images]
        return Samples(found)

    async def stream_sample(
        self,
        model: str,
        n: int | None = None,
        *,
        seed: int | None = None,
        labels: Labels = None,
        preview_interval: int = 0,
        reproducible: bool = False,
        timeout: float | None = None,
        **options: Unpack[SampleOptions],
    ) -> AsyncGenerator[SampleEvent, None]:
        """Makes images, and tells on the way: yields `Progress`, `Preview`, and each finished `Image`."""
        clock, interval = self._clock(timeout), whole(preview_interval, "preview_interval", 0)
        described = await self._known(model, clock)
        parts = await self._parts(
            requests.sample, described, model, n, seed, labels, options, reproducible=reproducible
        )
        for part in parts:
            request = sampling_service_pb2.StreamSampleRequest(sample=part.request, preview_interval=interval)
            async with aclosing(
                self._server.stream(self._server.stubs.sampling.StreamSample, request, clock)
            ) as replies:
                async for reply in replies:
                    for event in results.sample_events(reply, part):
                        yield event

    async def complete(
        self,
        model: str,
        picture: Images,
        n: int = 1,
        *,
        given_rows: int | None = None,
        seed: int | None = None,
        labels: Labels = None,
        reproducible: bool = False,
        timeout: float | None = None,
        temperature: float | None = None,
    ) -> Samples:
        """Keeps the top of one picture, and draws `n` different rests below it."""
        clock = self._clock(timeout)
        options = requests.completion(await self._known(model, clock), picture, given_rows, temperature)
        return await self.sample(
            model, n, seed=seed, labels=labels, reproducible=reproducible, timeout=clock(), **options
        )

    async def translate(
        self,
        model: str,
        pictures: Images,
        *,
        seed: int | None = None,
        labels: Labels = None,
        reproducible: bool = False,
        timeout: float | None = None,
        **options: Unpack[TranslateOptions],
    ) -> Samples:
        """Turns images into other images."""
        clock = self._clock(timeout)
        described = await self._known(model, clock)
        parts = await self._parts(
            requests.translate, described, model, pictures, seed, labels, options, reproducible=reproducible
        )
        found = []
        for part in parts:
            reply = await self._server.call(self._server.stubs.translation.Translate, part.request, clock)
            found += [results.image(message, part.first) for message in reply.images]
        return Samples(found)

    async def stream_translate(
        self,
        model: str,
        pictures: Images,
        *,
        seed: int | None = None,
        labels: Labels = None,
        preview_interval: int = 0,
        reproducible: bool = False,
        timeout: float | None = None,
        **options: Unpack[TranslateOptions],
    ) -> AsyncGenerator[SampleEvent, None]:
        """Turns images into other images, with the events of `stream_sample`."""
        clock, interval = self._clock(timeout), whole(preview_interval, "preview_interval", 0)
        described = await self._known(model, clock)
        parts = await self._parts(
            requests.translate, described, model, pictures, seed, labels, options, reproducible=reproducible
        )
        for part in parts:
            request = translation_service_pb2.StreamTranslateRequest(
                translate=part.request, preview_interval=interval
            )
            async with aclosing(
                self._server.stream(self._server.stubs.translation.StreamTranslate, request, clock)
            ) as replies:
                async for reply in replies:
                    for event in results.sample_events(reply, part):
                        yield event

    async def upscale(
        self, model: str, pictures: Images, *, reproducible: bool = False, timeout: float | None = None
    ) -> Samples:
        """Enlarges pictures of any sizes."""
        clock = self._clock(timeout)
        requests.check_enlarges(await self._known(model, clock))
        return await self.translate(model, pictures, reproducible=reproducible, timeout=clock())

    async def score(
        self,
        model: str,
        pictures: Images,
        labels: Labels = None,
        *,
        seed: int = 0,
        reproducible: bool = False,
        timeout: float | None = None,
        **options: Unpack[ScoreOptions],
    ) -> Scores:
        """Says how likely, or how good, images are."""
        clock = self._clock(timeout)
        described = await self._known(model, clock)
        parts = await self._parts(
            requests.score, described, model, pictures, seed, labels, options, reproducible=reproducible
        )
        found: list[ImageScores] = []
        for part in parts:
            reply = await self._server.call(self._server.stubs.scoring.Score, part.request, clock)
            found += [results.scores(message, part.first, described) for message in reply.scores]
        return Scores(found)

    async def stream_score(
        self,
        model: str,
        pictures: Images,
        labels: Labels = None,
        *,
        seed: int = 0,
        reproducible: bool = False,
        timeout: float | None = None,
        **options: Unpack[ScoreOptions],
    ) -> AsyncGenerator[ScoreEvent, None]:
        """Scores images, and tells on the way: yields `Progress`, and the `ImageScores` of each image."""
        clock = self._clock(timeout)
        described = await self._known(model, clock)
        parts = await self._parts(
            requests.score, described, model, pictures, seed, labels, options, reproducible=reproducible
        )
        for part in parts:
            request = scoring_service_pb2.StreamScoreRequest(score=part.request)
            async with aclosing(
                self._server.stream(self._server.stubs.scoring.StreamScore, request, clock)
            ) as replies:
                async for reply in replies:
                    for event in results.score_events(reply, part, described):
                        yield event

    async def encode(self, model: str, pictures: Images, *, timeout: float | None = None) -> Latents:
        """The latents of images: float32 (or int32 codes) [n, ...]."""
        clock = self._clock(timeout)
        described = await self._known(model, clock)
        found: list[Latents] = []
        for request in await asyncio.to_thread(
            requests.encode, described, requests.selector(model), pictures, self.encoding
        ):
            reply = await self._server.call(self._server.stubs.latent.Encode, request, clock)
            found += map(images.from_tensor, reply.latents)
        return np.stack(found)

    async def decode(self, model: str, latents: LatentsLike, *, timeout: float | None = None) -> Pixels:
        """The images of latents [n, ...]: uint8 [n, h, w, c]."""
        clock = self._clock(timeout)
        described = await self._known(model, clock)
        found: list[Pixels] = []
        for request in requests.decode(described, requests.selector(model), latents, self.encoding):
            reply = await self._server.call(self._server.stubs.latent.Decode, request, clock)
            found += map(images.from_message, reply.images)
        return np.stack(found)

    async def interpolate(
        self,
        model: str,
        start: Images | LatentsLike,
        end: Images | LatentsLike,
        n: int = 8,
        *,
        method: Method = "linear",
        timeout: float | None = None,
    ) -> Pixels:
        """`n` images on the way from `start` to `end`, both included: uint8 [n, h, w, c]."""
        clock = self._clock(timeout)
        described = await self._known(model, clock)
        request = await asyncio.to_thread(
            requests.interpolate, described, requests.selector(model), start, end, n, method, self.encoding
        )
        reply = await self._server.call(self._server.stubs.latent.Interpolate, request, clock)
        return np.stack([images.from_message(message) for message in reply.images])

    async def _parts(
        self, build: Callable[..., Parts], described: Model, model: str, *wanted: object, reproducible: bool
    ) -> Parts:
        """What `build` makes of what is wanted: in a thread, for it encodes pictures."""
        return await asyncio.to_thread(
            build, described, requests.selector(model), *wanted, self.encoding, reproducible
        )

    def _clock(self, timeout: float | None) -> Callable[[], float]:
        """A function that says how many seconds are left of a call that begins now."""
        return channel.clock(self.timeout if timeout is None else timeout)

    async def _known(self, name: str, clock: Callable[[], float]) -> Model:
        """The model's card, from memory if it was fetched before."""
        return self._cards.get(name) or await self._describe(name, clock)

    async def _describe(self, name: str, clock: Callable[[], float]) -> Model:
        request = catalog_service_pb2.GetModelRequest(model=requests.selector(name))
        described = Model.from_message(
            (await self._server.call(self._server.stubs.catalog.GetModel, request, clock)).model
        )
        self._cards[name] = described
        return described
