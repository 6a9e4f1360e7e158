"""Watchers of health hold nobody up, and are not without number: whoever can connect can be one."""

import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from zoo_server.repository.repository import Repository
from zoo_server.services import health

SECONDS = 30
"""To wait at most: less than the minute after which gRPC hangs up on a deaf client, that acknowledges no ping."""

SERVING = health_pb2.HealthCheckResponse.SERVING


def stub(live, connect):
    return health_pb2_grpc.HealthStub(connect(live.address).channel)


def watch(live, connect, service=""):
    """A watch that has begun."""
    begun = stub(live, connect).Watch(health_pb2.HealthCheckRequest(service=service), timeout=SECONDS)
    next(begun)
    return begun


def refusal(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


@pytest.fixture
def live(start_server):
    return start_server(Repository())


def test_a_watcher_that_reads_nothing_holds_nobody_up(live, connect, wait_until, load_module):
    by_hand = load_module("http2_by_hand")
    deaf = by_hand.Connection(live.address, window=0)
    deaf.next(by_hand.SETTINGS)
    deaf.watch_health()
    wait_until(lambda: live.app._health.watchers == 1)
    hearing = watch(live, connect)
    stopping = threading.Thread(target=live.run, args=(live.app.stop(),), daemon=True)
    stopping.start()
    assert next(hearing).status == health_pb2.HealthCheckResponse.NOT_SERVING
    stopping.join(SECONDS)
    assert not stopping.is_alive()
    deaf.close()


def test_a_name_longer_than_any_of_ours_is_refused(live, connect):
    request = health_pb2.HealthCheckRequest(service="x" * 201)
    checked = refusal(lambda: stub(live, connect).Check(request, timeout=SECONDS))
    watched = refusal(lambda: next(stub(live, connect).Watch(request, timeout=SECONDS)))
    assert checked.code() == watched.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "at most 200" in checked.details()


def test_nothing_is_kept_of_a_name_that_nobody_watches_any_more(live, connect, wait_until):
    watching = [watch(live, connect, f"nobody.{number}") for number in range(3)]
    assert len(live.app._health._watchers) == 3
    for one in watching:
        one.cancel()
    wait_until(lambda: not live.app._health._watchers)
    assert not [name for name in live.app._health._statuses if name.startswith("nobody")]


def test_one_watcher_too_many_is_refused_until_another_has_gone(live, connect, wait_until, monkeypatch):
    monkeypatch.setattr(health, "MOST_WATCHERS", 2)
    first, _second = watch(live, connect), watch(live, connect, "nobody")
    refused = refusal(lambda: watch(live, connect))
    assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stub(live, connect).Check(health_pb2.HealthCheckRequest(), timeout=SECONDS).status == SERVING
    first.cancel()
    wait_until(lambda: live.app._health.watchers == 1)
    watch(live, connect)
