"""A mistake in the server or in a model gives INTERNAL with an id; the log has the rest, and the others are served."""

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.catalog_service_pb2 import ListModelsRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest
from zoo_server.engine import policy
from zoo_server.engine.shares import Shares
from zoo_server.repository.repository import Repository


def trap(seed, **fields):
    return SampleRequest(
        model=ModelSelector(name="trap"), seed=seed, encoding=image_pb2.IMAGE_ENCODING_RAW, **fields
    )


def internal_error(call):
    """The id of the INTERNAL error that `call` ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error = caught.value
    assert error.code() == grpc.StatusCode.INTERNAL
    info = error_details_pb2.ErrorInfo()
    [detail] = rpc_status.from_call(error).details
    assert detail.Unpack(info)
    assert (info.reason, info.domain) == ("INTERNAL_ERROR", "pixelzoo")
    assert info.metadata["error_id"] in error.details()
    assert "Traceback" not in str(error)
    assert ".py" not in error.details()
    return info.metadata["error_id"]


@pytest.mark.parametrize("method", ["ListModels", "Sample", "StreamSample"])
def test_a_mistake_in_a_handler(start_server, connect, monkeypatch, caplog, method):
    def planted(*_):
        raise KeyError("a planted mistake")

    api = connect(start_server().address)
    monkeypatch.setattr(Repository, "get", planted)
    monkeypatch.setattr(Repository, "find", planted)
    calls = {
        "ListModels": lambda: api.catalog.ListModels(ListModelsRequest()),
        "Sample": lambda: api.sampling.Sample(trap(1)),
        "StreamSample": lambda: list(api.sampling.StreamSample(StreamSampleRequest(sample=trap(1)))),
    }
    error_id = internal_error(calls[method])
    assert f"internal error {error_id}" in caplog.text
    assert "a planted mistake" in caplog.text
    assert "Traceback" in caplog.text


def test_a_mistake_in_a_model(api, caplog):
    error_id = internal_error(lambda: api.sampling.Sample(trap(13)))
    assert f"internal error {error_id}: sample of model trap failed" in caplog.text


def test_a_mistake_for_one_item_harms_no_stranger_in_its_batch(api, server, wait_until):
    calls = {seed: api.sampling.Sample.future(trap(seed)) for seed in range(10, 18)}
    for seed, call in calls.items():
        if seed == 13:
            internal_error(call.result)
        else:
            [image] = call.result().images
            assert image.image.raw.data == bytes([seed])
    wait_until(lambda: server.pending_items == 0)


def test_a_call_of_several_items_fails_as_one(api, server, wait_until):
    internal_error(lambda: api.sampling.Sample(trap(6, count=16)))
    wait_until(lambda: server.pending_items == 0)


@pytest.mark.parametrize(
    ("where", "function", "says"),
    [(policy, "next_items", "a turn of the scheduler failed"), (Shares, "next", "the scheduler failed")],
)
def test_a_mistake_in_the_scheduler_itself_is_survived(
    start_server, connect, monkeypatch, caplog, wait_until, where, function, says
):
    live = start_server()
    api = connect(live.address)

    def planted(*_):
        raise ZeroDivisionError("a planted mistake")

    ripples = SampleRequest(model=ModelSelector(name="ripples"), seed=1)
    with monkeypatch.context() as patched:
        patched.setattr(where, function, planted)
        error_id = internal_error(lambda: api.sampling.Sample(ripples))
    assert f"internal error {error_id}: {says}" in caplog.text
    wait_until(lambda: live.pending_items == 0)
    assert api.sampling.Sample(ripples).images
