"""The Open Inference Protocol: what an operator and a caller get of it, beside the tensors."""

import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from zoo_server.open_inference import grpc_service_pb2 as oip
from zoo_server.repository.model import FailedModel, LoadingModel
from zoo_server.repository.repository import Repository
from zoo_server.tokens import line_for, new_token


def test_the_server_is_live_and_ready_and_says_what_it_is(theirs):
    assert theirs.stub.ServerLive(oip.ServerLiveRequest()).live
    assert theirs.stub.ServerReady(oip.ServerReadyRequest()).ready
    metadata = theirs.stub.ServerMetadata(oip.ServerMetadataRequest())
    assert (metadata.name, list(metadata.extensions)) == ("pixelzoo", [])
    assert metadata.version[0].isdigit()


@pytest.mark.parametrize(
    "model", ["blobs", "blobs:sample", "blobs:score", "mirror:translate", "tiles:decode"]
)
def test_a_model_is_ready_by_each_of_its_capabilities(theirs, model):
    assert theirs.stub.ModelReady(oip.ModelReadyRequest(name=model)).ready
    assert theirs.stub.ModelReady(oip.ModelReadyRequest(name=model, version="1")).ready


def test_what_is_loading_or_has_failed_is_not_ready(start_server, connect, open_inference, repository):
    others = Repository(
        [*repository.loaded(), LoadingModel("comet", 1), FailedModel("ruin", 3, "its roof is gone")]
    )
    theirs = open_inference(connect(start_server(others).address).channel)
    for name in ("comet", "ruin", "ruin:score"):
        assert not theirs.stub.ModelReady(oip.ModelReadyRequest(name=name)).ready
    code, reason, *_ = theirs.refusal(lambda: theirs.infer("comet"))
    assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "MODEL_LOADING")


def test_what_is_not_there_is_not_ready_which_is_no_error(theirs):
    for name, version in (("nobody", ""), ("nobody:score", "1"), ("blobs", "2"), ("blobs", "stable")):
        assert not theirs.stub.ModelReady(oip.ModelReadyRequest(name=name, version=version)).ready
    for name, version in (("blobs:paint", ""), ("blobs", "0"), ("", "")):
        asked = oip.ModelReadyRequest(name=name, version=version)
        assert theirs.refusal(lambda asked=asked: theirs.stub.ModelReady(asked))[1] == "INVALID_FIELD"


def described(theirs, model):
    metadata = theirs.stub.ModelMetadata(oip.ModelMetadataRequest(name=model))
    assert (metadata.name, list(metadata.versions)) == (model, ["1"])
    assert metadata.platform == "tensorflow_savedmodel"
    return [
        {tensor.name: (tensor.datatype, list(tensor.shape)) for tensor in tensors}
        for tensors in (metadata.inputs, metadata.outputs)
    ]


def test_metadata_are_the_tensors_of_each_capability(theirs):
    assert described(theirs, "ripples") == [
        {
            "seed": ("INT64", [-1]),
            "label": ("INT32", [-1]),
            "sampler": ("BYTES", [-1]),
            "steps": ("INT32", [-1]),
            "guidance": ("FP32", [-1]),
            "eta": ("FP32", [-1]),
        },
        {"image": ("UINT8", [-1, 4, 4, 3]), "seed": ("INT64", [-1])},
    ]
    inputs, outputs = described(theirs, "blobs:score")
    assert inputs["image"] == ("UINT8", [-1, 4, 4, 1])
    assert outputs == {
        "bits_per_dim": ("FP32", [-1]),
        "extra": ("FP32", [-1]),
        "parts": ("FP32", [-1, 2]),
        "seed": ("INT64", [-1]),
    }
    assert described(theirs, "mirror:translate") == [
        {"image": ("UINT8", [-1, -1, -1, 3]), "direction": ("BYTES", [-1])},
        {"image": ("UINT8", [-1, -1, -1, 3])},
    ]
    assert described(theirs, "tiles:decode")[0] == {"latent": ("INT32", [-1, 2, 2])}
    assert described(theirs, "blobs:encode")[1] == {"latent": ("FP32", [-1, 16])}


def test_a_version_goes_by_number_or_label(start_server, connect, open_inference, handmade, tmp_path):
    handmade.write_blobs(tmp_path)
    (tmp_path / "blobs/labels.json").write_text('{"stable": 1}')
    live = start_server(Repository.load(tmp_path), models=tmp_path)
    theirs = open_inference(connect(live.address).channel)
    for version in ("", "1", "stable"):
        assert theirs.stub.ModelInfer(theirs.request("blobs", version=version)).model_version == "1"
    for version in ("2", "canary"):
        code, reason, message, _ = theirs.refusal(
            lambda version=version: theirs.infer("blobs", version=version)
        )
        assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "VERSION_NOT_FOUND")
        assert message.startswith("model_version: ")


def test_a_cancelled_call_frees_its_items_within_a_step(server, theirs, network, wait_until):
    network.hold("sample_advance", seed=77)
    call = theirs.stub.ModelInfer.future(theirs.request("slow", {"steps": 1000}, seed=[77]))
    assert network.held.wait(60)
    call.cancel()
    # A later call is answered on the event loop that has heard of the cancellation before.
    theirs.stub.ServerLive(oip.ServerLiveRequest())
    network.release()
    wait_until(lambda: server.pending_items == 0, 60)
    assert len(network.of(77)) < 1000


