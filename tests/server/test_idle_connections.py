"""Connections without calls are not kept for ever, and their clients notice nothing."""

import threading

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pixelzoo.v1.catalog_service_pb2 import ListModelsRequest
from pixelzoo.v1.catalog_service_pb2_grpc import CatalogServiceStub


def test_an_idle_connection_is_closed_and_the_next_call_opens_another(start_server):
    live = start_server(max_idle_seconds=1)
    gone, seen = threading.Event(), threading.Event()
    with grpc.insecure_channel(live.address) as channel:
        catalog = CatalogServiceStub(channel)
        channel.subscribe(
            lambda state: state is grpc.ChannelConnectivity.IDLE and seen.is_set() and gone.set()
        )
        assert catalog.ListModels(ListModelsRequest()).models
        seen.set()
        assert gone.wait(60)
        assert catalog.ListModels(ListModelsRequest()).models


def test_one_with_a_call_that_is_quiet_is_not_idle(start_server):
    live = start_server(max_idle_seconds=1)
    own = [("grpc.use_local_subchannel_pool", 1)]  # Else both would share one connection.
    with (
        grpc.insecure_channel(live.address, options=own) as channel,
        grpc.insecure_channel(live.address, options=own) as other,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        gone, seen = threading.Event(), threading.Event()
        other.subscribe(lambda state: state is grpc.ChannelConnectivity.IDLE and seen.is_set() and gone.set())
        assert CatalogServiceStub(other).ListModels(ListModelsRequest()).models
        seen.set()
        assert gone.wait(60)  # An idle one that began later has been closed meanwhile.
        assert watch.is_active()
        watch.cancel()
