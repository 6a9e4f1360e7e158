"""Score and StreamScore: values, kinds, units, seeds, classes and options."""

import hashlib

import numpy as np
import pytest

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.capability_pb2 import SCORE_KIND_DETAIL, SCORE_KIND_EVIDENCE_LOWER_BOUND
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionScoreOptions, LatentVariableScoreOptions, ScoreOptions
from pixelzoo.v1.scoring_service_pb2 import ScoreRequest, StreamScoreRequest


def flat(level, channels):
    """A 4x4 picture of one level."""
    data = bytes([level]) * (16 * channels)
    return image_pb2.Image(
        raw=image_pb2.RawTensor(data=data, shape=[4, 4, channels], data_type=image_pb2.DATA_TYPE_UINT8)
    )


def request(model="blobs", levels=(0, 255), **fields):
    images = [flat(level, 3 if model == "ripples" else 1) for level in levels]
    return ScoreRequest(model=ModelSelector(name=model), images=images, **fields)


def value(score, name):
    [found] = [value for value in score.values if value.name == name]
    return found.value


def test_scores_come_in_the_order_of_the_images_with_kind_and_unit(api):
    scores = api.scoring.Score(request(levels=(0, 51, 255))).scores
    assert [score.index for score in scores] == [0, 1, 2]
    assert [value(score, "bits_per_dim") for score in scores] == pytest.approx([0, 0.2, 1])
    first = scores[0].values[0]
    assert (first.name, first.kind, first.unit, first.exact) == (
        "bits_per_dim",
        SCORE_KIND_EVIDENCE_LOWER_BOUND,
        "bits/dim",
        False,
    )
    assert not first.HasField("entry")


def test_a_score_of_several_entries_is_several_values(api):
    [score] = api.scoring.Score(request(levels=(255,))).scores
    parts = [value for value in score.values if value.name == "parts"]
    assert [(part.entry, part.value, part.kind) for part in parts] == [
        (0, 0.25, SCORE_KIND_DETAIL),
        (1, 0.75, SCORE_KIND_DETAIL),
    ]


def test_seeds_count_up_from_zero_or_from_that_of_the_request(api):
    options = ScoreOptions(latent_variable=LatentVariableScoreOptions(importance_samples=2))
    for fields, first in (({}, 0), ({"seed": 7}, 7)):
        scores = api.scoring.Score(request(options=options, **fields)).scores
        assert [value(score, "extra") for score in scores] == [2000 + first, 2000 + first + 1]
        assert [score.recipe.seed for score in scores] == [first, first + 1]
        assert scores[0].recipe.options == options


def test_scores_in_steps_by_class(api):
    options = ScoreOptions(diffusion=DiffusionScoreOptions(timesteps=9))
    scores = api.scoring.Score(request("ripples", levels=(0, 255), labels=[2, -1], options=options)).scores
    assert [value(score, "bits_per_dim") for score in scores] == pytest.approx([2, 0])
    assert [score.recipe.label for score in scores] == [2, -1]


@pytest.mark.parametrize("model", ["blobs", "ripples"])
def test_the_stream_gives_the_same_scores_and_progress(api, model):
    news = list(api.scoring.StreamScore(StreamScoreRequest(score=request(model, levels=range(10)))))
    scores = [event.score for event in news if event.HasField("score")]
    together = api.scoring.Score(request(model, levels=range(10))).scores
    for one, other in zip(sorted(scores, key=lambda score: score.index), together, strict=True):
        assert one.recipe == other.recipe
        found, wanted = ([value.value for value in score.values] for score in (one, other))
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    progress = [event.progress for event in news if event.HasField("progress")]
    assert (progress[0].step, progress[0].items) == (0, 10)
    assert (progress[-1].step, progress[-1].items_done) == (progress[-1].steps, 10)


def test_the_recipe_says_which_picture_was_scored(api):
    digests = [hashlib.sha256(b"4x4x1 " + bytes([level]) * 16).hexdigest() for level in (3, 4)]
    scores = api.scoring.Score(request(levels=(3, 4))).scores
    assert [score.recipe.source_sha256 for score in scores] == digests
    news = list(api.scoring.StreamScore(StreamScoreRequest(score=request(levels=(3, 4)))))
    streamed = [event.score for event in news if event.HasField("score")]
    assert {score.index: score.recipe.source_sha256 for score in streamed} == dict(enumerate(digests))
