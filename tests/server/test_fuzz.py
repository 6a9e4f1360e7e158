"""Nonsense, from raw bytes to well-formed messages, is refused with a reason, and the server goes on serving."""

import random
import socket
import struct

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pixelzoo.v1 import (
    catalog_service_pb2,
    image_pb2,
    latent_service_pb2,
    sampling_service_pb2,
    scoring_service_pb2,
    translation_service_pb2,
)
from pixelzoo.v1.catalog_service_pb2 import GetModelRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from zoo_server.open_inference import grpc_service_pb2
from zoo_server.repository.repository import Repository

SERVICES = [
    module.DESCRIPTOR.services_by_name[name]
    for module, name in (
        (catalog_service_pb2, "CatalogService"),
        (sampling_service_pb2, "SamplingService"),
        (translation_service_pb2, "TranslationService"),
        (scoring_service_pb2, "ScoringService"),
        (latent_service_pb2, "LatentService"),
        (grpc_service_pb2, "GRPCInferenceService"),
    )
]
METHODS = [method for service in SERVICES for method in service.methods]
MODELS = ["blobs", "ripples", "mirror", "tiles"]
# Of the models, not of the server: "trap" is there to fail with INTERNAL.
MISTAKES = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}


def serves_well(api):
    """Health says so, and a call is answered rightly."""
    health = health_pb2_grpc.HealthStub(api.channel)
    assert (
        health.Check(health_pb2.HealthCheckRequest(), timeout=60).status
        == health_pb2.HealthCheckResponse.SERVING
    )
    request = SampleRequest(model=ModelSelector(name="blobs"), seed=5, encoding=image_pb2.IMAGE_ENCODING_RAW)
    first, second = (api.sampling.Sample(request, timeout=60).images[0].image.raw.data for _ in range(2))
    assert first == second
    assert len(first) == 16


