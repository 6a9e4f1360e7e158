"""Presets: one TOML file per recipe, checked key by key before anything expensive starts."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from zoo import families
from zoo.training.errors import PresetError

# Constructor arguments that the training takes from elsewhere, and where from.
_SET_ELSEWHERE = {
    "image_shape": "it is taken from the data",
    "learning_rate": "write it in [train]",
    "name": "models are named when they are exported",
}
_BARE_WORD = re.compile(r"[^\s\"'\[\]{}=,#]+")


@dataclass(frozen=True)
class DataTable:
    """[data]: which images; see `zoo.data.load`."""

    source: str
    size: int = 0
    train_split: str = ""
    test_split: str = ""
    domain_a: str = ""  # for unpaired translation: two classes of the source, or a second source
    domain_b: str = ""
    source_b: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainTable:
    """[train]: how long, how fast, and what is kept on the way. Where there are [[stage]]s, they say how long."""

    epochs: int = 0
    batch_size: int
    learning_rate: float = 1e-3
    seed: int = 0
    validation_images: int = (
        0  # the last ones of the training split, watched and never trained on; 0 trains on all
    )
    validate_every: int = 1  # epochs
    log_every: int = 50  # steps between two rows of metrics.jsonl
    checkpoint_minutes: float = 5.0  # wall time between two checkpoints; 0 writes one after every step
    deterministic: bool = True  # the same run gives the same weights, bit for bit, on the same machine


@dataclass(frozen=True)
class StageTable:
    """[[stage]]: one of several trainings of the same model, in their order; see `GenerativeModel.begin_stage`."""

    name: str
    epochs: int
    learning_rate: float = 0.0  # 0 takes that of [train]
    batch_size: int = 0  # 0 takes that of [train]


@dataclass(frozen=True)
class SampleTable:
    """[sample]: the grid of samples drawn while training. `options` go to `model.sample`."""

    every_epochs: int = 1  # 0 draws none
    rows: int = 8  # a conditional model has one row for each class instead
    columns: int = 8
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Preset:
    """A checked recipe. `model` are arguments of the family's constructor; `expect` are the numbers to reach."""

    name: str
    title: str
    family: str
    data: DataTable
    train: TrainTable
    model: dict[str, Any] = field(default_factory=dict)
    sample: SampleTable = field(default_factory=SampleTable)
    expect: dict[str, Any] = field(default_factory=dict)
    description: str = ""  # goes into the card of an exported model
    licence: str = ""  # of the trained weights, an SPDX identifier; goes into the card too
    stage: tuple[StageTable, ...] = ()

    @property
    def stages(self) -> tuple[StageTable, ...]:
        """The [[stage]]s with nothing left open; without any, [train] itself, as a stage without a name."""
        train = self.train
        return tuple(
            dataclasses.replace(
                stage,
                learning_rate=stage.learning_rate or train.learning_rate,
                batch_size=stage.batch_size or train.batch_size,
            )
            for stage in self.stage or (StageTable("", train.epochs),)
        )

    @property
    def num_classes(self) -> int:
        """How many classes the model is made for: what [model] says, else the family's default."""
        default = _constructor_defaults(families.get(self.family))["num_classes"]
        return self.model.get("num_classes", default)

    def data_options(self) -> dict[str, Any]:
        """The arguments of `zoo.data.load`."""
        return dataclasses.asdict(self.data)

    def as_tables(self) -> dict[str, Any]:
        """The whole effective recipe as nested tables, defaults included, in the layout of a preset file."""
        return dataclasses.asdict(self)


_PRESET_KEYS = frozenset(item.name for item in dataclasses.fields(Preset))


