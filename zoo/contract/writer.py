"""Writes a model to the contract: the SavedModel, the card, and the digests of every file."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import tensorflow as tf
from google.protobuf import json_format

from pixelzoo.v1 import card_pb2
from zoo.contract.capability import Capability
from zoo.contract.options import Integer

CONTRACT_VERSION = 1
CARD = Path("assets.extra") / "card.json"


class Servable(Protocol):
    """What the writer needs of a model; every `zoo.families.GenerativeModel` has it."""

    family: str
    image_shape: tuple[int, int, int]
    num_classes: int
    label_required: bool
    buckets: Sequence[int]

    @property
    def served_networks(self) -> Sequence[Any]: ...

    @property
    def capabilities(self) -> tuple[str, ...]: ...

    def capability(self, name: str) -> Capability: ...


def write(model: Servable, path: str | os.PathLike[str], *, card: card_pb2.ModelCard | None = None) -> None:
    """Writes `model` to `path`, a folder `<model>/<version>` that must not exist yet.

    Everything is written beside `path` and moved there at the end, so that a server which watches the folder never
    sees half a model.

    Args:
        model: a trained model; its EMA twin is what is written.
        path: the version folder; its name is a positive whole number and its parent's name the model's.
        card: what the writer cannot know (title, classes, data, recipe, metrics, licences); the rest is filled in.

    Raises:
        ValueError: `path` is not `<model>/<version>`.
        FileExistsError: `path` exists; versions are never overwritten.
    """
    path = Path(path).resolve()
    if not path.name.isdecimal() or int(path.name) < 1:
        raise ValueError(
            f"{path}: the last part must be a version, a whole number from 1; for example {path}/1"
        )
    if path.exists():
        raise FileExistsError(
            f"{path} exists; versions are never overwritten: export to {int(path.name) + 1}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".export-", dir=path.parent))
    try:
        _save(model, staging)
        write_card(staging, _complete(card, model, path))
        staging.chmod(0o755)
        staging.rename(path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def read_card(path: str | os.PathLike[str]) -> card_pb2.ModelCard:
    """Reads the card of the version folder `path`.

    Raises:
        FileNotFoundError: there is no card.
        ValueError: the card is not proto JSON of pixelzoo.v1.ModelCard.
    """
    text = (Path(path) / CARD).read_text("utf-8")
    try:
        return json_format.Parse(text, card_pb2.ModelCard())
    except json_format.ParseError as error:
        raise ValueError(f"{Path(path) / CARD}: not a ModelCard in proto JSON: {error}") from error


def write_card(path: str | os.PathLike[str], card: card_pb2.ModelCard) -> None:
    """Writes `card` into the version folder `path` with fresh digests of every other file."""
    path = Path(path)
    card = card_pb2.ModelCard.FromString(card.SerializeToString())
    del card.files[:]
    card.files.extend(digests(path))
    target = path / CARD
    target.parent.mkdir(exist_ok=True)
    staged = target.with_suffix(".tmp")
    staged.write_text(
        json_format.MessageToJson(card, preserving_proto_field_name=False, indent=2) + "\n", "utf-8"
    )
    staged.replace(target)


def digests(path: Path) -> list[card_pb2.FileDigest]:
    """The SHA-256 of every file below `path` but the card, sorted by path."""
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.relative_to(path) != CARD)
    return [
        card_pb2.FileDigest(
            path=file.relative_to(path).as_posix(),
            sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
            size_bytes=file.stat().st_size,
        )
        for file in files
    ]


def _save(model: Servable, folder: Path) -> None:
    module = tf.Module()
    module.variables_ = [weight.value for network in model.served_networks for weight in network.weights]
    signatures = {}
    for name in model.capabilities:
        signatures.update(model.capability(name).signatures)
    tf.saved_model.save(module, str(folder), signatures=signatures)
    # The one file that changes with every save of the same model.
    (folder / "fingerprint.pb").unlink(missing_ok=True)


def _complete(card: card_pb2.ModelCard | None, model: Servable, path: Path) -> card_pb2.ModelCard:
    full = card_pb2.ModelCard()
    if card is not None:
        full.CopyFrom(card)
    full.contract_version = CONTRACT_VERSION
    full.model = path.parent.name
    full.family = model.family
    height, width, channels = model.image_shape
    full.image_shape.height, full.image_shape.width, full.image_shape.channels = height, width, channels
    full.conditional = model.num_classes > 0
    full.label_required = model.label_required
    if not full.classes:
        full.classes.extend(str(label) for label in range(model.num_classes))
    del full.capabilities[:]
    full.capabilities.extend(model.capability(name).describe() for name in model.capabilities)
    full.limits.max_items_per_request = full.limits.max_items_per_request or 256
    full.limits.max_pixels_per_image = full.limits.max_pixels_per_image or height * width
    full.limits.max_steps = full.limits.max_steps or _longest(model)
    if not full.batch_lane.buckets:
        full.batch_lane.buckets.extend(model.buckets)
        full.batch_lane.exact = len(model.buckets) == 1
    full.recipe.parameters = full.recipe.parameters or sum(
        network.count_params() for network in model.served_networks
    )
    full.create_time.GetCurrentTime()
    return full


def _longest(model: Servable) -> int:
    """The most steps that an item of the model can take to be drawn."""
    if "sample" not in model.capabilities:
        return 1
    sample = model.capability("sample")
    longest = [o.maximum for o in sample.options if isinstance(o, Integer) and o.name == "steps"]
    return max(longest, default=sample.steps)