# Raw bytes on the port.

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field, literal and unindexed, as HPACK writes it."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def sound_frames():
    """The frames of a sound call of ListModels."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/pixelzoo.v1.CatalogService/ListModels",
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    headers = b"".join(literal(*field) for field in fields.items())
    return [frame(4, 0, 0, b""), frame(1, 4, 1, headers), frame(0, 1, 1, b"\0\0\0\0\0")]


def send(address, data):
    """Send bytes; gives what comes back until the server closes, or has nothing more to say for a moment."""
    host, _, port = address.rpartition(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
        except (ConnectionError, TimeoutError):
            pass
    return answer


def mutated(generator, data):
    """With some of its bytes changed, left out, doubled, or all after some point cut off."""
    data = bytearray(data)
    for _ in range(generator.randint(1, 6)):
        if not data:
            break
        at = generator.randrange(len(data))
        match generator.randrange(5):
            case 0:
                data[at] ^= 1 << generator.randrange(8)
            case 1:
                data[at] = generator.choice([0, 1, 127, 128, 255])
            case 2:
                del data[at : at + generator.randint(1, 4)]
            case 3:
                data[at:at] = data[at : at + generator.randint(1, 30)]
            case 4:
                del data[max(at, 1) :]
    return bytes(data)


def test_the_frames_that_are_mutated_are_sound(server, api):
    """Or else the next test would only ever knock at the door."""
    answer = send_and_read_trailers(server.address)
    assert b"grpc-status" in answer
    serves_well(api)


def send_and_read_trailers(address):
    """The answer to the sound frames, on a connection that stays open until the trailers are there."""
    host, _, port = address.rpartition(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(PREFACE + b"".join(sound_frames()))
        while b"grpc-status" not in answer:
            part = connection.recv(65536)
            assert part, "the server closed the connection"
            answer += part
    return answer


@pytest.mark.parametrize("seed", range(4))
def test_raw_bytes_and_mutated_frames_do_no_harm(server, api, seed):
    generator = random.Random(seed)
    sound = sound_frames()
    for number in range(60):
        match number % 4:
            case 0:
                data = generator.randbytes(generator.randint(1, 2000))
            case 1:
                data = PREFACE + generator.randbytes(generator.randint(1, 2000))
            case 2:
                data = PREFACE + b"".join(mutated(generator, one) for one in sound)
            case 3:
                kinds = [
                    frame(
                        generator.randrange(12),
                        generator.randrange(256),
                        generator.randrange(4),
                        generator.randbytes(generator.randrange(40)),
                    )
                    for _ in range(30)
                ]
                data = PREFACE + sound[0] + b"".join(kinds)
        send(server.address, data)
    serves_well(api)


# Bytes that are a gRPC message, but no message of ours.


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_body_that_is_no_message_is_refused(api, method):
    for body in (b"\xff\xff\xff\xff", b"\x0a\x05a", b"\x80" * 1000):
        assert outcome(api, method, body) == grpc.StatusCode.INVALID_ARGUMENT


# Messages made from the descriptors alone.

TEXTS = [
    "",
    "a",
    "a" * 129,
    "ä\N{SNOWMAN}",
    "x\0y",
    "../../etc/passwd",
    "http://127.0.0.1/x",
    "%s{}",
    *MODELS,
    *MODELS,
]
INTEGERS = [
    -(2**63),
    -(2**31),
    -2,
    -1,
    0,
    1,
    2,
    3,
    7,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    2**63,
]
CAPABILITIES = [
    "blobs",
    "blobs:score",
    "blobs:encode",
    "blobs:decode",
    "ripples",
    "mirror:translate",
    "tiles",
]
TENSORS = ["seed", "label", "image", "latent", "steps", "sampler", "direction", "given_rows", "temperature"]
WORDS = {
    "inference.ModelReadyRequest.name": CAPABILITIES,
    "inference.ModelMetadataRequest.name": CAPABILITIES,
    "inference.ModelInferRequest.model_name": CAPABILITIES,
    "inference.ModelInferRequest.InferInputTensor.name": TENSORS,
    "inference.ModelInferRequest.InferInputTensor.datatype": ["UINT8", "INT32", "INT64", "FP32", "BYTES"],
    "inference.ModelInferRequest.InferRequestedOutputTensor.name": ["image", "seed", "latent", "extra"],
    "inference.ModelInferRequest.ParametersEntry.key": [*TENSORS, "reproducible", "timeout"],
}
"""What stands in a field of text most of the time, so that some messages come far."""

REALS = [0.0, -0.0, 0.5, 1.0, -1.0, 1e-40, 3.4e38, float("inf"), float("-inf"), float("nan")]
LIMITS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def fill(generator, message, density, often, depth=0):
    """Set fields to anything that the wire can carry: their subjects with chance `often`, the rest `density`."""
    for field in message.DESCRIPTOR.fields:
        named = field.name in (
            "model",
            "name",
            "sample",
            "translate",
            "score",
            "images",
            "start",
            "end",
            "latents",
            "model_name",
            "datatype",
            "inputs",
        )
        if generator.random() > (often if named else density) or depth > 6:
            continue
        if field.is_repeated:
            count = generator.choice([0, 1, 1, 2, 3, 17])
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                key = field.message_type.fields_by_name["key"]
                for _ in range(count):
                    entry = getattr(message, field.name)[value(generator, key)]
                    entry.SetInParent()
                    fill(generator, entry, density, often, depth + 1)
            elif field.message_type is not None:
                for _ in range(count):
                    fill(generator, getattr(message, field.name).add(), density, often, depth + 1)
            else:
                getattr(message, field.name).extend(value(generator, field) for _ in range(count))
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            fill(generator, inner, density, often, depth + 1)
        else:
            setattr(message, field.name, value(generator, field))


def value(generator, field):
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_BOOL:
            return generator.random() < 0.5
        case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
            return generator.choice([*REALS, generator.uniform(-10, 10)])
        case FieldDescriptor.CPPTYPE_ENUM:
            return generator.choice([*(one.number for one in field.enum_type.values), 99])
        case FieldDescriptor.CPPTYPE_STRING:
            if (field.full_name in WORDS or field.name == "name") and generator.random() < 0.8:
                return generator.choice(WORDS.get(field.full_name, MODELS))
            if field.type == FieldDescriptor.TYPE_BYTES:
                return generator.choice([b"", b"\x89PNG\r\n\x1a\n", generator.randbytes(16), bytes(48)])
            return generator.choice(TEXTS)
        case kind:
            low, high = LIMITS[kind]
            allowed = [number for number in INTEGERS if low <= number <= high]
            return generator.choice([*allowed, *range(17)])


def outcome(api, method, request):
    """The code with which a call of `method` ends; None for one that is answered."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    kind = api.channel.unary_stream if method.server_streaming else api.channel.unary_unary
    call = kind(path, lambda message: message if isinstance(message, bytes) else message.SerializeToString())
    try:
        answer = call(request, timeout=60)
        list(answer if method.server_streaming else [])
    except grpc.RpcError as error:
        return error.code()
    return None


