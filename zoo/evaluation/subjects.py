"""What is measured: an exported model, or a baseline that is drawn from the training images."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo import contract, data
from zoo.data import ImageData
from zoo.metrics import baselines

# Items in one call of a model that draws.
_BATCH = 250

Progress = Callable[[str, int, int], None]


class EvaluationError(ValueError):
    """Something cannot be measured as asked; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class ExportedModel:
    """The model of a version folder, with options of `sample` that differ from its card's defaults."""

    model: contract.LoadedModel
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.model.card.model

    @property
    def draws(self) -> bool:
        """Whether it makes images out of nothing."""
        return "sample" in self.model.capabilities

    @property
    def by_class(self) -> bool:
        """Whether it draws the class that it is asked for."""
        return self.model.card.conditional

    def options_text(self) -> str:
        """All options of `sample` with the values taken, such as "sampler ddim, steps 50"."""
        taken = []
        for option in self.model.capabilities["sample"].options:
            if option.WhichOneof("spec") == "image":
                continue  # none is given
            value = self.options.get(option.name, contract.default_value(option))
            names = {choice.number: choice.name for choice in option.choice.choices}
            taken.append(f"{option.name} {names.get(int(value), f'{value:g}')}")
        return ", ".join(taken) or "none"

    def draw(self, labels: np.ndarray, seed: int, progress: Callable[[int, int], None]) -> np.ndarray:
        """Images uint8 [n, h, w, c] of the classes `labels` int32 [n]; image i has the seed `seed` + i."""
        images = []
        for start in range(0, len(labels), _BATCH):
            part = labels[start : start + _BATCH]
            inputs = {"seed": seed + start + np.arange(len(part)), "label": part}
            images.append(self.model.ask("sample", inputs, **self.options)["image"])
            progress(start + len(part), len(labels))
        return np.concatenate(images)


@dataclass(frozen=True, eq=False)
class Baseline:
    """One of `zoo.metrics.baselines`, fitted on the training images."""

    name: str
    draw_images: baselines.Draw
    by_class: bool
    draws: bool = True

    def options_text(self) -> str:
        return "none"

    def draw(self, labels: np.ndarray, seed: int, progress: Callable[[int, int], None]) -> np.ndarray:
        """Images uint8 [n, h, w, c] of the classes `labels` int32 [n], as the one `seed` decides."""
        images = self.draw_images(labels, seed)
        progress(len(labels), len(labels))
        return images


Subject = ExportedModel | Baseline


def open_model(
    path: str | os.PathLike[str], options: Mapping[str, str] | None = None
) -> tuple[ExportedModel, ImageData]:
    """The model of the version folder `path`, and the data that it was trained on, with the run's own splits.

    Args:
        path: the version folder, `<model>/<version>`; or the model's, for its newest version.
        options: options of `sample` as typed, such as {"sampler": "ddim", "steps": "20"}.

    Raises:
        EvaluationError: there is no model, its card does not name its data, or an option does not exist.
        DataError: the data cannot be had.
    """
    model = contract.LoadedModel(_version_folder(Path(path)))
    card = model.card
    if not card.data.name:
        raise EvaluationError(f"{path}: the card does not say what data the model was trained on (data.name)")
    # The run's own options of the source, so that its training images can never be taken for test images.
    recipe = tomllib.loads(card.recipe.config_toml)
    images = data.load(**recipe.get("data", {"source": card.data.name}))
    shape = (card.image_shape.height, card.image_shape.width, card.image_shape.channels)
    if all(shape) and images.image_shape != shape and not _any_size(model):
        raise EvaluationError(
            f"{path}: the model makes images {shape}, but {images.name} has images {images.image_shape}"
        )
    return ExportedModel(model, _option_values(model, options or {})), images


def open_baseline(name: str, source: str) -> tuple[Baseline, ImageData]:
    """The baseline `name` fitted on the training images of `source`. Raises EvaluationError, DataError."""
    if name not in baselines.BASELINES:
        raise EvaluationError(f"unknown baseline {name!r}; there are {', '.join(baselines.BASELINES)}")
    images = data.load(source)
    return Baseline(name, baselines.BASELINES[name](*images.arrays("train")), images.num_classes > 0), images


def _version_folder(path: Path) -> Path:
    versions = [folder for folder in path.glob("[0-9]*") if folder.name.isdecimal()]
    folder = max(versions, key=lambda version: int(version.name), default=path)
    if not (folder / contract.CARD).is_file():
        raise EvaluationError(f"{path} is no exported model: there is no {folder / contract.CARD}")
    return folder


def _any_size(model: contract.LoadedModel) -> bool:
    """Whether the model translates pictures of any size, so that its card's shape is not that of its data."""
    translate = model.capabilities.get("translate")
    return translate is not None and not translate.translation.input_shape.height


def _option_values(model: contract.LoadedModel, typed: Mapping[str, str]) -> dict[str, float | int]:
    sample = model.capabilities.get("sample")
    known = {option.name: option for option in sample.options} if sample else {}
    values: dict[str, float | int] = {}
    for name, text in typed.items():
        if name not in known:
            raise EvaluationError(f"sample has no option {name!r}; it has {', '.join(known) or 'none'}")
        choices = {choice.name: choice.number for choice in known[name].choice.choices}
        try:
            whole = known[name].WhichOneof("spec") == "integer"
            values[name] = choices[text] if choices else int(text) if whole else float(text)
        except (KeyError, ValueError):
            expected = f"one of {', '.join(choices)}" if choices else "a number"
            raise EvaluationError(f"option {name} takes {expected}; got {text!r}") from None
    return values
