"""Watchers of health hold nobody up, and are not without number: whoever can connect can be one."""

import socket
import struct
import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from zoo_server.repository.repository import Repository
from zoo_server.services import health

SECONDS = 30
"""To wait at most: less than the minute after which gRPC hangs up on a deaf client, that acknowledges no ping."""

SERVING = health_pb2.HealthCheckResponse.SERVING


class DeafClient:
    """Speaks just enough HTTP/2 to watch the server's health with a window of 0 bytes, so that no answer may come."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)))
        window = struct.pack(">HI", 4, 0)
        headers = b"".join(
            b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value
            for name, value in [
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":path", b"/grpc.health.v1.Health/Watch"),
                (b":authority", address.encode()),
                (b"te", b"trailers"),
                (b"content-type", b"application/grpc"),
            ]
        )
        frames = [self._frame(4, 0, 0, window), self._frame(1, 4, 1, headers), self._frame(0, 1, 1, bytes(5))]
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"".join(frames))
        # The server's settings come first; it would hang up on one that does not acknowledge them.
        assert self._socket.recv(1)
        self._socket.sendall(self._frame(4, 1, 0, b""))

    @staticmethod
    def _frame(kind, flags, stream, payload):
        return (
            struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload
        )

    def close(self):
        self._socket.close()


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


def test_a_watcher_that_reads_nothing_holds_nobody_up(live, connect, wait_until):
    deaf = DeafClient(live.address)
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
