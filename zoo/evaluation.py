"""`pixelzoo evaluate`: measures an exported model on the test split and writes the numbers into its card.

What is measured follows from the card: every score in bits/dim, on all test images with the options at their
defaults; and where an option buys accuracy (`timesteps` of a diffusion bound, `importance_samples` of a latent-variable
bound), again on fewer images at the most accurate value. Every number carries its protocol.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pixelzoo.v1 import capability_pb2, card_pb2
from zoo import contract, data

# Options that buy accuracy, and on how many of the first test images they are turned up to their maximum.
_ACCURATE = {"timesteps": 100, "importance_samples": 1000}

# Images in one call; a bound takes several network evaluations of each at a time.
_BATCH = 50


@dataclass(frozen=True)
class Protocol:
    """How a score is measured: on the first `images` test images, with these options beside the defaults."""

    images: int
    options: dict[str, int]
    text: str


def evaluate(
    path: str | os.PathLike[str],
    *,
    images: int | None = None,
    progress: Callable[[str, int, int], None] = lambda protocol, done, total: None,
) -> list[card_pb2.Metric]:
    """Returns the metrics of the version folder `path`, measured on the test split of the data that it was trained on.

    Args:
        path: the version folder, `<model>/<version>`.
        images: how many test images at most; None means all.
        progress: called as (protocol, images done, images in all).

    Raises:
        ValueError: the model cannot score, or its card does not name its data.
    """
    model = contract.LoadedModel(path)
    if "score" not in model.capabilities:
        raise ValueError(f"{path}: this model has no score, so there is nothing to measure yet")
    if not model.card.data.name:
        raise ValueError(f"{path}: the card does not say what data the model was trained on (data.name)")
    # The run's own options of the source, so that its training images can never be taken for test images.
    options = tomllib.loads(model.card.recipe.config_toml).get("data", {"source": model.card.data.name})
    source = data.load(**options)
    if source.image_shape != (shape := _shape(model.card)):
        raise ValueError(
            f"{path}: the model makes images {shape}, but {source.name} has images {source.image_shape}"
        )
    image, label = source.arrays("test")[:2]
    metrics: list[card_pb2.Metric] = []
    for protocol in _protocols(
        model.capabilities["score"], len(image) if images is None else min(images, len(image))
    ):
        metrics += _measure(model, image, label, protocol, progress)
    return metrics


def write_metrics(path: str | os.PathLike[str], metrics: list[card_pb2.Metric]) -> None:
    """Puts `metrics` into the card of the version folder `path`, in the place of those it had."""
    card = contract.read_card(path)
    del card.metrics[:]
    card.metrics.extend(metrics)
    contract.write_card(path, card)


def _shape(card: card_pb2.ModelCard) -> tuple[int, int, int]:
    return card.image_shape.height, card.image_shape.width, card.image_shape.channels


def _protocols(score: capability_pb2.Capability, images: int) -> list[Protocol]:
    defaults = ", ".join(f"{option.name} {contract.default_value(option)}" for option in score.options)
    protocols = [Protocol(images, {}, f"first {images} test images, {defaults}, seeds 0 .. {images - 1}")]
    for option in score.options:
        if option.name in _ACCURATE:
            few, most = min(images, _ACCURATE[option.name]), option.integer.max
            text = f"first {few} test images, {option.name} {most} (the maximum), seeds 0 .. {few - 1}"
            protocols.append(Protocol(few, {option.name: most}, text))
    return protocols


def _measure(
    model: contract.LoadedModel,
    image: np.ndarray,
    label: np.ndarray,
    protocol: Protocol,
    progress: Callable[[str, int, int], None],
) -> list[card_pb2.Metric]:
    values: dict[str, list[np.ndarray]] = {}
    for start in range(0, protocol.images, _BATCH):
        part = slice(start, min(start + _BATCH, protocol.images))
        inputs = {
            "image": image[part],
            "label": label[part] if model.card.conditional else np.full(part.stop - start, -1),
            "seed": np.arange(start, part.stop),
        }
        for name, scores in model.ask("score", inputs, **protocol.options).items():
            values.setdefault(name, []).append(scores)
        progress(protocol.text, part.stop, protocol.images)
    given = ", with their labels" if model.card.conditional else ""
    metrics = []
    for score in model.capabilities["score"].scores:
        numbers = np.concatenate(values[score.name]).astype(np.float64)
        metrics.append(
            card_pb2.Metric(
                name=score.name,
                value=float(numbers.mean()),
                standard_error=float(numbers.std(ddof=1) / np.sqrt(len(numbers))),
                unit=score.unit,
                protocol=f"{model.card.data.name}, {protocol.text}{given}; mean, standard error over the images",
                command=f"pixelzoo evaluate saved_models/{model.card.model}/{model.path.resolve().name}",
            )
        )
    return metrics
