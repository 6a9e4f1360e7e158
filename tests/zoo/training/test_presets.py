import itertools

import keras
import numpy as np
import pytest

from zoo import families
from zoo.training import PresetError, load_preset
from zoo.training.presets import check_preset, names, override

TEXT = """
title = "Digits"
family = "ddpm"
[model]
num_classes = 10
widths = [16]
[data]
source = "digits"
[train]
epochs = 3
batch_size = 32
[sample.options]
steps = 5
[expect]
bits_per_dim = 3.2
"""


@pytest.fixture
def preset_file(tmp_path):
    path = tmp_path / "my_digits.toml"
    path.write_text(TEXT)
    return str(path)


def test_a_preset_is_read_with_its_defaults(preset_file):
    preset = load_preset(preset_file)
    assert preset.name == "my_digits"
    assert preset.model == {"num_classes": 10, "widths": [16]}
    assert (preset.train.epochs, preset.train.batch_size, preset.train.validation_images) == (3, 32, 0)
    assert preset.sample.options == {"steps": 5}
    assert preset.expect == {"bits_per_dim": 3.2}


def test_a_preset_survives_being_frozen(preset_file):
    preset = load_preset(preset_file, ["train.learning_rate=3e-4"])
    assert check_preset(preset.as_tables()) == preset


@pytest.mark.parametrize("name", names())
def test_every_preset_of_the_zoo_is_right_and_says_what_to_expect(name):
    preset = load_preset(name)
    assert preset.name == name
    assert preset.title
    assert preset.licence
    assert preset.expect


@pytest.mark.parametrize("name", names())
def test_every_preset_builds_a_model_that_draws_and_whose_kernels_start_different(name):
    preset = load_preset(name)
    keras.utils.set_random_seed(0)
    shape = (28, 28, 1) if preset.data.source == "fashion_mnist" else (64, 64, 3)
    model = families.get(preset.family)(image_shape=shape, **preset.model)
    kernels = [v.numpy() for v in model.trainable_variables]
    kernels = [
        kernel for kernel in kernels if np.ptp(kernel)
    ]  # not those that start constant, as a norm's scale
    assert len(kernels) > 5
    for a, b in itertools.combinations(kernels, 2):
        assert not np.array_equal(a, b)
    if "sample" in model.capabilities:
        label = 0 if model.num_classes else None
        assert model.sample(1, label=label, **preset.sample.options).shape == (1, *shape)


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("train.epochs=7", 7),
        ("train.epochs = 7", 7),
        ("train.learning_rate=1", 1.0),
        ("train.learning_rate=2e-4", 2e-4),
        ("train.deterministic=false", False),
        ("data.source=fashion_mnist", "fashion_mnist"),
        ('data.source="folder:/with space"', "folder:/with space"),
        ("data.source=folder:/my/pictures", "folder:/my/pictures"),
        ("model.widths=[8, 16]", [8, 16]),
        ("model.dtype=mixed_bfloat16", "mixed_bfloat16"),
        ("title='Other'", "Other"),
        ("sample.options.steps=9", 9),
        ("expect.new=1.5", 1.5),
    ],
)
def test_set_overrides_one_key(preset_file, assignment, value):
    found = load_preset(preset_file, [assignment]).as_tables()
    for part in assignment.partition("=")[0].strip().split("."):
        found = found[part]
    assert found == value
    assert type(found) is type(value)


def test_later_overrides_win_and_the_file_is_not_touched(preset_file):
    assert load_preset(preset_file, ["train.epochs=7", "train.epochs=8"]).train.epochs == 8
    assert load_preset(preset_file).train.epochs == 3


def test_overriding_leaves_the_given_tables_alone():
    tables = {"train": {"epochs": 1}}
    assert override(tables, ["train.epochs=2"]) == {"train": {"epochs": 2}}
    assert tables == {"train": {"epochs": 1}}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "train.epoch=3",
            r"unknown key 'train.epoch' \(did you mean 'epochs'\?\); allowed here: epochs, batch_size",
        ),
        ("trian.epochs=3", r"unknown key 'trian' \(did you mean 'train'\?\)"),
        ("model.width=[3]", r"unknown key 'model.width' \(did you mean 'widths'\?\)"),
        ("train.epochs=three", "train.epochs must be an integer; got 'three'"),
        ("train.epochs=2.5", "train.epochs must be an integer; got 2.5"),
        ("train.epochs=true", "train.epochs must be an integer; got True"),
        ("train.epochs=0", "train.epochs must be at least 1; got 0"),
        ("train.learning_rate=fast", "train.learning_rate must be a number; got 'fast'"),
        ("train.learning_rate=0", "train.learning_rate must be above 0; got 0.0"),
        ("train.learning_rate=nan", "train.learning_rate must be above 0; got nan"),
        ("train.seed=-1", "train.seed must be at least 0; got -1"),
        ("train.deterministic=1", "train.deterministic must be true or false; got 1"),
        ("model.widths=16", "model.widths must be a list; got 16"),
        ("model.timesteps=many", "model.timesteps must be an integer; got 'many'"),
        ("model.image_shape=[8,8,1]", "model.image_shape cannot be set: it is taken from the data"),
        ("model.learning_rate=1e-3", r"model.learning_rate cannot be set: write it in \[train\]"),
        ("sample.options=5", "sample.options must be a table; got 5"),
        ("train=5", "train must be a table; got 5"),
        ("family=ddmp", "family 'ddmp' is unknown; the zoo has .*ddpm"),
        ("train.epochs", "write key=value, such as train.epochs=3"),
        ("=3", "write key=value"),
        ("train..epochs=3", "write key=value"),
        ("title.x=3", "'title' is a value, not a table"),
        ("train.epochs=[1", r"'\[1' is not a TOML value"),
        ("title=two words", "'two words' is not a TOML value .* quote strings"),
    ],
)
def test_a_wrong_override_names_the_key_and_the_rule(preset_file, assignment, message):
    with pytest.raises(PresetError, match=message):
        load_preset(preset_file, [assignment])


def test_a_missing_key_is_named(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text(TEXT.replace("batch_size = 32\n", ""))
    with pytest.raises(PresetError, match=r"train.batch_size is missing; it has no default"):
        load_preset(str(path))


def test_a_file_that_is_not_toml_is_named(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("title = one\n")
    with pytest.raises(PresetError, match=r"preset broken is not TOML: .*line 1"):
        load_preset(str(path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_preset", r"unknown preset 'no_such_preset': the zoo has .*; a path that ends in .toml"),
        ("no/such.toml", "there is no preset file no/such.toml"),
        ("", "name a preset: the zoo has "),
    ],
)
def test_an_unknown_preset_is_answered_with_the_known_ones(name, message):
    with pytest.raises(PresetError, match=message):
        load_preset(name)
