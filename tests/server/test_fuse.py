"""What one server, and one connection, take on at most, whatever is asked."""

import struct

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from pixelzoo.v1.catalog_service_pb2 import ListModelsRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from zoo_server.repository.repository import Repository

MAX_CONCURRENT_STREAMS = 3


def blob(seed):
    return SampleRequest(model=ModelSelector(name="blobs"), seed=seed)


def test_one_call_too_many_is_refused_with_the_time_to_wait_and_health_is_not(
    start_server, connect, network, wait_until
):
    live = start_server(max_concurrent_calls=2)
    api = connect(live.address)
    network.hold("sample")
    calls = [api.sampling.Sample.future(blob(seed)) for seed in (1, 2)]
    wait_until(lambda: live.pending_items == 2, seconds=60)
    for refused in (
        lambda: api.sampling.Sample(blob(3), timeout=60),
        lambda: api.catalog.ListModels(ListModelsRequest(), timeout=60),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            refused()
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        details = rpc_status.from_call(caught.value).details
        assert details[0].Unpack(info)
        assert details[1].Unpack(retry)
        assert (info.reason, info.metadata["unit"], info.metadata["limit"]) == ("QUEUE_FULL", "calls", "2")
    health = health_pb2_grpc.HealthStub(api.channel)
    assert (
        health.Check(health_pb2.HealthCheckRequest(), timeout=60).status
        == health_pb2.HealthCheckResponse.SERVING
    )
    network.release()
    assert all(call.result(60).images for call in calls)
    wait_until(lambda: live.app._in_flight._calls == 0)
    assert api.sampling.Sample(blob(3)).images


@pytest.fixture(scope="module")
def by_hand(load_module):
    return load_module("http2_by_hand")


def test_a_connection_hears_how_many_calls_it_may_have(start_server, by_hand):
    connection = by_hand.Connection(start_server(Repository(), max_calls_per_connection=7).address)
    payload = connection.next(by_hand.SETTINGS)
    told = dict(struct.unpack_from(">HI", payload, place) for place in range(0, len(payload), 6))
    assert told[MAX_CONCURRENT_STREAMS] == 7
    connection.close()


def test_a_quiet_connection_is_asked_again_and_again_whether_anybody_is_there(start_server, by_hand):
    connection = by_hand.Connection(start_server(Repository(), keepalive_seconds=1).address)
    connection.watch_health()
    for _ in range(4):  # gRPC would ask twice by itself.
        assert len(connection.next(by_hand.PING)) == 8
    connection.close()
