"""`pixelzoo export`: a run's model as a SavedModel, with a card that says how it was trained."""

from __future__ import annotations

import re
from pathlib import Path

from pixelzoo.v1 import card_pb2
from zoo import data
from zoo.training import checkpoints, toml_text, trained
from zoo.training.errors import TrainingError
from zoo.training.presets import Preset
from zoo.training.run_folder import RunFolder
from zoo.training.stages import stage_at, stages_of

_MODEL_NAME = re.compile(r"[a-z][a-z0-9_]*")


def export_run(run_path: Path, model_folder: Path, version: int | None = None, *, stage: str = "") -> Path:
    """Exports the finished model of a run, or its last checkpoint, to `model_folder`/`version`. Returns that path.

    With `stage`, the model as the stage of that name left it. Raises TrainingError if the run has nothing to export, or
    the place is not free.
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
    model, state = trained.load(run, stage)
    images = data.load(**preset.data_options()).hold_out(preset.train.validation_images)
    card = card_pb2.ModelCard(
        title=f"{preset.title}, after the stage {stage}" if stage else preset.title,
        description=" ".join(filter(None, (preset.description, model.notes))),
        classes=images.class_names if model.num_classes else images.domains,
        data=card_pb2.DataSource(
            name=images.name,
            licence=images.licence.spdx or images.licence.name,
            split=images.splits,
            uri=images.uri,
            train_images=images.train_images,
        ),
        recipe=_recipe(preset, origin, state, images),
        licences=_licences(preset, images),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    model.export(path, card=card)
    return path


def _next_version(model_folder: Path) -> int:
    taken = [int(entry.name) for entry in model_folder.glob("*") if entry.is_dir() and entry.name.isdecimal()]
    return max(taken, default=0) + 1


def _recipe(
    preset: Preset, origin: dict, state: checkpoints.TrainingState, images: data.ImageData
) -> card_pb2.Training:
    stage = stage_at(stages_of(preset, images), state.step)
    return card_pb2.Training(
        preset=preset.name,
        config_toml=toml_text.dumps(preset.as_tables()),
        images_seen=stage.images(state.step),
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
