"""Scores of the test images: bits/dim, and whatever else a model scores that a mean makes sense of.

All test images with the options at their defaults; and where an option buys accuracy (`timesteps` of a diffusion bound,
`importance_samples` of a latent-variable bound), again fewer images at the most accurate value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pixelzoo.v1 import capability_pb2
from zoo import contract
from zoo.evaluation.bench import Bench
from zoo.metrics.measurement import Measurement, mean_of

# Options that buy accuracy, and on how many of the first test images they are turned up to their maximum.
_ACCURATE = {"timesteps": 100, "importance_samples": 1000}

# A discriminator's logits mean nothing beyond its own training, and so has their mean no place in a table.
_MEASURED = (
    capability_pb2.SCORE_KIND_EXACT_LOG_LIKELIHOOD,
    capability_pb2.SCORE_KIND_EVIDENCE_LOWER_BOUND,
    capability_pb2.SCORE_KIND_RECONSTRUCTION_ERROR,
    capability_pb2.SCORE_KIND_DETAIL,
    capability_pb2.SCORE_KIND_CLASS_PROBABILITY,
)

# Images in one call; a bound takes several network evaluations of each at a time.
_BATCH = 50


@dataclass(frozen=True)
class _Setting:
    """The first `images` test images with these options beside the defaults."""

    images: int
    options: dict[str, int]


def applies(bench: Bench) -> bool:
    """Whether the model has a score that is measured."""
    return bench.has("score") and bool(_measured(bench))


def likelihood(bench: Bench) -> list[Measurement]:
    """The mean of every score over the test images, in each setting; the accuracy of class probabilities."""
    capability = bench.exported.model.capabilities["score"]
    available = len(bench.test[0])
    images = available if bench.images is None else min(bench.images, available)
    return [figure for setting in _settings(capability, images) for figure in _measure(bench, setting)]


def _settings(capability: capability_pb2.Capability, images: int) -> Iterator[_Setting]:
    yield _Setting(images, {})
    for option in capability.options:
        if option.name in _ACCURATE:
            yield _Setting(min(images, _ACCURATE[option.name]), {option.name: option.integer.max})


def _measured(bench: Bench) -> list[capability_pb2.ScoreOutput]:
    return [score for score in bench.exported.model.capabilities["score"].scores if score.kind in _MEASURED]


def _measure(bench: Bench, setting: _Setting) -> Iterator[Measurement]:
    model, (image, label) = bench.exported.model, bench.test
    options = {
        option.name: setting.options.get(option.name, contract.default_value(option))
        for option in model.capabilities["score"].options
    }
    protocol = {
        "data": bench.data_protocol,
        "images": f"first {setting.images} of the test split",
        **options,
        "seeds": f"0 .. {setting.images - 1}",
        "labels": "theirs" if model.card.conditional else "none",
    }
    what = f"scores{''.join(f', {name} {value}' for name, value in options.items())}"
    values: dict[str, list[np.ndarray]] = {}
    for start in range(0, setting.images, _BATCH):
        part = slice(start, min(start + _BATCH, setting.images))
        inputs = {
            "image": image[part],
            "label": label[part] if model.card.conditional else np.full(part.stop - start, -1),
            "seed": np.arange(start, part.stop),
        }
        for name, scores in model.ask("score", inputs, **setting.options).items():
            values.setdefault(name, []).append(scores)
        bench.progress(what, part.stop, setting.images)
    for score in _measured(bench):
        numbers = np.concatenate(values[score.name])
        if score.kind == capability_pb2.SCORE_KIND_CLASS_PROBABILITY:
            right = numbers.argmax(axis=1) == label[: setting.images]
            yield mean_of(f"{score.name}_accuracy", right, "", protocol)
        else:
            yield mean_of(score.name, numbers, score.unit, protocol)
