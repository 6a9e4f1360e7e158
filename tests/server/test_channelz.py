"""channelz: for debugging, off unless asked for, and on a loopback port of its own."""

import socket

import grpc
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc

from pixelzoo.v1.catalog_service_pb2 import ListModelsRequest


def servers(address):
    with grpc.insecure_channel(address) as channel:
        stub = channelz_pb2_grpc.ChannelzStub(channel)
        return stub.GetServers(channelz_pb2.GetServersRequest(), timeout=60).server


def test_it_tells_of_the_servers_calls_on_its_own_port_alone(start_server, connect):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    live = start_server(channelz_port=port)
    for _ in range(7):
        connect(live.address).catalog.ListModels(ListModelsRequest())
    assert 7 in [server.data.calls_succeeded for server in servers(f"127.0.0.1:{port}")]
    with pytest.raises(grpc.RpcError) as caught:
        servers(live.address)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
