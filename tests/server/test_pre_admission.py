"""Calls with pictures that would be refused anyhow are refused by headers and counts: nothing of them is decoded."""

import io
import threading

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from PIL import Image as Pillow
from PIL import ImageFile

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.capability_pb2 import CAPABILITY_KIND_SCORE
from pixelzoo.v1.latent_service_pb2 import EncodeRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, DiffusionScoreOptions, SampleOptions, ScoreOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from pixelzoo.v1.scoring_service_pb2 import ScoreRequest, StreamScoreRequest
from pixelzoo.v1.translation_service_pb2 import TranslateRequest
from zoo_server.engine.phase import Phase


def png(height=4, width=4, channels=3):
    buffer = io.BytesIO()
    pixels = np.zeros((height, width, channels), np.uint8)
    Pillow.fromarray(pixels[..., 0] if channels == 1 else pixels).save(buffer, "PNG")
    return image_pb2.Image(encoded=image_pb2.EncodedImage(data=buffer.getvalue()))


@pytest.fixture
def decoded(monkeypatch):
    """Is set once Pillow decodes the pixels of any file."""
    seen = threading.Event()
    load = ImageFile.ImageFile.load

    def watched(file):
        seen.set()
        return load(file)

    monkeypatch.setattr(ImageFile.ImageFile, "load", watched)
    return seen


def reason(call, *arguments, **fields):
    with pytest.raises(grpc.RpcError) as caught:
        list(call(*arguments, **fields))
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(caught.value).details[0].Unpack(info)
    return info.reason


def score(count=2, model="ripples"):
    options = ScoreOptions(diffusion=DiffusionScoreOptions(timesteps=4))
    return ScoreRequest(model=ModelSelector(name=model), images=[png()] * count, options=options)


def test_what_is_let_in_is_decoded(api, decoded):
    assert len(api.scoring.Score(score()).scores) == 2
    assert decoded.is_set()


def test_a_full_queue(start_server, connect, open_inference, network, decoded):
    api = connect(start_server(max_pending_items=4).address)
    network.hold("sample_advance", 1)
    options = SampleOptions(diffusion=DiffusionOptions(steps=1000))
    first = api.sampling.Sample.future(
        SampleRequest(model=ModelSelector(name="slow"), seed=1, count=3, options=options)
    )
    assert network.held.wait(60)
    assert reason(api.scoring.Score, score()) == "QUEUE_FULL"
    assert reason(api.scoring.StreamScore, StreamScoreRequest(score=score())) == "QUEUE_FULL"
    mirror = TranslateRequest(model=ModelSelector(name="mirror"), images=[png(8, 5)] * 2)
    assert reason(api.translation.Translate, mirror) == "QUEUE_FULL"
    grey = EncodeRequest(model=ModelSelector(name="blobs"), images=[png(channels=1)] * 2)
    assert reason(api.latent.Encode, grey) == "QUEUE_FULL"
    theirs = open_inference(api.channel)
    file = png(channels=1).encoded.data
    completion = theirs.request("tiles", image=[file, file], given_rows=[1, 3], label=0)
    assert reason(theirs.stub.ModelInfer, completion) == "QUEUE_FULL"
    assert reason(theirs.stub.ModelInfer, theirs.request("blobs:score", image=[file, file])) == "QUEUE_FULL"
    assert not decoded.is_set()
    first.cancel()


def test_an_impossible_deadline(start_server, connect, repository, decoded):
    live = start_server()
    program = repository.get(ModelSelector(name="ripples")).programs[CAPABILITY_KIND_SCORE]
    shapes = tuple((4, 4, 3) if name == "image" else () for name in sorted(program.inputs))
    costs = live.app.engine._admission.costs.of(program, shapes, program.buckets)
    for bucket in program.buckets:
        for _ in range(15):
            costs.record(Phase.ADVANCE, bucket, 1000.0)
    api = connect(live.address)
    assert reason(api.scoring.Score, score(), timeout=60) == "DEADLINE_TOO_SHORT"
    assert not decoded.is_set()


def test_a_picture_too_large_or_no_model_or_too_many(api, decoded):
    large = TranslateRequest(model=ModelSelector(name="mirror"), images=[png(), png(33, 32)])
    assert reason(api.translation.Translate, large) == "IMAGE_TOO_LARGE"
    assert reason(api.scoring.Score, score(model="nobody")) == "MODEL_NOT_FOUND"
    assert reason(api.scoring.Score, score(count=17)) == "TOO_MANY_IMAGES"
    assert not decoded.is_set()
