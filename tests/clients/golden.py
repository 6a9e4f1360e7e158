"""The golden requests by the Python client's parts: one line for each, as every other language prints it.

`NAME SHA256` of the decoded pixels, uint8 [h, w, c], all images of the reply one after the other; of scores, of their
values as little-endian float32, image by image in the order of the scores' names. For a request that is refused,
`NAME STATUS_CODE REASON MESSAGE`, and ` [FIELD: DESCRIPTION]` for each field that breaks a rule.

A golden request has its model apart, as "name", "name@version" or "name@label": each client's own words for it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np
from google.protobuf import json_format
from google.protobuf.message import Message

from pixelzoo.v1 import (
    latent_service_pb2,
    latent_service_pb2_grpc,
    sampling_service_pb2,
    sampling_service_pb2_grpc,
    scoring_service_pb2,
    scoring_service_pb2_grpc,
    translation_service_pb2,
    translation_service_pb2_grpc,
)
from zoo_client import channel, errors, images, requests

REQUESTS = Path(__file__).parent / "golden_requests.json"


class Method(NamedTuple):
    """How a method is called: its stub, its request, and the bytes that count in its reply."""

    stub: type
    request: type[Message]
    payload: Callable[[Any], bytes]


def _pixels(pictures: Iterable[Any]) -> bytes:
    return b"".join(images.from_message(picture).tobytes() for picture in pictures)


def _generated(reply: Any) -> bytes:
    return _pixels(item.image for item in reply.images)


def _streamed(replies: Iterable[Any]) -> bytes:
    done = [reply.image for reply in replies if reply.WhichOneof("event") == "image"]
    return _pixels(item.image for item in sorted(done, key=lambda item: item.index))


def _scores(reply: Any) -> bytes:
    values = [
        value.value
        for item in reply.scores
        for value in sorted(item.values, key=lambda value: (value.name, value.entry))
    ]
    return np.array(values, "<f4").tobytes()


METHODS = {
    "Sample": Method(
        sampling_service_pb2_grpc.SamplingServiceStub, sampling_service_pb2.SampleRequest, _generated
    ),
    "StreamSample": Method(
        sampling_service_pb2_grpc.SamplingServiceStub, sampling_service_pb2.StreamSampleRequest, _streamed
    ),
    "Translate": Method(
        translation_service_pb2_grpc.TranslationServiceStub,
        translation_service_pb2.TranslateRequest,
        _generated,
    ),
    "Score": Method(scoring_service_pb2_grpc.ScoringServiceStub, scoring_service_pb2.ScoreRequest, _scores),
    "Decode": Method(
        latent_service_pb2_grpc.LatentServiceStub,
        latent_service_pb2.DecodeRequest,
        lambda reply: _pixels(reply.images),
    ),
}


def lines(target: str) -> list[str]:
    """What each golden request brings from the server at `target`."""
    with grpc.insecure_channel(target, channel.CHANNEL_OPTIONS) as connection:
        return [_line(connection, target, golden) for golden in json.loads(REQUESTS.read_text())]


def _line(connection: grpc.Channel, target: str, golden: dict[str, Any]) -> str:
    method = METHODS[golden["method"]]
    request = json_format.ParseDict(golden["request"], method.request())
    asked: Any = getattr(request, "sample", request)
    asked.model.CopyFrom(requests.selector(golden["model"]))
    try:
        payload = method.payload(getattr(method.stub(connection), golden["method"])(request, timeout=300))
    except grpc.RpcError as error:
        return refused(golden["name"], errors.from_rpc(error, target))
    return answered(golden["name"], payload)


def answered(name: str, payload: bytes) -> str:
    """The line of a request that brought these bytes."""
    return f"{name} {hashlib.sha256(payload).hexdigest()}"


def refused(name: str, refusal: errors.ZooError) -> str:
    """The line of a request that was refused."""
    rules = [f"[{violation.field}: {violation.description}]" for violation in refusal.violations]
    return " ".join([name, str(refusal.code), refusal.reason, str(refusal), *rules])
