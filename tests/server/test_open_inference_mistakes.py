"""What is wrong in a call of the Open Inference Protocol is refused in its own words, before any compute."""

import grpc
import numpy as np
import pytest

from pixelzoo.v1 import image_pb2
from zoo_server import images
from zoo_server.open_inference import grpc_service_pb2 as oip

PICTURE = np.zeros((1, 4, 4, 1), np.uint8)
WRONG = {
    "a name with nonsense behind the colon": (("blobs:paint", {}), "model_name", "sample, translate, score"),
    "no name": (("", {}), "model_name", "must say which model; this server has: blobs, "),
    "no name before the colon": ((":score", {}), "model_name", "must say which model; this server has: blobs, "),
    "a hostile name": (("../blobs", {}), "model_name", "must be 1 to 128 characters"),
    "version 0": (("blobs", {"version": "0"}), "model_version", "must be 1 to"),
    "a version of many digits": (("blobs", {"version": "9" * 30}), "model_version", "must be 1 to 128"),
    "an unknown input": (("blobs", {"colour": [1]}), "inputs[0].name", "there are: seed, temperature"),
    "an unknown output": (("blobs", {"outputs": ["latent"]}), "outputs[0].name", "there are: image, seed"),
    "an output twice": (("blobs", {"outputs": ["image", "image"]}), "outputs[1].name", "once"),
    "an unknown parameter": (("blobs", {"parameters": {"priority": 1}}), "parameters[priority]", "reproducible"),
    "a parameter of another type": (("blobs", {"parameters": {"seed": "1"}}), "parameters[seed]", "int64_param"),
    "a timeout of nothing": (("blobs", {"parameters": {"timeout": 0}}), "parameters[timeout]", "microsecond"),
    "a tensor and a parameter": (("blobs", {"parameters": {"seed": 1}, "seed": [1]}), "seed", "twice"),
    "another datatype": (("blobs", {"seed": np.array([1], np.int32)}), "seed", "must be INT64 [n]"),
    "another shape": (("blobs:score", {"image": PICTURE[0]}), "image", "must be UINT8 [n, 4, 4, 1]"),
    "pictures of another size": (("blobs:score", {"image": np.zeros((1, 4, 5, 1), np.uint8)}), "image", "[1, 4, 5, 1]"),
    "no item": (("blobs", {"seed": []}), "seed", "at least one item"),
    "no picture": (("blobs:score", {}), "image", "must be given: UINT8 [n, 4, 4, 1], or BYTES [n]"),
    "no latent": (("blobs:decode", {}), "latent", "must be given: FP32 [n, 16]"),
    "two lengths": (("blobs", {"seed": [1, 2, 3], "temperature": [1, 1]}), "temperature", "seed has"),
    "more seeds than pictures": (("blobs:score", {"image": PICTURE, "seed": [1, 2]}), "seed", "image has 1"),
    "a negative seed": (("blobs", {"seed": [1, -2]}), "seed[1]", "must be 0 to 9223372036854775807"),
    "a class that there is not": (("ripples", {"label": [0, 3]}), "label[1]", "must be -1 to 2, and is 3"),
    "one class that there is not": (("ripples", {"label": 3}), "label", "must be -1 to 2, and is 3"),
    "a class as a parameter": (("ripples", {"parameters": {"label": 3}}), "parameters[label]", "-1 to 2, and is 3"),
    "a class of a model without": (("blobs", {"parameters": {"label": 3}}), "parameters[label]", "is no parameter"),
    "a class that is missing": (("tiles", {}), "label", "needs a class"),
    "an option out of range": (("ripples", {"steps": [3, 2000]}), "steps[1]", "must be 1 to 1000"),
    "an option as a parameter": (("ripples", {"parameters": {"steps": 0}}), "parameters[steps]", "must be 1 to 1000"),
    "a huge option": (("ripples", {"parameters": {"steps": 2**63}}), "parameters[steps]", f"and is {2**63}"),
    "a huge seed": (("blobs", {"parameters": {"seed": 2**63}}), "parameters[seed]", f"and is {2**63}"),
    "a choice as a parameter": (("ripples", {"parameters": {"sampler": "x"}}), "parameters[sampler]", "ddpm, ddim"),
    "an option that is no number": (("ripples", {"eta": [float("nan")]}), "eta", "must be a finite number, and is nan"),
    "a parameter that is no number": (
        ("ripples", {"parameters": {"guidance": float("nan")}}),
        "parameters[guidance]",
        "must be a finite number, and is nan",
    ),
    "a choice that there is not": (("ripples", {"sampler": [b"euler"]}), "sampler", "ddpm, ddim"),
    "guidance without a class": (("ripples", {"guidance": [3]}), "guidance", "no effect"),
    "rows of no picture": (("tiles", {"given_rows": [2], "label": [0]}), "given_rows", "set image"),
    "a file that is none": (("mirror:translate", {"image": [b"GIF89a"]}), "image[0]", "PNG or JPEG"),
    "an infinite latent": (("blobs:decode", {"latent": np.full((1, 16), np.inf, np.float32)}), "latent[0]", "finite"),
    "a code beyond the book": (("tiles:decode", {"latent": np.full((1, 2, 2), 5, np.int32)}), "latent[0]", "0 to 4"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_named_by_its_tensor_with_the_rule(theirs, what):
    (model, asked), field, rule = WRONG[what]
    code, reason, message, fields = theirs.refusal(lambda: theirs.infer(model, **asked))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert reason in ("INVALID_FIELD", "IMAGE_UNREADABLE")
    assert fields == [field]
    assert message.startswith(f"{field}: ")
    assert rule in message


def test_pictures_of_one_request_have_one_size(theirs):
    files = [
        images.encode(np.zeros((4, width, 3), np.uint8), image_pb2.IMAGE_ENCODING_PNG) for width in (4, 5)
    ]
    asked = {"image": [file.encoded.data for file in files]}
    _, _, message, fields = theirs.refusal(lambda: theirs.infer("mirror:translate", **asked))
    assert fields == ["image[1]"]
    assert "is 5x4 pixels and image[0] 4x4" in message


def test_raw_contents_have_exactly_the_bytes_of_their_shape(theirs):
    for data in (b"", bytes(7), bytes(9)):
        asked = theirs.request("blobs", seed=[1])
        asked.raw_input_contents[0] = data
        _, _, message, fields = theirs.refusal(lambda asked=asked: theirs.stub.ModelInfer(asked))
        assert fields == ["seed"]
        assert f"must be 8 bytes of raw contents for its shape, and is {len(data)}" in message
    for data in (b"", b"\4\0\0\0ddp", b"\4\0\0\0ddpm\4\0\0\0ddim", b"\xff\xff\xff\xff", b"\1"):
        asked = theirs.request("ripples", sampler=[b"ddpm"])
        asked.raw_input_contents[0] = data
        assert theirs.refusal(lambda asked=asked: theirs.stub.ModelInfer(asked))[3] == ["sampler"]


@pytest.mark.parametrize("axis", [-1, 0])
def test_where_a_picture_may_have_any_size_it_has_one(theirs, axis):
    asked = oip.ModelInferRequest(model_name="mirror:translate")
    asked.inputs.add(name="image", datatype="UINT8", shape=[1, axis, axis, 3])
    asked.inputs[0].contents.uint_contents.extend(b"xxx")
    raw = oip.ModelInferRequest()
    raw.CopyFrom(asked)
    raw.inputs[0].ClearField("contents")
    raw.raw_input_contents.append(b"xxx")
    for one in (asked, raw):
        code, reason, message, fields = theirs.refusal(lambda one=one: theirs.stub.ModelInfer(one))
        assert (code, reason, fields) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["image"])
        assert (
            f"must be UINT8 [n, any, any, 3], or BYTES [n] of PNG or JPEG files, and has the shape [1, {axis}"
            in message
        )


def test_contents_are_typed_or_raw_and_complete(theirs):
    both = theirs.request("blobs", seed=[1])
    both.inputs[0].contents.int64_contents.append(1)
    assert "leave one of them out" in theirs.refusal(lambda: theirs.stub.ModelInfer(both))[2]
    fewer = theirs.request("blobs", seed=[1], temperature=[1])
    del fewer.raw_input_contents[1]
    assert theirs.refusal(lambda: theirs.stub.ModelInfer(fewer))[3] == ["raw_input_contents"]
    short = theirs.request("blobs", seed=[1, 2])
    del short.raw_input_contents[:]
    short.inputs[0].contents.int64_contents.append(1)
    message = theirs.refusal(lambda: theirs.stub.ModelInfer(short))[2]
    assert "must have 2 elements in contents.int64_contents for its shape, and has 1" in message
    too_light = oip.ModelInferRequest(model_name="blobs:encode")
    contents = {"uint_contents": [256] * 16}
    too_light.inputs.add(name="image", datatype="UINT8", shape=PICTURE.shape, contents=contents)
    assert "levels of 0 to 255, and has 256" in theirs.refusal(lambda: theirs.stub.ModelInfer(too_light))[2]


def test_elements_in_another_list_than_the_datatypes_are_not_ignored(theirs):
    for contents in ({"fp32_contents": [3]}, {"fp32_contents": [3], "int_contents": [3]}):
        asked = oip.ModelInferRequest(model_name="ripples")
        asked.inputs.add(name="steps", datatype="INT32", shape=[1], contents=contents)
        _, _, message, fields = theirs.refusal(lambda asked=asked: theirs.stub.ModelInfer(asked))
        assert fields == ["steps"]
        rule = "must have its INT32 elements in contents.int_contents, and has contents.fp32_contents: move them there"
        assert rule in message


def test_long_typed_lists_are_not_read(theirs):
    asked = oip.ModelInferRequest(model_name="mirror:translate")
    contents = {"uint_contents": bytes(256 * 256 * 3)}
    asked.inputs.add(name="image", datatype="UINT8", shape=[1, 256, 256, 3], contents=contents)
    assert "use raw_input_contents" in theirs.refusal(lambda: theirs.stub.ModelInfer(asked))[2]


def test_no_memory_is_shared(theirs):
    for side in ("inputs", "outputs"):
        asked = theirs.request("blobs", seed=[1], outputs=["image"])
        getattr(asked, side)[0].parameters["shared_memory_region"].string_param = "/dev/shm/x"
        assert "shares no memory" in theirs.refusal(lambda asked=asked: theirs.stub.ModelInfer(asked))[2]


def test_a_model_or_capability_that_there_is_not(theirs):
    code, reason, message, _ = theirs.refusal(lambda: theirs.infer("nobody:score"))
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND")
    assert message.startswith("model_name: there is no model 'nobody'; this server has: blobs")
    for version, rule in (
        ("7", "has no version 7; it has: 1"),
        ("best", "has the label 'best'; its labels are: "),
    ):
        asked = oip.ModelMetadataRequest(name="blobs", version=version)
        code, reason, message, _ = theirs.refusal(lambda asked=asked: theirs.stub.ModelMetadata(asked))
        assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "VERSION_NOT_FOUND")
        assert message.startswith("model_version: ")
        assert rule in message
    for call in (
        lambda: theirs.infer("mirror"),
        lambda: theirs.stub.ModelReady(oip.ModelReadyRequest(name="mirror")),
        lambda: theirs.stub.ModelMetadata(oip.ModelMetadataRequest(name="mirror")),
    ):
        code, reason, message, _ = theirs.refusal(call)
        assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CAPABILITY_NOT_SUPPORTED")
        told = "model_name: model 'mirror' has no capability 'sample': call it `mirror:translate`; these can: blobs, "
        assert message.startswith(told)
    assert (
        "call it `blobs:sample` or `blobs:score`"
        in theirs.refusal(lambda: theirs.infer("blobs:translate"))[2]
    )


