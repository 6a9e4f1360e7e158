"""The client: numpy in, numpy out."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from types import TracebackType
from typing import Self, Unpack

import grpc
import numpy as np

from pixelzoo.v1 import (
    catalog_service_pb2,
    sampling_service_pb2,
    scoring_service_pb2,
    translation_service_pb2,
)
from zoo_client import channel, environment, images, requests, results, retrying
from zoo_client.arguments import whole
from zoo_client.connections import Connections
from zoo_client.images import Encoding, Images, Latents, LatentsLike, Pixels
from zoo_client.model import Model
from zoo_client.options import SampleOptions, ScoreOptions, TranslateOptions
from zoo_client.requests import Labels, Method
from zoo_client.results import ImageScores, SampleEvent, Samples, ScoreEvent, Scores


class Client:
    """Calls of a pixelzoo server, or of several that are alike.

        with Client() as zoo:
            boots = zoo.sample("ddpm_fashion_mnist", 16, seed=7, labels="Ankle boot", sampler="ddim")
            boots.images  # uint8 [16, 28, 28, 1]
            boots.save_grid("boots.png")

    A model is named "name", "name@3" (a version) or "name@stable" (a version's label). Every call raises a
    `ZooError` of `zoo_client.errors` if it fails. One client may be used from several threads; it must not be
    carried over a fork.

    Args:
        target: "host:port"; by default the environment's PIXELZOO_TARGET, or localhost:50051. Of several addresses,
            "10.0.0.1:50051,10.0.0.2:50051", or all those of a name, "dns:///zoo.example:50051", each is called in
            its turn while its health check says that it serves.
        encoding: how images travel, "png", "jpeg" or "raw". JPEG changes pixels; what is sent to the server
            then goes as PNG.
        timeout: seconds that a call may take if it does not say otherwise.
        credentials: TLS credentials, `zoo_client.tls.credentials("ca.pem")` or gRPC's own; without them the connection
            is in the clear.
        token: sent with every call, for servers that ask for one. Raises InsecureToken for a connection in the
            clear to another machine.
        server_name: the name in the server's certificate, where it is not that of the target: with TLS, several
            addresses need it.
        wait_for_ready: whether calls wait, for as long as they may take, for a server that is not there, such as one
            that is being restarted. Otherwise they give up after some attempts, in one to two seconds.
        connections: how many to open, 1 to 64, over which calls go in turn. One carries many calls at once, but large
            pictures on it wait for each other.
        retries: how often a call is sent again that the server puts off with a time to wait (QUEUE_FULL,
            MODEL_LOADING, QUOTA_EXCEEDED). It waits as long as the server says, and up to half as long again; a wait
            of more than 30 seconds, or beyond the timeout, is left to the caller.

    A call that the server could not take on, or that it went away from, is sent again; of a stream that breaks, what
    has come is kept, the call is sent again for the rest, and its progress is told anew.
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
        """A client of the server that the environment names, as the commands call it.

        PIXELZOO_TARGET is the address. PIXELZOO_TLS_CA is a PEM file of the authorities that may vouch for the server,
        or "system" for those whom this system trusts (then the connection is encrypted); PIXELZOO_TLS_SERVER_NAME is
        the name in its certificate where the address is another; PIXELZOO_TLS_CLIENT_CERTIFICATE and
        PIXELZOO_TLS_CLIENT_KEY are PEM files of the client's own certificate, for servers that ask for one.
        PIXELZOO_TOKEN is the token to send.

        Args:
            target: an address that goes before the environment's.
            **settings: encoding, timeout, wait_for_ready, connections and retries, as `Client` takes them.

        Raises InvalidSetting for a variable that cannot be used, and InsecureToken as `Client` does.
        """
        return cls(
            target,
            credentials=environment.credentials(),
            token=environment.token(),
            server_name=environment.server_name(),
            **settings,
        )

    def close(self) -> None:
        """Ends the connections, and with it every call under way."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def models(self, *, timeout: float | None = None) -> list[Model]:
        """All models of the server by name, those that it could not load included (`available` tells)."""
        clock = self._clock(timeout)
        found: list[Model] = []
        token = ""
        while True:
            request = catalog_service_pb2.ListModelsRequest(page_token=token)
            reply = self._server.call(self._server.stubs.catalog.ListModels, request, clock)
            found += [Model.from_message(message) for message in reply.models]
            token = reply.next_page_token
            if not token:
                return found

    def model(self, name: str, *, timeout: float | None = None) -> Model:
        """One model with its card, as the server has it now."""
        return self._describe(name, self._clock(timeout))

    def sample(
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
        """Makes images.

        Args:
            model: the model's name.
            n: how many; by default as many as there are labels, or one.
            seed: of the first image, 0 .. 2^63 - 1; image i has seed + i. By default the server draws one,
                which comes back in `recipes`.
            labels: no class, one for all, or one for each: numbers or class names.
            reproducible: makes images whose bytes do not depend on what else the server is doing; without it a
                pixel may differ by 1 level of 255. The server takes as long for one as for a full batch.
            timeout: seconds for the whole call.
            **options: see `SampleOptions`, and the model's card for those that it has.
        """
        clock = self._clock(timeout)
        described = self._known(model, clock)
        parts = requests.sample(
            described, requests.selector(model), n, seed, labels, options, self.encoding, reproducible
        )
        found = []
        for part in parts:
            reply = self._server.call(self._server.stubs.sampling.Sample, part.request, clock)
            found += [results.image(message, part.first) for message in reply.images]
        return Samples(found)

    def stream_sample(
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
    ) -> Generator[SampleEvent, None, None]:
        """Makes images, and tells on the way: yields `Progress`, `Preview`, and each `Image` when it is done.

        Args are those of `sample`, and preview_interval: a preview of every image each time it has done this
        many steps; 0 for none. Closing the iterator, or letting go of it, cancels the call.
        """
        clock, interval = self._clock(timeout), whole(preview_interval, "preview_interval", 0)
        described = self._known(model, clock)
        parts = requests.sample(
            described, requests.selector(model), n, seed, labels, options, self.encoding, reproducible
        )

        def events() -> Generator[SampleEvent, None, None]:
            for part in parts:
                request = sampling_service_pb2.StreamSampleRequest(
                    sample=part.request, preview_interval=interval
                )
                with closing(
                    self._server.stream(self._server.stubs.sampling.StreamSample, request, clock)
                ) as replies:
                    for reply in replies:
                        yield from results.sample_events(reply, part)

        return events()

    def complete(
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
        """Keeps the top of one picture, and draws `n` different rests below it.

        Args:
            model: the name of a model that draws row by row.
            picture: the picture, of the model's shape.
            n: how many completions.
            given_rows: how many rows are kept; half of them by default.
            seed, labels, reproducible, timeout, temperature: as in `sample`.
        """
        clock = self._clock(timeout)
        options = requests.completion(self._known(model, clock), picture, given_rows, temperature)
        return self.sample(
            model, n, seed=seed, labels=labels, reproducible=reproducible, timeout=clock(), **options
        )

    def translate(
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
        """Turns images into other images: another domain, another resolution, a variation, a part painted anew.

            zoo.translate("cyclegan_fashion_mnist", sneakers, direction="a_to_b")
            zoo.translate("ddpm_fashion_mnist", shirt, labels="Shirt", strength=0.6)
            zoo.translate("ddpm_fashion_mnist", shirt, strength=1, mask=mask)  # white is painted anew

        Args:
            model: the model's name.
            pictures: uint8 [n, h, w, c], one image, or a list of images or PIL pictures of any sizes, or of the bytes
                of files: 8-bit grey or RGB, PNG or JPEG, with the model's channels, sent as they are.
            seed, labels, reproducible, timeout: as in `sample`.
            **options: see `TranslateOptions`.
        """
        clock = self._clock(timeout)
        described = self._known(model, clock)
        parts = requests.translate(
            described, requests.selector(model), pictures, seed, labels, options, self.encoding, reproducible
        )
        found = []
        for part in parts:
            reply = self._server.call(self._server.stubs.translation.Translate, part.request, clock)
            found += [results.image(message, part.first) for message in reply.images]
        return Samples(found)

    def stream_translate(
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
    ) -> Generator[SampleEvent, None, None]:
        """Turns images into others, with the events of `stream_sample` and the arguments of `translate`."""
        clock, interval = self._clock(timeout), whole(preview_interval, "preview_interval", 0)
        described = self._known(model, clock)
        parts = requests.translate(
            described, requests.selector(model), pictures, seed, labels, options, self.encoding, reproducible
        )

        def events() -> Generator[SampleEvent, None, None]:
            for part in parts:
                request = translation_service_pb2.StreamTranslateRequest(
                    translate=part.request, preview_interval=interval
                )
                with closing(
                    self._server.stream(self._server.stubs.translation.StreamTranslate, request, clock)
                ) as replies:
                    for reply in replies:
                        yield from results.sample_events(reply, part)

        return events()

    def upscale(
        self, model: str, pictures: Images, *, reproducible: bool = False, timeout: float | None = None
    ) -> Samples:
        """Enlarges pictures of any sizes; `zoo.model(name).scale` is how many times.

        Args are those of `translate`, which this is, for a model that enlarges. Raises InvalidField for another.
        """
        clock = self._clock(timeout)
        requests.check_enlarges(self._known(model, clock))
        return self.translate(model, pictures, reproducible=reproducible, timeout=clock())

    def score(
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
        """Says how likely, or how good, images are. Each score comes with its kind and unit.

        Args:
            model: the model's name.
            pictures: uint8 [n, h, w, c], one image, or a list of images or PIL pictures, or of the bytes of files as
                in `translate`.
            labels: no class, one for all, or one for each: numbers or class names.
            seed: of the first image, for scores that are random estimates; image i has seed + i.
            reproducible: as in `sample`.
            timeout: seconds for the whole call.
            **options: see `ScoreOptions`.
        """
        clock = self._clock(timeout)
        described = self._known(model, clock)
        parts = requests.score(
            described, requests.selector(model), pictures, seed, labels, options, self.encoding, reproducible
        )
        found: list[ImageScores] = []
        for part in parts:
            reply = self._server.call(self._server.stubs.scoring.Score, part.request, clock)
            found += [results.scores(message, part.first, described) for message in reply.scores]
        return Scores(found)

    def stream_score(
        self,
        model: str,
        pictures: Images,
        labels: Labels = None,
        *,
        seed: int = 0,
        reproducible: bool = False,
        timeout: float | None = None,
        **options: Unpack[ScoreOptions],
    ) -> Generator[ScoreEvent, None, None]:
        """Scores images, and tells on the way: yields `Progress`, and the `ImageScores` of each image."""
        clock = self._clock(timeout)
        described = self._known(model, clock)
        parts = requests.score(
            described, requests.selector(model), pictures, seed, labels, options, self.encoding, reproducible
        )

        def events() -> Generator[ScoreEvent, None, None]:
            for part in parts:
                request = scoring_service_pb2.StreamScoreRequest(score=part.request)
                with closing(
                    self._server.stream(self._server.stubs.scoring.StreamScore, request, clock)
                ) as replies:
                    for reply in replies:
                        yield from results.score_events(reply, part, described)

        return events()

    def encode(self, model: str, pictures: Images, *, timeout: float | None = None) -> Latents:
        """The latents of images: float32 (or int32 codes) [n, ...], of the shape that the card states."""
        clock = self._clock(timeout)
        described = self._known(model, clock)
        found: list[Latents] = []
        for request in requests.encode(described, requests.selector(model), pictures, self.encoding):
            found += map(
                images.from_tensor,
                self._server.call(self._server.stubs.latent.Encode, request, clock).latents,
            )
        return np.stack(found)

    def decode(self, model: str, latents: LatentsLike, *, timeout: float | None = None) -> Pixels:
        """The images of latents [n, ...]: uint8 [n, h, w, c]."""
        clock = self._clock(timeout)
        described = self._known(model, clock)
        found: list[Pixels] = []
        for request in requests.decode(described, requests.selector(model), latents, self.encoding):
            found += map(
                images.from_message,
                self._server.call(self._server.stubs.latent.Decode, request, clock).images,
            )
        return np.stack(found)

    def interpolate(
        self,
        model: str,
        start: Images | LatentsLike,
        end: Images | LatentsLike,
        n: int = 8,
        *,
        method: Method = "linear",
        timeout: float | None = None,
    ) -> Pixels:
        """`n` images on the way from `start` to `end`, both included: uint8 [n, h, w, c].

        Args:
            model: the model's name.
            start, end: each a latent (float array) or an image (uint8 array, or PIL).
            n: how many, at least 2.
            method: "linear", or "spherical", which keeps the length that a normal prior makes typical.
            timeout: seconds for the whole call.
        """
        clock = self._clock(timeout)
        described = self._known(model, clock)
        request = requests.interpolate(
            described, requests.selector(model), start, end, n, method, self.encoding
        )
        reply = self._server.call(self._server.stubs.latent.Interpolate, request, clock)
        return np.stack([images.from_message(message) for message in reply.images])

    def _clock(self, timeout: float | None) -> Callable[[], float]:
        """A function that says how many seconds are left of a call that begins now."""
        return channel.clock(self.timeout if timeout is None else timeout)

    def _known(self, name: str, clock: Callable[[], float]) -> Model:
        """The model's card, from memory if it was fetched before."""
        return self._cards.get(name) or self._describe(name, clock)

    def _describe(self, name: str, clock: Callable[[], float]) -> Model:
        request = catalog_service_pb2.GetModelRequest(model=requests.selector(name))
        described = Model.from_message(
            self._server.call(self._server.stubs.catalog.GetModel, request, clock).model
        )
        self._cards[name] = described
        return described