GREY = {"raw": {"data": bytes(16), "shape": [4, 4, 1], "data_type": image_pb2.DATA_TYPE_UINT8}}
COLOUR = {"raw": {"data": bytes(48), "shape": [4, 4, 3], "data_type": image_pb2.DATA_TYPE_UINT8}}
LATENT = {"data": bytes(64), "shape": [16], "data_type": image_pb2.DATA_TYPE_FLOAT32}
BLOBS = {"name": "blobs"}
SOUND = {
    "ListModels": {},
    "GetModel": {"model": BLOBS},
    "Sample": {"model": BLOBS},
    "StreamSample": {"sample": {"model": {"name": "ripples"}}},
    "Translate": {"model": {"name": "mirror"}, "images": [COLOUR]},
    "StreamTranslate": {"translate": {"model": {"name": "mirror"}, "images": [COLOUR]}},
    "Score": {"model": BLOBS, "images": [GREY]},
    "StreamScore": {"score": {"model": BLOBS, "images": [GREY]}},
    "Encode": {"model": BLOBS, "images": [GREY]},
    "Decode": {"model": BLOBS, "latents": [LATENT]},
    "Interpolate": {"model": BLOBS, "start": {"latent": LATENT}, "end": {"image": GREY}},
    "ServerLive": {},
    "ServerReady": {},
    "ServerMetadata": {},
    "ModelReady": BLOBS,
    "ModelMetadata": {"name": "blobs:score"},
    "ModelInfer": {
        "model_name": "blobs",
        "inputs": [{"name": "seed", "datatype": "INT64", "shape": [1], "contents": {"int64_contents": [5]}}],
    },
}


def requests(method, count):
    """Random requests of one method, the same ones every time: from nothing, and from one that is sound."""
    generator = random.Random(method.full_name)
    kind = message_factory.GetMessageClass(method.input_type)
    for number in range(count):
        request = kind(**SOUND[method.name]) if number % 2 else kind()
        fill(generator, request, generator.choice([0.02, 0.1, 0.5]), 0.05 if number % 2 else 0.95)
        yield request


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_no_message_is_a_mistake_of_ours(api, method):
    codes = []
    for request in requests(method, 150):
        code = outcome(api, method, request)
        assert code not in MISTAKES, request
        codes.append(code)
    # Some go all the way, and some are refused, if there is anything to refuse, so that both are tried.
    refused = {grpc.StatusCode.INVALID_ARGUMENT} if method.input_type.fields else set()
    assert {None, *refused} <= {*codes}
    serves_well(api)


def test_a_planted_mistake_would_be_found(start_server, connect, monkeypatch):
    """The same messages, and a server with a mistake in it."""
    api = connect(start_server().address)

    def planted(*_):
        raise KeyError("a planted mistake")

    monkeypatch.setattr(Repository, "find", planted)
    with_a_model = {"CatalogService": "GetModel", "GRPCInferenceService": "ModelInfer"}
    for service in SERVICES:
        method = service.methods_by_name[with_a_model.get(service.name, service.methods[0].name)]
        found = [outcome(api, method, request) for request in requests(method, 150)]
        assert grpc.StatusCode.INTERNAL in found, method.name


# What a client says is never a path, a URL or a program.


@pytest.mark.parametrize(
    "name",
    [
        "../blobs",
        "blobs/1",
        "/etc/passwd",
        "..",
        "blobs\0",
        "blobs\n",
        "blo\N{CYRILLIC SMALL LETTER BE}s",
        "\N{RIGHT-TO-LEFT OVERRIDE}sbolb",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "gs://bucket/model",
        "${HOME}",
        "a" * 10_000,
        "\N{SNOWMAN}" * 10_000,
        "cposix\nsystem\n(S'id'\ntR.",
    ],
)
@pytest.mark.parametrize("field", ["name", "version_label"])
def test_a_hostile_name_is_refused_and_touches_no_file(api, monkeypatch, name, field):
    import pathlib

    def never(*_, **__):
        raise AssertionError("a name reached the file system")

    for method in ("open", "stat", "exists", "iterdir", "read_bytes"):
        monkeypatch.setattr(pathlib.Path, method, never)
    selector = ModelSelector(**{"name": "blobs", field: name})
    for call in (
        lambda: api.catalog.GetModel(GetModelRequest(model=selector), timeout=60),
        lambda: api.sampling.Sample(SampleRequest(model=selector), timeout=60),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert f"model.{field}" in caught.value.details()
        assert len(caught.value.details()) < 1000


def test_a_picture_by_path_or_url_is_no_picture(api):
    for data in (
        b"/etc/passwd",
        b"file:///etc/passwd",
        b"http://127.0.0.1/x.png",
        b"\x80\x04\x95cposix\nsystem\n.",
    ):
        picture = image_pb2.Image(encoded=image_pb2.EncodedImage(data=data))
        request = scoring_service_pb2.ScoreRequest(model=ModelSelector(name="blobs"), images=[picture])
        with pytest.raises(grpc.RpcError) as caught:
            api.scoring.Score(request, timeout=60)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