@pytest.mark.parametrize(("parameters", "timeout"), [({}, 0.2), ({"timeout": 200_000}, 60)])
def test_a_deadline_is_the_callers_or_the_timeout_of_the_request(
    server, theirs, wait_until, parameters, timeout
):
    asked = theirs.request("slow", {"steps": 1000, **parameters}, seed=[1, 2])
    with pytest.raises(grpc.RpcError) as caught:
        theirs.stub.ModelInfer(asked, timeout=timeout)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    if parameters:
        assert "the call's deadline comes too soon" in caught.value.details()
    wait_until(lambda: server.pending_items == 0, 60)


def test_it_shares_batches_with_the_other_services(api, server, theirs, network, wait_until):
    network.hold("sample_advance", seed=100)
    first = api.sampling.Sample.future(SampleRequest(model=ModelSelector(name="slow"), seed=100))
    assert network.held.wait(60)
    others = [
        theirs.stub.ModelInfer.future(theirs.request("slow", seed=[101])),
        api.sampling.Sample.future(SampleRequest(model=ModelSelector(name="slow"), seed=102)),
    ]
    wait_until(lambda: server.pending_items == 3, 60)
    network.release()
    for call in (first, *others):
        call.result(60)
    assert any({101, 102} <= {*call.seeds} for call in network.of(101))


def test_it_can_be_switched_off(start_server, connect, open_inference):
    api = connect(start_server(open_inference=False).address)
    with pytest.raises(grpc.RpcError) as caught:
        open_inference(api.channel).stub.ServerLive(oip.ServerLiveRequest())
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    with pytest.raises(grpc.RpcError) as caught:
        health_pb2_grpc.HealthStub(api.channel).Check(
            health_pb2.HealthCheckRequest(service="inference.GRPCInferenceService")
        )
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_tokens_name_it_and_its_models(start_server, connect, open_inference, tmp_path):
    held = {name: new_token() for name in ("all", "one_model", "other_service")}
    (tmp_path / "tokens.toml").write_text(
        "\n".join(
            [
                line_for("all", held["all"]),
                line_for("one_model", held["one_model"], services=["GRPCInferenceService"], models=["blobs"]),
                line_for("other_service", held["other_service"], services=["SamplingService"]),
            ]
        )
    )
    channel = connect(start_server(token_file=tmp_path / "tokens.toml").address).channel
    theirs = open_inference(channel)

    def metadata(name):
        return [("authorization", f"Bearer {held[name]}")]

    def code(name, method, asked):
        return theirs.refusal(lambda: getattr(theirs.stub, method)(asked, metadata=metadata(name)))[:3]

    assert theirs.refusal(lambda: theirs.stub.ServerLive(oip.ServerLiveRequest()))[1] == "UNAUTHENTICATED"
    for name, model in (("all", "ripples"), ("one_model", "blobs"), ("one_model", "blobs:sample")):
        assert theirs.stub.ModelInfer(theirs.request(model), metadata=metadata(name)).outputs
    for method, asked in (
        ("ModelInfer", theirs.request("ripples:score")),
        ("ModelMetadata", oip.ModelMetadataRequest(name="ripples")),
        ("ModelReady", oip.ModelReadyRequest(name="ripples:sample")),
    ):
        _, reason, message = code("one_model", method, asked)
        assert reason == "PERMISSION_DENIED"
        assert "model:ripples" in message
    assert "service:GRPCInferenceService" in code("other_service", "ServerLive", oip.ServerLiveRequest())[2]


def test_the_log_tells_of_it_by_the_name_that_the_caller_gave(theirs, caplog, wait_until):
    caplog.set_level("INFO")

    def lines():
        return [one for one in caplog.records if one.name == "zoo_server.telemetry.call_log"]

    asked = theirs.request("ripples", seed=[1, 2])
    asked.id = "theirs-4"
    theirs.stub.ModelInfer(asked)
    theirs.refusal(lambda: theirs.infer("ripples:score"))
    wait_until(lambda: len(lines()) == 2)
    good, bad = (line.call_fields for line in lines())
    assert (good["method"], good["code"]) == ("inference.GRPCInferenceService/ModelInfer", "OK")
    assert (good["model"], good["items"], good["request_id"]) == ("ripples", 2, "theirs-4")
    assert (bad["model"], bad["code"], bad["reason"]) == ("ripples", "INVALID_ARGUMENT", "INVALID_FIELD")


def test_it_is_not_ready_while_the_server_drains_and_goes_on_answering(start_server, connect, open_inference):
    live = start_server(drain_seconds=60)
    api = connect(live.address)
    theirs = open_inference(api.channel)
    watch = health_pb2_grpc.HealthStub(api.channel).Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    stopping = threading.Thread(target=live.run, args=(live.app.stop(),))
    stopping.start()
    assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert theirs.stub.ServerLive(oip.ServerLiveRequest()).live
    assert not theirs.stub.ServerReady(oip.ServerReadyRequest()).ready
    assert not theirs.stub.ModelReady(oip.ModelReadyRequest(name="blobs")).ready
    assert theirs.infer("blobs")["image"].shape == (1, 4, 4, 1)
    live.app.end_drain()
    stopping.join(60)
    assert not stopping.is_alive()
