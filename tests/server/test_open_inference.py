"""The Open Inference Protocol: each capability as a model of tensors, under the same rules as everything else."""

import re
import struct
import threading

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.latent_service_pb2 import EncodeRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from pixelzoo.v1.scoring_service_pb2 import ScoreRequest
from zoo_server import images
from zoo_server.open_inference import grpc_service_pb2 as oip
from zoo_server.open_inference.grpc_service_pb2_grpc import GRPCInferenceServiceStub
from zoo_server.repository.model import FailedModel, LoadingModel
from zoo_server.repository.repository import Repository
from zoo_server.tokens import line_for, new_token

DTYPES = {"UINT8": np.uint8, "INT32": np.int32, "INT64": np.int64, "FP32": np.float32}
RAW = image_pb2.IMAGE_ENCODING_RAW


@pytest.fixture(scope="module")
def stub(api):
    return GRPCInferenceServiceStub(api.channel)


def packed(array):
    """Raw contents, as tritonclient writes them."""
    if array.dtype.kind in "OS":
        return b"".join(struct.pack("<I", len(entry)) + entry for entry in array.ravel().tolist())
    return array.tobytes()


def datatype_of(array):
    return next((name for name, dtype in DTYPES.items() if array.dtype == dtype), "BYTES")


def request(model, parameters=None, outputs=(), version="", **tensors):
    """A request with these tensors as raw contents."""
    asked = oip.ModelInferRequest(model_name=model, model_version=version)
    for name, array in tensors.items():
        asked.inputs.add(name=name, datatype=datatype_of(array), shape=array.shape)
        asked.raw_input_contents.append(packed(array))
    for name, value in (parameters or {}).items():
        kinds = {bool: "bool_param", int: "int64_param", float: "double_param", str: "string_param"}
        setattr(asked.parameters[name], kinds[type(value)], value)
    asked.outputs.extend(oip.ModelInferRequest.InferRequestedOutputTensor(name=name) for name in outputs)
    return asked


def arrays(answer):
    """The tensors of an answer by name; their raw contents have exactly the bytes of their shapes."""
    assert len(answer.outputs) == len(answer.raw_output_contents)
    return {
        tensor.name: np.frombuffer(raw, DTYPES[tensor.datatype]).reshape(tensor.shape)
        for tensor, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
    }


def infer(stub, model, **asked):
    return arrays(stub.ModelInfer(request(model, **asked), timeout=60))


