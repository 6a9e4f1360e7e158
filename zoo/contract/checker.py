"""Checks a model folder against the contract, whoever wrote it, by reading its card and by running it.

The model is loaded by stock TensorFlow and driven as the server drives it: two items with different seeds, in both
orders, through every capability of the card.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pixelzoo.v1 import capability_pb2, card_pb2, image_pb2
from zoo.contract.capability import kind_name
from zoo.contract.loaded import default_value
from zoo.contract.writer import CARD, CONTRACT_VERSION, digests, read_card


def check(path: str | os.PathLike[str]) -> list[str]:
    """Returns what is wrong with the version folder `path`, one line each; an empty list if nothing is."""
    path = Path(path).resolve()
    try:
        card = read_card(path)
    except FileNotFoundError:
        return [f"{CARD} is missing: {path} is not the version folder of a model (<model>/<version>)"]
    except ValueError as error:
        return [str(error)]
    problems = [*_card_problems(card, path), *_file_problems(card, path)]
    if problems:
        return problems
    try:
        # Kept in hand: the functions of a SavedModel die with the object that loaded them.
        loaded = tf.saved_model.load(str(path))
    except (OSError, ValueError) as error:
        return [f"TensorFlow cannot load the SavedModel: {error}"]
    for capability in card.capabilities:
        problems += _Trial(card, capability, loaded.signatures).problems()
    return problems


def _card_problems(card: card_pb2.ModelCard, path: Path) -> Iterator[str]:
    if card.contract_version != CONTRACT_VERSION:
        yield f"contract_version is {card.contract_version}; this zoo knows {CONTRACT_VERSION}"
    if card.model != path.parent.name:
        yield f"model is {card.model!r}, but the folder is named {path.parent.name!r}"
    if not path.name.isdecimal() or int(path.name) < 1:
        yield f"the folder's name {path.name!r} is not a version, a whole number from 1"
    if not card.capabilities:
        yield "capabilities is empty: a model must answer something"
    if not card.batch_lane.buckets or list(card.batch_lane.buckets) != sorted(set(card.batch_lane.buckets)):
        yield f"batch_lane.buckets must be rising batch sizes; they are {list(card.batch_lane.buckets)}"


def _file_problems(card: card_pb2.ModelCard, path: Path) -> Iterator[str]:
    stated = {file.path: file.sha256 for file in card.files}
    found = {file.path: file.sha256 for file in digests(path)}
    for name in sorted(stated.keys() | found.keys()):
        if name not in found:
            yield f"{name} is missing"
        elif name not in stated:
            yield f"{name} is not in the card's files"
        elif stated[name] != found[name]:
            yield f"{name} was changed: its SHA-256 is not the card's"


class _Trial:
    """One capability, run on two items in both orders."""

    def __init__(
        self, card: card_pb2.ModelCard, capability: capability_pb2.Capability, signatures: Any
    ) -> None:
        self.card, self.capability, self.signatures = card, capability, signatures
        self.name = kind_name(capability.kind)

    def problems(self) -> list[str]:
        needed = ["_begin", "_advance", "_finish"] if self.capability.iterative else [""]
        needed += ["_preview"] if self.capability.previews else []
        needed += [""] if self.capability.iterative and self.name == "sample" else []
        missing = [self.name + part for part in needed if self.name + part not in self.signatures]
        if missing:
            return [f"{self.name}: the SavedModel has no signature {name!r}" for name in missing]
        try:
            return [f"{self.name}: {problem}" for problem in self._run()]
        except (TypeError, ValueError, tf.errors.OpError) as error:
            return [f"{self.name}: cannot be called as the card says: {str(error).splitlines()[0]}"]

    def _run(self) -> Iterator[str]:
        inputs = self._inputs()
        outputs, problems = self._answer(inputs)
        yield from problems
        yield from self._output_problems(outputs)
        if self.name == "translate":
            yield from self._translation_problems(inputs["image"], outputs)
        swapped, _ = self._answer({name: values[::-1] for name, values in inputs.items()})
        for name, values in outputs.items():
            if not np.array_equal(values, swapped[name][::-1], equal_nan=True):
                yield f"{name!r} of an item depends on its place in the batch: draw noise from the item's own seed"

    def _answer(self, inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], list[str]]:
        if not self.capability.iterative:
            return self._call("", inputs), []
        state = self._call("_begin", inputs)
        problems = list(self._state_problems(state))
        if problems:
            return {}, problems
        for _ in range(int(state["steps"].max())):
            moved = self._call("_advance", state)
            if moved.keys() != state.keys():
                return {}, [
                    f"advance takes the state {sorted(state)} and gives {sorted(moved)}; they must be the same"
                ]
            expected = state["step"] + (state["step"] < state["steps"])
            if not np.array_equal(moved["step"], expected):
                problems.append(
                    f"advance moved step from {state['step']} to {moved['step']}, not to {expected}"
                )
                break
            state = moved
        after = self._call("_advance", state)
        changed = [name for name in state if not np.array_equal(state[name], after[name], equal_nan=True)]
        if changed:
            problems.append(f"advance changes finished items (step == steps): {', '.join(changed)}")
        if self.capability.previews:
            self._call("_preview", state)
        return self._call("_finish", state), problems

    def _state_problems(self, state: Mapping[str, np.ndarray]) -> Iterator[str]:
        for name in ("step", "steps"):
            if name not in state or state[name].dtype != np.int32 or state[name].shape != (2,):
                yield f"begin must give {name!r} as int32 [n]"
        for name, values in state.items():
            if values.shape[:1] != (2,):
                yield f"state {name!r} has the shape {values.shape} for 2 items; it needs a leading item axis"

    def _output_problems(self, outputs: Mapping[str, np.ndarray]) -> Iterator[str]:
        shape = self.card.image_shape
        image = (2, shape.height, shape.width, shape.channels)
        if self.name in ("sample", "decode") and outputs:
            got = outputs.get("image")
            if got is None or got.dtype != np.uint8 or got.shape != image:
                yield f"must give 'image' as uint8 {image}; it gives {_shapes(outputs)}"
        if self.name == "encode":
            got = outputs.get("latent")
            if got is None or got.shape != (2, *self.capability.latent.shape):
                yield f"must give 'latent' as {(2, *self.capability.latent.shape)}; it gives {_shapes(outputs)}"
        for score in self.capability.scores:
            got = outputs.get(score.name)
            if got is None or got.dtype != np.float32 or got.shape[:1] != (2,):
                yield f"must give the score {score.name!r} as float32 [n]; it gives {_shapes(outputs)}"
            elif not np.isfinite(got).all():
                yield f"the score {score.name!r} of a noise image is not finite"

    def _translation_problems(self, image: np.ndarray, outputs: Mapping[str, np.ndarray]) -> Iterator[str]:
        scale = self.capability.translation.scale
        if not scale:
            yield "the card must state translation.input_shape and translation.scale"
        _, height, width, _ = image.shape
        wanted = (2, height * scale, width * scale, self.card.image_shape.channels)
        got = outputs.get("image")
        if got is None or got.dtype != np.uint8 or (scale and got.shape != wanted):
            yield f"must give 'image' as uint8 {wanted}; it gives {_shapes(outputs)}"

    def _inputs(self) -> dict[str, np.ndarray]:
        """Two items of everything that the first signature takes; options at the quickest value allowed."""
        options = {option.name: _quick_value(option) for option in self.capability.options}
        first = self.signatures[self.name + ("_begin" if self.capability.iterative else "")]
        rng = np.random.default_rng(0)
        inputs = {}
        for name, spec in first.structured_input_signature[1].items():
            dtype = spec.dtype.as_numpy_dtype
            if name in options:
                inputs[name] = np.full((2, *spec.shape[1:]), options[name], dtype)
            elif name == "image":
                inputs[name] = rng.integers(0, 256, (2, *self._image_side(spec)), np.uint8)
            elif name == "latent":
                inputs[name] = self._latents(rng, dtype)
            else:
                inputs[name] = np.array([3, 4] if name == "seed" else [0, 0], dtype)
        return inputs

    def _image_side(self, spec: tf.TensorSpec) -> tuple[int, ...]:
        """The image's shape, with 16 pixels where any number will do."""
        return tuple(16 if side is None else int(side) for side in spec.shape[1:])

    def _latents(self, rng: np.random.Generator, dtype: Any) -> np.ndarray:
        latent = self.capability.latent
        shape = (2, *latent.shape)
        if latent.data_type == image_pb2.DATA_TYPE_FLOAT32:
            return rng.normal(size=shape).astype(dtype)
        return rng.integers(0, max(1, latent.codebook_size), shape).astype(dtype)

    def _call(self, part: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = self.signatures[self.name + part](
            **{name: tf.constant(value) for name, value in tensors.items()}
        )
        return {name: tensor.numpy() for name, tensor in outputs.items()}


def _quick_value(option: capability_pb2.Option) -> float | int:
    return option.integer.min if option.WhichOneof("spec") == "integer" else default_value(option)


def _shapes(outputs: Mapping[str, np.ndarray]) -> str:
    return (
        ", ".join(f"{name} {values.dtype}{list(values.shape)}" for name, values in outputs.items())
        or "nothing"
    )
