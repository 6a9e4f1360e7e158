"""`pixelzoo export`: a run's model as a SavedModel, with a card that says how it was trained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from pixelzoo.v1 import card_pb2
from zoo import data, families
from zoo.training import checkpoints, toml_text
from zoo.training.errors import TrainingError
from zoo.training.presets import Preset
from zoo.training.run_folder import RunFolder

if TYPE_CHECKING:
    from zoo.families.base import GenerativeModel

_MODEL_NAME = re.compile(r"[a-z][a-z0-9_]*")


def export_run(run_path: Path, model_folder: Path, version: int | None = None) -> Path:
    """Exports the finished model of a run, or its last checkpoint, to `model_folder`/`version`. Returns that path.

    Raises TrainingError if the run has nothing to export, or the place is not free.
    """
    if not _MODEL_NAME.fullmatch(model_folder.name):
        raise TrainingError(
            f"{model_folder.name!r} cannot name a model: use lower-case letters, digits and _, a letter first"
        )
    run = RunFolder.open(run_path)
    path = model_folder / str(version or _next_version(model_folder))
    if path.exists():
        raise TrainingError(
            f"{path} exists already, and versions are never changed; choose another --version"
        )
    preset, origin = run.read_config()
    families.get(preset.family)  # registers the classes that the file names
    model, state = _load(run)
    images = data.load(**preset.data_options()).hold_out(preset.train.validation_images)
    card = card_pb2.ModelCard(
        title=preset.title,
        description=preset.description,
        classes=images.class_names if model.num_classes else (),
        data=card_pb2.DataSource(
            name=images.name,
            licence=images.licence.spdx or images.licence.name,
            split=images.splits,
            uri=images.uri,
            train_images=images.train_size,
        ),
        recipe=_recipe(preset, origin, state),
        licences=_licences(preset, images),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    model.export(path, card=card)
    return path


def _next_version(model_folder: Path) -> int:
    taken = [int(entry.name) for entry in model_folder.glob("*") if entry.is_dir() and entry.name.isdecimal()]
    return max(taken, default=0) + 1


def _load(run: RunFolder) -> tuple[GenerativeModel, checkpoints.TrainingState]:
    """The finished model, or the newest checkpoint of an unfinished run, and how much training it has had."""
    if run.model.is_file():
        try:
            model = keras.saving.load_model(run.model)
        except (ValueError, OSError) as error:
            remedy = f"Delete it and write it again: pixelzoo train --resume --run {run.path}"
            raise TrainingError(f"{run.model} is damaged ({error}). {remedy}") from error
        last = run.read_metrics()[-1]
        return model, checkpoints.TrainingState(last["step"], last["wall_seconds"], last["cpu_seconds"])
    newest = checkpoints.latest(run.checkpoints)
    if newest is None:
        raise TrainingError(
            f"{run.path} has no checkpoint yet; train it first: pixelzoo train --resume --run {run.path}"
        )
    return checkpoints.load(newest)


def _recipe(preset: Preset, origin: dict, state: checkpoints.TrainingState) -> card_pb2.Training:
    return card_pb2.Training(
        preset=preset.name,
        config_toml=toml_text.dumps(preset.as_tables()),
        images_seen=state.step * preset.train.batch_size,
        steps=state.step,
        training_seconds=round(state.wall_seconds, 1),
        cpu_seconds=round(state.cpu_seconds, 1),
        hardware=origin.get("hardware", ""),
        framework_versions=[
            card_pb2.FrameworkVersion(name=name, version=version)
            for name, version in origin.get("versions", {}).items()
        ],
    )


def _licences(preset: Preset, images: data.ImageData) -> list[card_pb2.Licence]:
    licences = []
    if preset.licence:
        licences.append(card_pb2.Licence(name=preset.licence, spdx=preset.licence, applies_to="weights"))
    terms = images.licence
    licences.append(
        card_pb2.Licence(name=terms.name, spdx=terms.spdx, holder=terms.holder, applies_to="training images")
    )
    return licences
