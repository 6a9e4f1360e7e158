"""The option `reproducible`: the same bytes alone and in any company."""

import random

import numpy as np
import pytest

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, DiffusionScoreOptions, SampleOptions, ScoreOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest
from pixelzoo.v1.scoring_service_pb2 import ScoreRequest
from pixelzoo.v1.translation_service_pb2 import TranslateRequest

RAW = image_pb2.IMAGE_ENCODING_RAW
ROUNDS = 25


def sample(seed, steps, label, sampler, *, count=1, reproducible=True):
    return SampleRequest(
        model=ModelSelector(name="ripples"),
        seed=seed,
        count=count,
        labels=[label],
        options=SampleOptions(diffusion=DiffusionOptions(steps=steps, sampler=sampler)),
        encoding=RAW,
        reproducible=reproducible,
    )


def score(seed, timesteps, *, reproducible=True):
    data = np.random.default_rng(seed).integers(0, 256, 48, np.uint8).tobytes()
    raw = image_pb2.RawTensor(data=data, shape=[4, 4, 3], data_type=image_pb2.DATA_TYPE_UINT8)
    return ScoreRequest(
        model=ModelSelector(name="ripples"),
        images=[image_pb2.Image(raw=raw)],
        options=ScoreOptions(diffusion=DiffusionScoreOptions(timesteps=timesteps)),
        reproducible=reproducible,
    )


def drawn(draw, seed, **fields):
    return sample(seed, draw.randint(1, 40), draw.randint(-1, 2), draw.randint(1, 2), **fields)


def test_bytes_are_the_same_in_every_mix(api):
    """Company comes and goes while it is made: calls of other steps, samplers, classes and sizes."""
    draw = random.Random(0)
    mine = [drawn(draw, 100 * index) for index in range(6)]
    alone = [api.sampling.Sample(request) for request in mine]
    for number in range(ROUNDS):
        company = [
            drawn(draw, 10**6 + 1000 * number + 20 * index, count=draw.randint(1, 5), reproducible=False)
            for index in range(draw.randint(0, 8))
        ]
        chosen = draw.sample(range(len(mine)), draw.randint(1, len(mine)))
        mixed = [*company, *(mine[index] for index in chosen)]
        draw.shuffle(mixed)
        calls = {id(request): api.sampling.Sample.future(request) for request in mixed}
        for index in chosen:
            assert calls[id(mine[index])].result() == alone[index]
        for request in company:
            assert len(calls[id(request)].result().images) == request.count


def test_it_is_run_at_the_largest_bucket_from_start_to_end(api, network):
    events = list(
        api.sampling.StreamSample(StreamSampleRequest(sample=sample(7, 9, 1, 2), preview_interval=2))
    )
    names = {call.name for call in network.calls}
    assert names == {"sample_begin", "sample_advance", "sample_preview", "sample_finish"}
    assert {len(call.seeds) for call in network.calls} == {8}
    assert [event.image.recipe.reproducible for event in events if event.HasField("image")] == [True]
    network.calls.clear()
    [image] = api.sampling.Sample(sample(7, 9, 1, 2, reproducible=False)).images
    assert {len(call.seeds) for call in network.calls} == {1}
    assert not image.recipe.reproducible


def test_scores_are_the_same_to_the_last_bit(api):
    mine = [score(seed, 5 + seed) for seed in range(4)]
    alone = [api.scoring.Score(request) for request in mine]
    for number in range(5):
        company = [
            api.scoring.Score.future(score(50 + number, 30, reproducible=False)) for _ in range(number)
        ]
        calls = [api.scoring.Score.future(request) for request in mine]
        assert [call.result() for call in calls] == alone
        assert all(call.result().scores for call in company)
    assert alone[0].scores[0].recipe.reproducible


@pytest.mark.parametrize("company", [0, 5])
def test_translations_say_so_in_their_recipe(api, company):
    pixels = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3)
    raw = image_pb2.RawTensor(data=pixels.tobytes(), shape=[4, 4, 3], data_type=image_pb2.DATA_TYPE_UINT8)
    request = TranslateRequest(
        model=ModelSelector(name="mirror"),
        images=[image_pb2.Image(raw=raw)] * (1 + company),
        encoding=RAW,
        reproducible=True,
    )
    images = api.translation.Translate(request).images
    assert all(image.recipe.reproducible for image in images)
    assert all(image.image.raw.data == pixels[:, ::-1].tobytes() for image in images)