def refusal(call):
    """(status code, reason, message, fields) of the error that `call` ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    status = rpc_status.from_call(caught.value)
    assert not re.search(r"model\.(name|version)", str(status))  # those are fields of pixelzoo.v1
    info, fields = error_details_pb2.ErrorInfo(), []
    for detail in status.details:
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            fields = [violation.field for violation in bad.field_violations]
        else:
            detail.Unpack(info)
    return caught.value.code(), info.reason, caught.value.details(), fields


def int64(*values):
    return np.array(values, np.int64)


def int32(*values):
    return np.array(values, np.int32)


def fp32(*values):
    return np.array(values, np.float32)


def names(*values):
    return np.array(values, np.object_)


def levels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def pixels(answer):
    return [np.frombuffer(one.image.raw.data, np.uint8).reshape(one.image.raw.shape) for one in answer.images]


# The server and its models.


def test_the_server_is_live_and_ready_and_says_what_it_is(stub):
    assert stub.ServerLive(oip.ServerLiveRequest()).live
    assert stub.ServerReady(oip.ServerReadyRequest()).ready
    metadata = stub.ServerMetadata(oip.ServerMetadataRequest())
    assert (metadata.name, list(metadata.extensions)) == ("pixelzoo", [])
    assert metadata.version[0].isdigit()


@pytest.mark.parametrize(
    "model", ["blobs", "blobs:sample", "blobs:score", "mirror:translate", "tiles:decode"]
)
def test_a_model_is_ready_by_each_of_its_capabilities(stub, model):
    assert stub.ModelReady(oip.ModelReadyRequest(name=model)).ready
    assert stub.ModelReady(oip.ModelReadyRequest(name=model, version="1")).ready


def test_what_is_loading_or_has_failed_is_not_ready(start_server, connect, repository):
    others = Repository(
        [*repository.loaded(), LoadingModel("comet", 1), FailedModel("ruin", 3, "its roof is gone")]
    )
    stub = GRPCInferenceServiceStub(connect(start_server(others).address).channel)
    for name in ("comet", "ruin", "ruin:score"):
        assert not stub.ModelReady(oip.ModelReadyRequest(name=name)).ready
    code, reason, *_ = refusal(lambda: infer(stub, "comet"))
    assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "MODEL_LOADING")


def described(stub, model):
    metadata = stub.ModelMetadata(oip.ModelMetadataRequest(name=model))
    assert (metadata.name, list(metadata.versions)) == (model, ["1"])
    assert metadata.platform == "tensorflow_savedmodel"
    return [
        {tensor.name: (tensor.datatype, list(tensor.shape)) for tensor in tensors}
        for tensors in (metadata.inputs, metadata.outputs)
    ]


def test_metadata_are_the_tensors_of_each_capability(stub):
    assert described(stub, "ripples") == [
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
    inputs, outputs = described(stub, "blobs:score")
    assert inputs["image"] == ("UINT8", [-1, 4, 4, 1])
    assert outputs == {
        "bits_per_dim": ("FP32", [-1]),
        "extra": ("FP32", [-1]),
        "parts": ("FP32", [-1, 2]),
        "seed": ("INT64", [-1]),
    }
    assert described(stub, "mirror:translate") == [
        {"image": ("UINT8", [-1, -1, -1, 3]), "direction": ("BYTES", [-1])},
        {"image": ("UINT8", [-1, -1, -1, 3])},
    ]
    assert described(stub, "tiles:decode")[0] == {"latent": ("INT32", [-1, 2, 2])}
    assert described(stub, "blobs:encode")[1] == {"latent": ("FP32", [-1, 16])}


# The same pictures, scores and latents as by the other services.


def test_samples_are_those_of_the_sampling_service(api, stub):
    options = SampleOptions(diffusion=DiffusionOptions(sampler="SAMPLER_DDPM", steps=7, guidance=2.0))
    ours = SampleRequest(
        model=ModelSelector(name="ripples"), count=3, seed=40, labels=[2], options=options, encoding=RAW
    )
    theirs = {"sampler": names(b"ddpm"), "steps": int32(7), "guidance": fp32(2), "label": int32(2)}
    made = infer(stub, "ripples", seed=int64(40, 41, 42), **theirs)
    assert np.array_equal(made["image"], pixels(api.sampling.Sample(ours)))
    assert made["seed"].tolist() == [40, 41, 42]


def test_each_item_may_have_its_own_options_and_any_seed(stub):
    together = infer(
        stub,
        "ripples",
        seed=int64(9, 3, 3),
        label=int32(0, 1, -1),
        steps=int32(3, 12, 5),
        eta=fp32(0, 1, 0.5),
    )["image"]
    for index, (seed, label, steps, eta) in enumerate([(9, 0, 3, 0), (3, 1, 12, 1), (3, -1, 5, 0.5)]):
        [alone] = infer(
            stub, "ripples", seed=int64(seed), label=int32(label), steps=int32(steps), eta=fp32(eta)
        )["image"]
        assert (
            np.abs(alone.astype(int) - together[index]).max() <= 1
        )  # by rounding, in batches of other sizes


def test_options_that_are_the_same_for_all_may_be_parameters(stub):
    tensors = {"steps": int32(4), "eta": fp32(0.25), "sampler": names(b"ddpm"), "seed": int64(5)}
    parameters = {"steps": 4, "eta": 0.25, "sampler": "ddpm", "seed": 5, "reproducible": True}
    assert np.array_equal(
        infer(stub, "ripples", parameters=parameters)["image"],
        infer(stub, "ripples", parameters={"reproducible": True}, **tensors)["image"],
    )


def test_one_seed_of_several_items_counts_up(stub):
    made = infer(stub, "ripples", seed=int64(2**63 - 1), label=int32(0, 1, 2))
    assert made["seed"].tolist() == [2**63 - 1, 0, 1]
    assert made["image"].shape == (3, 4, 4, 3)


def test_without_a_seed_one_is_drawn_and_given_back(stub):
    first, second = (infer(stub, "blobs") for _ in range(2))
    assert first["seed"] != second["seed"]
    assert 0 <= first["seed"][0] < 2**53
    assert np.array_equal(infer(stub, "blobs", seed=first["seed"])["image"], first["image"])


def test_columns_are_taken_as_well(stub):
    rows = infer(stub, "ripples", seed=int64(1, 2), steps=int32(3, 4))
    columns = infer(stub, "ripples", seed=int64(1, 2)[:, None], steps=int32(3, 4)[:, None])
    assert np.array_equal(rows["image"], columns["image"])


def test_scores_are_those_of_the_scoring_service(api, stub):
    pictures = levels(3, 4, 4, 1)
    ours = ScoreRequest(
        model=ModelSelector(name="blobs"),
        images=[images.encode(picture, RAW) for picture in pictures],
        seed=6,
    )
    scored = infer(stub, "blobs:score", image=pictures, seed=int64(6))
    for index, score in enumerate(api.scoring.Score(ours).scores):
        values = [scored[name][index] for name in ("bits_per_dim", "extra", "parts")]
        assert [value.value for value in score.values] == np.hstack(values).tolist()
    assert scored["seed"].tolist() == [6, 7, 8]
    # Without a seed equal requests give equal scores.
    assert infer(stub, "blobs:score", image=pictures)["seed"].tolist() == [0, 1, 2]


def test_pictures_may_come_as_files(stub):
    pictures = levels(2, 4, 6, 3)
    files = names(*(images.encode(one, image_pb2.IMAGE_ENCODING_PNG).encoded.data for one in pictures))
    for direction, turned in ((b"a_to_b", pictures[:, :, ::-1]), (b"b_to_a", pictures[:, ::-1])):
        for sent in (pictures, files):
            made = infer(stub, "mirror:translate", image=sent, direction=names(direction))
            assert np.array_equal(made["image"], turned)


def test_encoding_and_decoding_are_those_of_the_latent_service(api, stub):
    pictures = levels(2, 4, 4, 1)
    ours = EncodeRequest(
        model=ModelSelector(name="blobs"), images=[images.encode(picture, RAW) for picture in pictures]
    )
    latents = infer(stub, "blobs:encode", image=pictures)["latent"]
    assert latents.tobytes() == b"".join(latent.data for latent in api.latent.Encode(ours).latents)
    assert np.array_equal(infer(stub, "blobs:decode", latent=latents)["image"], pictures)
    codes = np.array([[[0, 1], [2, 3]]], np.int32)
    assert infer(stub, "tiles:decode", latent=codes)["image"][0, ::2, ::2, 0].tolist() == [
        [0, 50],
        [100, 150],
    ]


def test_a_completion_keeps_what_it_is_given_for_each_item(stub):
    given = levels(2, 4, 4, 1)
    made = infer(stub, "tiles", image=given, given_rows=int32(1, 3), label=int32(0), seed=int64(7, 8))[
        "image"
    ]
    assert np.array_equal(made[0, :1], given[0, :1])
    assert np.array_equal(made[1, :3], given[1, :3])
    assert (made[0, 1:] == 7).all()
    assert (made[1, 3:] == 8).all()


def test_typed_contents_give_what_raw_ones_do(stub):
    asked = oip.ModelInferRequest(model_name="ripples")
    for name, datatype, field, values in (
        ("seed", "INT64", "int64_contents", [4, 5]),
        ("label", "INT32", "int_contents", [0, 2]),
        ("eta", "FP32", "fp32_contents", [0.5, 0.25]),
        ("sampler", "BYTES", "bytes_contents", [b"ddpm", b"ddim"]),
    ):
        asked.inputs.add(name=name, datatype=datatype, shape=[2], contents={field: values})
    tensors = {"seed": int64(4, 5), "label": int32(0, 2), "eta": fp32(0.5, 0.25)}
    raw = infer(stub, "ripples", sampler=names(b"ddpm", b"ddim"), **tensors)
    assert np.array_equal(arrays(stub.ModelInfer(asked))["image"], raw["image"])

    picture = levels(1, 4, 4, 1)
    asked = oip.ModelInferRequest(model_name="blobs:encode")
    contents = {"uint_contents": picture.ravel().tolist()}
    asked.inputs.add(name="image", datatype="UINT8", shape=picture.shape, contents=contents)
    latent = infer(stub, "blobs:encode", image=picture)["latent"]
    assert np.array_equal(arrays(stub.ModelInfer(asked))["latent"], latent)


def test_the_outputs_asked_for_come_in_their_order(stub):
    asked = {"image": levels(1, 4, 4, 1), "outputs": ["parts", "bits_per_dim"]}
    assert list(infer(stub, "blobs:score", **asked)) == ["parts", "bits_per_dim"]
    assert list(infer(stub, "blobs", outputs=["seed"])) == ["seed"]


def test_the_answer_says_which_version_made_it(api, stub):
    asked = request("blobs:sample", seed=int64(1))
    asked.id = "mine-17"
    answer = stub.ModelInfer(asked)
    assert (answer.model_name, answer.model_version, answer.id) == ("blobs:sample", "1", "mine-17")
    ours = api.sampling.Sample(SampleRequest(model=ModelSelector(name="blobs"), seed=1))
    assert answer.parameters["digest"].string_param == ours.images[0].recipe.digest


def test_a_version_goes_by_number_or_label(start_server, connect, handmade, tmp_path):
    handmade.write_blobs(tmp_path)
    (tmp_path / "blobs/labels.json").write_text('{"stable": 1}')
    live = start_server(Repository.load(tmp_path), models=tmp_path)
    stub = GRPCInferenceServiceStub(connect(live.address).channel)
    for version in ("", "1", "stable"):
        assert stub.ModelInfer(request("blobs", version=version)).model_version == "1"
    for version in ("2", "canary"):
        code, reason, message, _ = refusal(lambda version=version: infer(stub, "blobs", version=version))
        assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "VERSION_NOT_FOUND")
        assert message.startswith("model_version: ")


# What is wrong is refused in the words of the protocol.

PICTURE = levels(1, 4, 4, 1)
WRONG = {
    "a name with nonsense behind the colon": (("blobs:paint", {}), "model_name", "sample, translate, score"),
    "no name": (("", {}), "model_name", "must say which model"),
    "a hostile name": (("../blobs", {}), "model_name", "must be 1 to 128 characters"),
    "version 0": (("blobs", {"version": "0"}), "model_version", "must be 1 to"),
    "a version of many digits": (("blobs", {"version": "9" * 30}), "model_version", "must be 1 to 128"),
    "an unknown input": (("blobs", {"colour": int32(1)}), "inputs[0].name", "there are: seed, temperature"),
    "an unknown output": (("blobs", {"outputs": ["latent"]}), "outputs[0].name", "there are: image, seed"),
    "an output twice": (("blobs", {"outputs": ["image", "image"]}), "outputs[1].name", "once"),
    "an unknown parameter": (("blobs", {"parameters": {"priority": 1}}), "parameters[priority]", "reproducible"),
    "a parameter of another type": (("blobs", {"parameters": {"seed": "1"}}), "parameters[seed]", "int64_param"),
    "a timeout of nothing": (("blobs", {"parameters": {"timeout": 0}}), "parameters[timeout]", "microsecond"),
    "a tensor and a parameter": (("blobs", {"parameters": {"seed": 1}, "seed": int64(1)}), "seed", "twice"),
    "another datatype": (("blobs", {"seed": int32(1)}), "seed", "must be INT64 [n]"),
    "another shape": (("blobs:score", {"image": PICTURE[0]}), "image", "must be UINT8 [n, 4, 4, 1]"),
    "pictures of another size": (("blobs:score", {"image": levels(1, 4, 5, 1)}), "image", "[1, 4, 5, 1]"),
    "no item": (("blobs", {"seed": int64()}), "seed", "at least one item"),
    "no picture": (("blobs:score", {}), "image", "must be given: UINT8 [n, 4, 4, 1], or BYTES [n]"),
    "no latent": (("blobs:decode", {}), "latent", "must be given: FP32 [n, 16]"),
    "two lengths": (("blobs", {"seed": int64(1, 2, 3), "temperature": fp32(1, 1)}), "temperature", "seed has"),
    "more seeds than pictures": (("blobs:score", {"image": PICTURE, "seed": int64(1, 2)}), "seed", "image has 1"),
    "a negative seed": (("blobs", {"seed": int64(1, -2)}), "seed[1]", "must be 0 to 9223372036854775807"),
    "a class that there is not": (("ripples", {"label": int32(0, 3)}), "label[1]", "must be -1 to 2, and is 3"),
    "a class that is missing": (("tiles", {}), "label", "needs a class"),
    "an option out of range": (("ripples", {"steps": int32(3, 2000)}), "steps[1]", "must be 1 to 1000"),
    "an option that is no number": (("ripples", {"eta": fp32(float("nan"))}), "eta", "must be 0 to 1, and is nan"),
    "a choice that there is not": (("ripples", {"sampler": names(b"euler")}), "sampler", "ddpm, ddim"),
    "guidance without a class": (("ripples", {"guidance": fp32(3)}), "guidance", "no effect"),
    "rows of no picture": (("tiles", {"given_rows": int32(2), "label": int32(0)}), "given_rows", "set image"),
    "a file that is none": (("mirror:translate", {"image": names(b"GIF89a")}), "image[0]", "PNG or JPEG"),
    "an infinite latent": (("blobs:decode", {"latent": np.full((1, 16), np.inf, np.float32)}), "latent[0]", "finite"),
    "a code beyond the book": (("tiles:decode", {"latent": np.full((1, 2, 2), 5, np.int32)}), "latent[0]", "0 to 4"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_named_by_its_tensor_with_the_rule(stub, what):
    (model, asked), field, rule = WRONG[what]
    code, reason, message, fields = refusal(lambda: infer(stub, model, **asked))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert reason in ("INVALID_FIELD", "IMAGE_UNREADABLE")
    assert fields == [field]
    assert message.startswith(f"{field}: ")
    assert rule in message


def test_pictures_of_one_request_have_one_size(stub):
    files = [images.encode(levels(4, width, 3), image_pb2.IMAGE_ENCODING_PNG) for width in (4, 5)]
    asked = {"image": names(*(file.encoded.data for file in files))}
    _, _, message, fields = refusal(lambda: infer(stub, "mirror:translate", **asked))
    assert fields == ["image[1]"]
    assert "is 5x4 pixels and image[0] 4x4" in message


def test_raw_contents_have_exactly_the_bytes_of_their_shape(stub):
    for data in (b"", bytes(7), bytes(9)):
        asked = request("blobs", seed=int64(1))
        asked.raw_input_contents[0] = data
        _, _, message, fields = refusal(lambda asked=asked: stub.ModelInfer(asked))
        assert fields == ["seed"]
        assert f"must be 8 bytes of raw contents for its shape, and is {len(data)}" in message
    for data in (b"", b"\4\0\0\0ddp", b"\4\0\0\0ddpm\4\0\0\0ddim", b"\xff\xff\xff\xff", b"\1"):
        asked = request("ripples", sampler=names(b"ddpm"))
        asked.raw_input_contents[0] = data
        assert refusal(lambda asked=asked: stub.ModelInfer(asked))[3] == ["sampler"]


def test_contents_are_typed_or_raw_and_complete(stub):
    both = request("blobs", seed=int64(1))
    both.inputs[0].contents.int64_contents.append(1)
    assert "leave one of them out" in refusal(lambda: stub.ModelInfer(both))[2]
    fewer = request("blobs", seed=int64(1), temperature=fp32(1))
    del fewer.raw_input_contents[1]
    assert refusal(lambda: stub.ModelInfer(fewer))[3] == ["raw_input_contents"]
    other = request("blobs", seed=int64(1))
    del other.raw_input_contents[:]
    other.inputs[0].contents.int_contents.append(1)
    assert "1 elements in contents.int64_contents" in refusal(lambda: stub.ModelInfer(other))[2]
    too_light = oip.ModelInferRequest(model_name="blobs:encode")
    contents = {"uint_contents": [256] * 16}
    too_light.inputs.add(name="image", datatype="UINT8", shape=PICTURE.shape, contents=contents)
    assert "levels of 0 to 255, and has 256" in refusal(lambda: stub.ModelInfer(too_light))[2]


def test_long_typed_lists_are_not_read(stub):
    asked = oip.ModelInferRequest(model_name="mirror:translate")
    contents = {"uint_contents": bytes(256 * 256 * 3)}
    asked.inputs.add(name="image", datatype="UINT8", shape=[1, 256, 256, 3], contents=contents)
    assert "use raw_input_contents" in refusal(lambda: stub.ModelInfer(asked))[2]


def test_no_memory_is_shared(stub):
    for side in ("inputs", "outputs"):
        asked = request("blobs", seed=int64(1), outputs=["image"])
        getattr(asked, side)[0].parameters["shared_memory_region"].string_param = "/dev/shm/x"
        assert "shares no memory" in refusal(lambda asked=asked: stub.ModelInfer(asked))[2]


def test_a_model_or_capability_that_there_is_not(stub):
    code, reason, message, _ = refusal(lambda: infer(stub, "nobody:score"))
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND")
    assert message.startswith("model_name: there is no model 'nobody'; this server has: blobs")
    for call in (
        lambda: infer(stub, "mirror"),
        lambda: stub.ModelReady(oip.ModelReadyRequest(name="mirror")),
        lambda: stub.ModelMetadata(oip.ModelMetadataRequest(name="mirror")),
    ):
        code, reason, message, _ = refusal(call)
        assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CAPABILITY_NOT_SUPPORTED")
        assert message.startswith("model_name: model 'mirror' has no capability 'sample'")


def test_there_is_the_same_limit_of_items_and_of_bytes(stub, start_server, connect):
    code, reason, _, fields = refusal(lambda: infer(stub, "blobs", seed=np.arange(17)))
    assert (code, reason, fields) == (grpc.StatusCode.INVALID_ARGUMENT, "TOO_MANY_IMAGES", ["seed"])
    # Of more items not one is looked at: these lists would take seconds to read.
    for asked in (request("ripples", sampler=names(b"")), request("mirror:translate", image=names(b""))):
        asked.inputs[0].shape[0] = 2**20
        asked.raw_input_contents[0] = bytes(4 * 2**20 - 4)
        assert refusal(lambda asked=asked: stub.ModelInfer(asked))[1] == "TOO_MANY_IMAGES"
    small = GRPCInferenceServiceStub(connect(start_server(max_response_bytes=40).address).channel)
    assert infer(small, "blobs", seed=int64(1, 2))["image"].shape == (2, 4, 4, 1)
    _, reason, message, _ = refusal(lambda: infer(small, "blobs", seed=int64(1, 2, 3)))
    assert reason == "TOO_MANY_IMAGES"
    assert "48 bytes of pixels" in message
    assert infer(small, "blobs", seed=int64(1, 2, 3), outputs=["seed"])["seed"].tolist() == [1, 2, 3]


def test_a_mistake_of_the_model_harms_no_other_call(stub):
    assert refusal(lambda: infer(stub, "trap", seed=int64(13)))[:2] == (
        grpc.StatusCode.INTERNAL,
        "INTERNAL_ERROR",
    )
    assert infer(stub, "trap", seed=int64(12))["image"].item() == 12


# Deadlines, cancellation, and what an operator sets.


def test_a_cancelled_call_frees_its_items_within_a_step(server, stub, network, wait_until):
    network.hold("sample_advance", seed=77)
    call = stub.ModelInfer.future(request("slow", {"steps": 1000}, seed=int64(77)))
    assert network.held.wait(60)
    call.cancel()
    # A later call is answered on the event loop that has heard of the cancellation before.
    stub.ServerLive(oip.ServerLiveRequest())
    network.release()
    wait_until(lambda: server.pending_items == 0, 60)
    assert len(network.of(77)) < 1000


@pytest.mark.parametrize(("parameters", "timeout"), [({}, 0.2), ({"timeout": 200_000}, 60)])
def test_a_deadline_is_the_callers_or_the_timeout_of_the_request(
    server, stub, wait_until, parameters, timeout
):
    asked = request("slow", {"steps": 1000, **parameters}, seed=int64(1, 2))
    with pytest.raises(grpc.RpcError) as caught:
        stub.ModelInfer(asked, timeout=timeout)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    if parameters:
        assert "the call's deadline comes too soon" in caught.value.details()
    wait_until(lambda: server.pending_items == 0, 60)


def test_it_shares_batches_with_the_other_services(api, server, stub, network, wait_until):
    network.hold("sample_advance", seed=100)
    first = api.sampling.Sample.future(SampleRequest(model=ModelSelector(name="slow"), seed=100))
    assert network.held.wait(60)
    others = [
        stub.ModelInfer.future(request("slow", seed=int64(101))),
        api.sampling.Sample.future(SampleRequest(model=ModelSelector(name="slow"), seed=102)),
    ]
    wait_until(lambda: server.pending_items == 3, 60)
    network.release()
    for call in (first, *others):
        call.result(60)
    assert any({101, 102} <= {*call.seeds} for call in network.of(101))


def test_it_can_be_switched_off(start_server, connect):
    api = connect(start_server(open_inference=False).address)
    with pytest.raises(grpc.RpcError) as caught:
        GRPCInferenceServiceStub(api.channel).ServerLive(oip.ServerLiveRequest())
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    with pytest.raises(grpc.RpcError) as caught:
        health_pb2_grpc.HealthStub(api.channel).Check(
            health_pb2.HealthCheckRequest(service="inference.GRPCInferenceService")
        )
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_tokens_name_it_and_its_models(start_server, connect, tmp_path):
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
    stub = GRPCInferenceServiceStub(channel)

    def metadata(name):
        return [("authorization", f"Bearer {held[name]}")]

    def code(name, method, asked):
        return refusal(lambda: getattr(stub, method)(asked, metadata=metadata(name)))[:3]

    assert refusal(lambda: stub.ServerLive(oip.ServerLiveRequest()))[1] == "UNAUTHENTICATED"
    for name, model in (("all", "ripples"), ("one_model", "blobs"), ("one_model", "blobs:sample")):
        assert stub.ModelInfer(request(model), metadata=metadata(name)).outputs
    for method, asked in (
        ("ModelInfer", request("ripples:score")),
        ("ModelMetadata", oip.ModelMetadataRequest(name="ripples")),
        ("ModelReady", oip.ModelReadyRequest(name="ripples:sample")),
    ):
        _, reason, message = code("one_model", method, asked)
        assert reason == "PERMISSION_DENIED"
        assert "model:ripples" in message
    assert "service:GRPCInferenceService" in code("other_service", "ServerLive", oip.ServerLiveRequest())[2]


def test_the_log_tells_of_it_by_the_name_that_the_caller_gave(stub, caplog, wait_until):
    caplog.set_level("INFO")

    def lines():
        return [one for one in caplog.records if one.name == "zoo_server.telemetry.call_log"]

    asked = request("ripples", seed=int64(1, 2))
    asked.id = "theirs-4"
    stub.ModelInfer(asked)
    refusal(lambda: infer(stub, "ripples:score"))
    wait_until(lambda: len(lines()) == 2)
    good, bad = (line.call_fields for line in lines())
    assert (good["method"], good["code"]) == ("inference.GRPCInferenceService/ModelInfer", "OK")
    assert (good["model"], good["items"], good["request_id"]) == ("ripples", 2, "theirs-4")
    assert (bad["model"], bad["code"], bad["reason"]) == ("ripples", "INVALID_ARGUMENT", "INVALID_FIELD")


def test_it_is_not_ready_while_the_server_drains_and_goes_on_answering(start_server, connect):
    live = start_server(drain_seconds=60)
    api = connect(live.address)
    stub = GRPCInferenceServiceStub(api.channel)
    watch = health_pb2_grpc.HealthStub(api.channel).Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    stopping = threading.Thread(target=live.run, args=(live.app.stop(),))
    stopping.start()
    assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert stub.ServerLive(oip.ServerLiveRequest()).live
    assert not stub.ServerReady(oip.ServerReadyRequest()).ready
    assert not stub.ModelReady(oip.ModelReadyRequest(name="blobs")).ready
    assert infer(stub, "blobs")["image"].shape == (1, 4, 4, 1)
    live.app.end_drain()
    stopping.join(60)
    assert not stopping.is_alive()