def names() -> list[str]:
    """The presets that come with the zoo."""
    folder = resources.files("zoo") / "presets"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def load_preset(preset: str, overrides: Iterable[str] = ()) -> Preset:
    """The preset called `preset`, or in the file of that path, with "key=value" overrides applied, checked.

    Raises PresetError.
    """
    if preset.endswith(".toml"):
        path = Path(preset)
        if not path.is_file():
            raise PresetError(f"there is no preset file {path}")
        name, text = path.stem, path.read_text(encoding="utf-8")
    elif preset in names():
        name, text = (
            preset,
            (resources.files("zoo") / "presets" / f"{preset}.toml").read_text(encoding="utf-8"),
        )
    else:
        known = names()
        raise PresetError(
            (f"unknown preset {preset!r}{_nearest(preset, known)}" if preset else "name a preset")
            + f": the zoo has {', '.join(known)}; a path that ends in .toml names a file of your own"
        )
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PresetError(f"preset {name} is not TOML: {error}") from error
    return check_preset({"name": name, **override(tables, overrides)})


def override(tables: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """`tables` with each "a.b=value" set. A value is TOML; a single bare word stands for itself as a string.

    In a list of tables, such as the stages, the part after its name is the `name` of an entry.
    """
    result = _copy(tables)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        path = key.strip().split(".")
        if len(path) == 1 and path[0] and path[0] not in _PRESET_KEYS:
            path.insert(0, "model")  # --set perceptual=vgg19
        if not equals or not all(path):
            raise PresetError(f"--set {assignment!r}: write key=value, such as train.epochs=3")
        table = result
        for part in path[:-1]:
            table = _inner(table, part, assignment)
        if isinstance(table, list):
            raise PresetError(f"--set {assignment!r}: say which one, as in {path[0]}.NAME.key=value")
        table[path[-1]] = _parse_value(text.strip(), assignment)
    return result


def _inner(table: Any, part: str, assignment: str) -> Any:
    """What `part` of a dotted key leads to: a table, or a list of tables, to be changed in place."""
    if isinstance(table, list):
        entries = {entry.get("name", ""): entry for entry in table if isinstance(entry, dict)}
        if part not in entries:
            raise PresetError(f"--set {assignment!r}: there is no {part!r}; there are {', '.join(entries)}")
        return entries[part]
    inner = table.setdefault(part, {})
    if not isinstance(inner, (dict, list)):
        raise PresetError(f"--set {assignment!r}: {part!r} is a value, not a table")
    return inner


def check_preset(tables: Mapping[str, Any]) -> Preset:
    """The preset that nested `tables` describe. Raises PresetError that names the wrong key and the rule."""
    preset: Preset = _table(Preset, tables, "")
    try:
        family = families.get(preset.family)
    except ValueError as error:
        raise PresetError(f"family: {error}") from error
    _check_model(preset.model, family)
    _check_stages(preset, family)
    positive = {
        "batch_size": 1,
        "log_every": 1,
        "validate_every": 1,
        "validation_images": 0,
        "seed": 0,
    }
    for key, least in positive.items():
        _at_least(f"train.{key}", getattr(preset.train, key), least)
    _at_least("train.checkpoint_minutes", preset.train.checkpoint_minutes, 0)
    if not preset.train.learning_rate > 0:
        raise PresetError(f"train.learning_rate must be above 0; got {preset.train.learning_rate}")
    for key, least in {"every_epochs": 0, "rows": 1, "columns": 1, "seed": 0}.items():
        _at_least(f"sample.{key}", getattr(preset.sample, key), least)
    return preset


def _check_stages(preset: Preset, family: type[Any]) -> None:
    if not preset.stage:
        _at_least("train.epochs", preset.train.epochs, 1)
        return
    if preset.train.epochs:
        raise PresetError("train.epochs does not apply here: each [[stage]] has epochs of its own")
    names = [stage.name for stage in preset.stage]
    for stage in preset.stage:
        where = f"stage.{stage.name}"
        if stage.name not in family.stages:
            known = f"has the stages {', '.join(family.stages)}" if family.stages else "has no stages"
            raise PresetError(f"stage.name: {preset.family} {known}; got {stage.name!r}")
        if names.count(stage.name) > 1:
            raise PresetError(f"{where} is there more than once")
        _at_least(f"{where}.epochs", stage.epochs, 1)
        _at_least(f"{where}.batch_size", stage.batch_size, 0)
        if not stage.learning_rate >= 0:
            raise PresetError(f"{where}.learning_rate must be at least 0; got {stage.learning_rate}")


def _check_model(model: Mapping[str, Any], family: type) -> None:
    allowed = _constructor_defaults(family)
    for key, value in model.items():
        if key in _SET_ELSEWHERE:
            raise PresetError(f"model.{key} cannot be set: {_SET_ELSEWHERE[key]}")
        _known(f"model.{key}", key, allowed)
        _check_type(f"model.{key}", value, type(allowed[key]).__name__)


def _constructor_defaults(family: type) -> dict[str, Any]:
    """The keyword arguments of a family's constructor with their defaults, those of its base classes included."""
    defaults: dict[str, Any] = {}
    for cls in family.__mro__:
        if "__init__" not in vars(cls):
            continue
        parameters = list(inspect.signature(vars(cls)["__init__"]).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                defaults.setdefault(parameter.name, parameter.default)
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            break
    return {name: default for name, default in defaults.items() if name not in _SET_ELSEWHERE}


def _table(cls: Any, values: Any, path: str) -> Any:
    """The dataclass `cls` from the TOML table `values`, checked for unknown, missing and ill-typed keys."""
    if not isinstance(values, Mapping):
        raise PresetError(f"{path} must be a table; got {values!r}")
    fields = {item.name: item for item in dataclasses.fields(cls)}
    arguments = {}
    for key, value in values.items():
        where = f"{path}.{key}" if path else key
        _known(where, key, fields)
        kind = str(fields[key].type)
        if kind in _TABLES:
            arguments[key] = _table(_TABLES[kind], value, where)
        elif kind == "tuple[StageTable, ...]":
            arguments[key] = _stage_tables(value, where)
        else:
            _check_type(where, value, kind)
            arguments[key] = float(value) if kind == "float" else value
    for key, item in fields.items():
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required and key not in arguments:
            raise PresetError(f"{f'{path}.{key}' if path else key} is missing; it has no default")
    return cls(**arguments)


def _stage_tables(values: Any, where: str) -> tuple[StageTable, ...]:
    if not isinstance(values, (list, tuple)):
        raise PresetError(f"{where} must be a list of tables, each headed [[{where}]]; got {values!r}")
    return tuple(_table(StageTable, value, f"{where}[{index}]") for index, value in enumerate(values))


_TABLES = {"DataTable": DataTable, "TrainTable": TrainTable, "SampleTable": SampleTable}
_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "int": (int, "an integer"),
    "float": ((int, float), "a number"),
    "bool": (bool, "true or false"),
    "str": (str, "a string"),
    "tuple": (list, "a list"),
    "list": (list, "a list"),
    "dict[str, Any]": (dict, "a table"),
}


def _check_type(where: str, value: Any, kind: str) -> None:
    if kind not in _TYPES:
        return
    types, words = _TYPES[kind]
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "bool"):
        raise PresetError(f"{where} must be {words}; got {value!r}")


def _known(where: str, key: str, allowed: Iterable[str]) -> None:
    if key not in allowed:
        raise PresetError(
            f"unknown key {where!r}{_nearest(key, allowed)}; allowed here: {', '.join(allowed)}"
        )


def _at_least(where: str, value: float, least: int) -> None:
    if value < least:
        raise PresetError(f"{where} must be at least {least}; got {value}")


def _nearest(word: str, known: Iterable[str]) -> str:
    match = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {match[0]!r}?)" if match else ""


def _parse_value(text: str, assignment: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        if _BARE_WORD.fullmatch(text):
            return text
        raise PresetError(
            f"--set {assignment!r}: {text!r} is not a TOML value ({error}); quote strings"
        ) from error


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, (list, tuple)) else value