def test_there_is_the_same_limit_of_items_and_of_bytes(theirs, start_server, connect, open_inference):
    code, reason, _, fields = theirs.refusal(lambda: theirs.infer("blobs", seed=np.arange(17)))
    assert (code, reason, fields) == (grpc.StatusCode.INVALID_ARGUMENT, "TOO_MANY_IMAGES", ["seed"])
    # Of more items not one is looked at: these lists would take seconds to read.
    for asked in (theirs.request("ripples", sampler=[b""]), theirs.request("mirror:translate", image=[b""])):
        asked.inputs[0].shape[0] = 2**20
        asked.raw_input_contents[0] = bytes(4 * 2**20 - 4)
        assert theirs.refusal(lambda asked=asked: theirs.stub.ModelInfer(asked))[1] == "TOO_MANY_IMAGES"
    small = open_inference(connect(start_server(max_response_bytes=40).address).channel)
    assert small.infer("blobs", seed=[1, 2])["image"].shape == (2, 4, 4, 1)
    _, reason, message, _ = theirs.refusal(lambda: small.infer("blobs", seed=[1, 2, 3]))
    assert reason == "TOO_MANY_IMAGES"
    assert "48 bytes of pixels" in message
    assert small.infer("blobs", seed=[1, 2, 3], outputs=["seed"])["seed"].tolist() == [1, 2, 3]


def test_a_mistake_of_the_model_harms_no_other_call(theirs):
    assert theirs.refusal(lambda: theirs.infer("trap", seed=[13]))[:2] == (
        grpc.StatusCode.INTERNAL,
        "INTERNAL_ERROR",
    )
    assert theirs.infer("trap", seed=[12])["image"].item() == 12
