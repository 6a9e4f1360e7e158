"""The server: everything put together, from the models on disk to the open port, and taken down again."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from pixelzoo.v1 import (
    catalog_service_pb2,
    catalog_service_pb2_grpc,
    latent_service_pb2,
    latent_service_pb2_grpc,
    sampling_service_pb2,
    sampling_service_pb2_grpc,
    scoring_service_pb2,
    scoring_service_pb2_grpc,
    translation_service_pb2,
    translation_service_pb2_grpc,
)
from zoo_server import incidents
from zoo_server.certificates import certificates_of
from zoo_server.config import KEEPALIVE_TIMEOUT_MS, PING_INTERVAL_MS, ServerConfig
from zoo_server.engine.admission import Limits
from zoo_server.engine.engine import Engine
from zoo_server.interceptors.callers import CallersLayer
from zoo_server.interceptors.calls import CallsLayer
from zoo_server.interceptors.errors import ErrorsLayer
from zoo_server.interceptors.fuse import FuseLayer
from zoo_server.interceptors.in_flight import InFlightLayer
from zoo_server.interceptors.layers import Layers
from zoo_server.lifecycle import Lifecycle
from zoo_server.open_inference import grpc_service_pb2, grpc_service_pb2_grpc
from zoo_server.quota import Quota
from zoo_server.repository.repository import Repository
from zoo_server.services.catalog import CatalogService
from zoo_server.services.health import HealthService
from zoo_server.services.image_pool import ImagePool
from zoo_server.services.latent import LatentService
from zoo_server.services.open_inference.service import OpenInferenceService
from zoo_server.services.pictures import Pictures
from zoo_server.services.plan import Planner
from zoo_server.services.sampling import SamplingService
from zoo_server.services.scoring import ScoringService
from zoo_server.services.translation import TranslationService
from zoo_server.telemetry.call_log import CallLog
from zoo_server.telemetry.channelz_port import ChannelzPort
from zoo_server.telemetry.gauges import Gauges
from zoo_server.telemetry.metrics import Metrics
from zoo_server.telemetry.metrics_port import MetricsPort
from zoo_server.telemetry.tracing import start_tracing
from zoo_server.tokens import Tokens, tokens_of
from zoo_server.watchdog import Watchdog

_log = logging.getLogger(__name__)

SERVICES = tuple(
    module.DESCRIPTOR.services_by_name[name].full_name
    for module, name in (
        (catalog_service_pb2, "CatalogService"),
        (sampling_service_pb2, "SamplingService"),
        (translation_service_pb2, "TranslationService"),
        (scoring_service_pb2, "ScoringService"),
        (latent_service_pb2, "LatentService"),
    )
)
"""The full names of the services, as health checks and reflection use them."""

OPEN_INFERENCE = grpc_service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name
"""That of the one that an operator can switch off."""

_TOKEN_WATCH_SECONDS = 1.0
"""A token that is taken out of the file is refused after this long at the latest."""

_LAST_WORDS_SECONDS = 1.0
"""How long calls that are ended at the end of the grace have to hear so."""


class App:
    """A server with the models of one repository. `start`, then `stop` once; both belong to one event loop."""

    def __init__(self, config: ServerConfig, repository: Repository) -> None:
        self.config = config
        self.repository = repository
        self._metrics = Metrics() if config.metrics_port else None
        self._tracing = start_tracing(os.environ)
        self._side_ports: list[MetricsPort | ChannelzPort] = []
        self._drained = asyncio.Event()
        limits = Limits(
            config.max_pending_items,
            config.max_pending_seconds,
            dict(config.max_bucket),
            config.max_unsent_bytes,
        )
        self.engine = Engine(limits, self._metrics)
        self._pool = ImagePool(config.image_threads, config.max_pixels_per_image)
        self._health = HealthService(repository)
        self.lifecycle = Lifecycle(
            repository, self.engine, config.model_poll_seconds, self._health.follow_models
        )
        self._watchdog = Watchdog(self.engine, repository, config.max_turn_seconds, self._health.set_hanging)
        self._in_flight = InFlightLayer()
        self._certificates = certificates_of(config)
        self._tokens = tokens_of(config)
        self._token_watch: asyncio.Task[None] | None = None
        # The log comes last: by then the others have had their say.
        listeners = [one for one in (self._metrics, self._tracing, CallLog()) if one is not None]
        self._server = grpc.aio.server(
            # From the outermost: whom the last one turns away is answered, and told of, as all are.
            interceptors=[
                Layers(
                    [
                        CallsLayer(listeners),
                        self._in_flight,
                        ErrorsLayer(),
                        FuseLayer(config.max_concurrent_calls),
                        CallersLayer(self._tokens, _peer_quota(config)),
                    ]
                )
            ],
            options=[
                ("grpc.max_receive_message_length", config.max_message_bytes),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", PING_INTERVAL_MS),
                ("grpc.max_concurrent_streams", config.max_calls_per_connection),
                ("grpc.keepalive_time_ms", round(1000 * config.keepalive_seconds)),
                ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
                # Without it a connection is asked but twice, and then no more until data passes.
                ("grpc.http2.max_pings_without_data", 0),
                ("grpc.max_connection_idle_ms", round(1000 * config.max_idle_seconds)),
                # Two servers on one port would share its connections at random: let the second one fail instead.
                ("grpc.so_reuseport", 0),
                ("grpc.enable_channelz", int(bool(config.channelz_port))),
            ],
        )
        self._services = (*SERVICES, OPEN_INFERENCE) if config.open_inference else SERVICES
        self._add_services()

    def _add_services(self) -> None:
        planner = Planner(self.repository, self.engine, self._pool, self.config.max_pending_items)
        pictures = Pictures(self.engine, self._pool, self.config.max_response_bytes)
        server = self._server
        catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(CatalogService(self.repository), server)
        sampling_service_pb2_grpc.add_SamplingServiceServicer_to_server(
            SamplingService(planner, pictures), server
        )
        translation_service_pb2_grpc.add_TranslationServiceServicer_to_server(
            TranslationService(planner, pictures), server
        )
        scoring_service_pb2_grpc.add_ScoringServiceServicer_to_server(
            ScoringService(planner, self.engine), server
        )
        latent_service_pb2_grpc.add_LatentServiceServicer_to_server(
            LatentService(self.repository, planner, self.engine, self._pool, self.config.max_response_bytes),
            server,
        )
        if self.config.open_inference:
            grpc_service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(
                OpenInferenceService(
                    self.repository,
                    planner,
                    self.engine,
                    self._pool,
                    self.config.max_response_bytes,
                    lambda: self._health.serving,
                ),
                server,
            )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if self.config.reflection:
            names = (*self._services, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name)
            reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), server)

    async def start(self) -> int:
        """Warm up, open the ports and serve; gives the one for calls.

        Raises OSError if one is taken, and SettingError for a setting that does not suit the models. Cancelled, it ends
        after the step of the warm-up that is being run and the SavedModel that is being read. Whatever ends it, nothing
        is left that has to be stopped.
        """
        self.engine.start()
        self._watchdog.start()
        try:
            await self.lifecycle.start()
            self._warn_of_unknown_models()
            port = self._open_port()
            await self._open_side_ports()
            await self._server.start()
        except BaseException:
            await self.lifecycle.stop()
            await self.engine.stop()
            await self._server.stop(None)
            await self._release()
            raise
        if self._tokens is not None:
            self._token_watch = asyncio.create_task(_watch(self._tokens))
        self._health.serve(self._services)
        return port

    def _open_port(self) -> int:
        address = self.config.address(self.config.port)
        try:
            if self._certificates is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, self._certificates.credentials())
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: is the port taken?") from error

    def _warn_of_unknown_models(self) -> None:
        for name in self.config.max_bucket.keys() - set(self.repository.names):
            _log.warning("max_bucket: there is no model %r", name)

    async def _open_side_ports(self) -> None:
        config = self.config
        if self._metrics:
            self._metrics.registry.register(Gauges(self.engine, self.repository))
            self._side_ports.append(
                MetricsPort(self._metrics.registry, config.metrics_host, config.metrics_port)
            )
        if config.channelz_port:
            channelz = ChannelzPort()
            self._side_ports.append(channelz)
            await channelz.start(config.channelz_port)

    def end_drain(self) -> None:
        """Do not wait any longer for load balancers to notice that the server is stopping."""
        self._drained.set()

    async def stop(self) -> None:
        """Say NOT_SERVING, take calls for the drain, let those in flight end within the grace, and end the rest.

        Calls that come after the drain find the port closed; those that outlive the grace get SHUTTING_DOWN.
        """
        await self.lifecycle.stop()
        self._health.enter_graceful_shutdown()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._drained.wait(), self.config.drain_seconds)
        if self._token_watch is not None:
            self._token_watch.cancel()
        grace = self.config.grace_seconds
        closing = asyncio.create_task(self._server.stop(grace + 2 * _LAST_WORDS_SECONDS))
        if not await self._in_flight.wait_until_idle(grace):
            _log.warning("calls are still in flight after %g s of grace: they end now", grace)
        await self.engine.stop()
        await self._in_flight.wait_until_idle(_LAST_WORDS_SECONDS)
        await self._server.stop(None)
        await closing
        await self._release()

    async def _release(self) -> None:
        """What is left when nothing is computed or answered any more."""
        self._watchdog.stop()
        await self.lifecycle.close()
        self._pool.close()
        for port in self._side_ports:  # To the last, so that the drain can be watched.
            await port.close()
        if self._tracing:
            await asyncio.to_thread(self._tracing.close)


def _peer_quota(config: ServerConfig) -> Quota:
    return Quota(config.peer_concurrent_calls, config.peer_requests_per_second, config.peer_burst)


async def _watch(tokens: Tokens) -> None:
    """Follow what the operator does to the file of tokens."""
    while True:
        await asyncio.sleep(_TOKEN_WATCH_SECONDS)
        try:
            await asyncio.to_thread(tokens.reload_if_changed)
        except Exception as error:  # noqa: BLE001 (no mistake may end the watch: tokens could not be taken back)
            incidents.report("the look at the file of tokens failed", error)


async def serve(config: ServerConfig, repository: Repository, on_ready: Callable[[int], None]) -> None:
    """Serve until SIGTERM or SIGINT, then stop gracefully; a second signal ends the drain.

    A signal that comes before the server is ready ends its start.

    Calls `on_ready` with the port once calls are taken.
    """
    app = App(config, repository)
    stopping = asyncio.Event()
    starting = asyncio.create_task(app.start())

    def on_signal() -> None:
        if stopping.is_set():
            app.end_drain()
        else:
            starting.cancel()  # Which does nothing once it is done.
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        on_ready(await starting)
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise
        _log.info("stopped before it was ready")
        return
    await stopping.wait()
    _log.info("stopping")
    await app.stop()
    _log.info("stopped")
