"""Several servers behind a real Envoy, with the configuration of server/deploy; only its addresses are changed."""

import json
import signal
import struct
import subprocess
import sys
import urllib.error

import grpc
import pytest

from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, SampleResponse, StreamSampleRequest

BLOBS = SampleRequest(model=ModelSelector(name="blobs"), seed=3)


@pytest.fixture(scope="module")
def by_envoy(load_module):
    """The module that starts Envoys."""
    return load_module("balancer")


@pytest.fixture(scope="module")
def descriptors(by_envoy, tmp_path_factory):
    return by_envoy.write_descriptors(tmp_path_factory.mktemp("descriptors"))


@pytest.fixture
def balance(by_envoy, descriptors, tmp_path, wait_until):
    balancers = []

    def start(*servers):
        balancers.append(by_envoy.Balancer(servers, descriptors, tmp_path, wait_until))
        return balancers[-1]

    yield start
    for balancer in balancers:
        balancer.close()


def test_the_calls_of_one_connection_go_to_both_servers(balance, start_server, connect):
    servers = [start_server().address, start_server().address]
    balancer = balance(*servers)
    before = balancer.calls()
    api = connect(balancer.address)
    images = {api.sampling.Sample(BLOBS).images[0].SerializeToString() for _ in range(40)}
    assert len(images) == 1  # Whichever server drew it.
    got = {server: count - before[server] for server, count in balancer.calls().items()}
    assert sum(got.values()) >= 40
    assert all(count >= 5 for count in got.values())
    news = api.sampling.StreamSample(StreamSampleRequest(sample=BLOBS))
    # The last of the news may be progress.
    [image] = [message.image for message in news if message.HasField("image")]
    assert image.SerializeToString() in images


def test_errors_deadlines_and_cancellation_pass_through(balance, start_server, connect, wait_until):
    live = start_server()
    sampling = connect(balance(live.address).address).sampling
    with pytest.raises(grpc.RpcError) as caught:
        sampling.Sample(SampleRequest(model=ModelSelector(name="nobody")))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert "grpc-status-details-bin" in dict(caught.value.trailing_metadata())
    slow = SampleRequest(model=ModelSelector(name="slow"), options={"diffusion": {"steps": 1000}})
    with pytest.raises(grpc.RpcError) as caught:
        sampling.Sample(slow, timeout=1)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    stream = sampling.StreamSample(StreamSampleRequest(sample=slow))
    next(stream)
    stream.cancel()
    wait_until(lambda: live.pending_items == 0, 60)


def test_json_and_grpc_web_give_what_grpc_gives(balance, start_server, connect):
    live = start_server()
    balancer = balance(live.address)
    expected = connect(live.address).sampling.Sample(BLOBS)

    with balancer.post("application/json", b'{"model": {"name": "blobs"}, "seed": "3"}') as response:
        answer = json.load(response)
    [image] = answer["images"]
    assert image["recipe"]["seed"] == "3"
    assert image["image"]["encoded"]["mimeType"] == "image/png"

    message = BLOBS.SerializeToString()
    with balancer.post(
        "application/grpc-web+proto", struct.pack(">BI", 0, len(message)) + message
    ) as response:
        body = response.read()
    flag, length = struct.unpack(">BI", body[:5])
    assert flag == 0
    assert SampleResponse.FromString(body[5 : 5 + length]) == expected
    assert body[5 + length] == 0x80  # The trailers, as a frame.
    assert b"grpc-status:0" in body[5 + length :].replace(b" ", b"")


def test_an_error_in_json_has_its_details(balance, start_server):
    balancer = balance(start_server().address)
    with pytest.raises(urllib.error.HTTPError) as caught:
        balancer.post("application/json", b'{"model": {"name": "nobody"}}')
    assert caught.value.code == 404
    status = json.load(caught.value)
    assert status["code"] == grpc.StatusCode.NOT_FOUND.value[0]
    [reason] = [detail["reason"] for detail in status["details"] if "reason" in detail]
    assert reason == "MODEL_NOT_FOUND"


def test_a_killed_server_costs_nobody_a_call_and_is_taken_out(
    balance, start_server, models, tmp_path, connect, wait_until
):
    live = start_server()
    one = tmp_path / "models"
    one.mkdir()
    (one / "blobs").symlink_to(models / "blobs")
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo_server", "--models", one, "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        doomed = process.stdout.readline().split(" on ")[1].split()[0]
        balancer = balance(live.address, doomed)
        sampling = connect(balancer.address).sampling
        for _ in range(20):
            assert sampling.Sample(BLOBS).images
        assert balancer.calls()[doomed] > 0
        process.send_signal(signal.SIGKILL)
        for _ in range(20):
            assert sampling.Sample(BLOBS).images
        wait_until(lambda: balancer.health() == {live.address: True, doomed: False}, 60)
        for _ in range(5):
            assert sampling.Sample(BLOBS).images
    finally:
        process.kill()
        process.communicate()
