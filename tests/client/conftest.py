"""A real server for the client's tests, in a process of its own, on SavedModels written by hand.

Two of them stand here, of the held-out images' size, and such that an image shows what was asked for. The others are
those of the server's tests.
"""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zoo_client import Client, held_out
from zoo_client.local import local_server

SHAPE = (28, 28, 1)
CLASSES = list(held_out.load().classes)
BOUND = {
    "name": "bits_per_dim",
    "kind": "SCORE_KIND_EVIDENCE_LOWER_BOUND",
    "unit": "bits/dim",
    "primary": True,
}


def load_module(name: str) -> ModuleType:
    """A module of the server's tests, which others of them then find by its name."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / "server" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def handmade() -> ModuleType:
    return load_module("handmade")


@pytest.fixture(scope="session")
def families(handmade: ModuleType) -> ModuleType:
    return load_module("families")


@pytest.fixture(scope="session")
def certificates() -> ModuleType:
    return load_module("certificates_by_hand")


@pytest.fixture(scope="session")
def demo_models(handmade: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two models of the size of the held-out images, `quarters` and `halves`; read it only."""
    folder = tmp_path_factory.mktemp("demo_models")
    write_quarters(handmade, folder)
    write_halves(handmade, folder)
    return folder


@pytest.fixture(scope="session")
def family_models(families: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a stand-in for each other kind of family, of the size of the held-out images; read it only."""
    folder = tmp_path_factory.mktemp("family_models")
    families.write_critic(folder, shape=SHAPE, classes=CLASSES)
    families.write_turner(folder, shape=SHAPE, domains=("Sneaker", "Ankle boot"))
    families.write_enlarger(folder, tile=32, pixels=128 * 128)
    families.write_codes(folder, shape=SHAPE)
    families.write_rows(folder, shape=SHAPE)
    families.write_painter(folder, shape=SHAPE, classes=CLASSES)
    return folder


@pytest.fixture(scope="session")
def models(
    handmade: ModuleType, demo_models: Path, family_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """All of those, others for what they do not do, and one that is damaged; read it only."""
    folder = tmp_path_factory.mktemp("models")
    for some in (demo_models, family_models):
        shutil.copytree(some, folder, dirs_exist_ok=True)
    for name in ("mirror", "tiles", "trap"):
        getattr(handmade, f"write_{name}")(folder)
    handmade.write_ripples(folder, "slow", handmade.SLOW_ROUNDS)
    shutil.copytree(demo_models / "halves", folder / "damaged")
    (folder / "damaged" / "1" / "saved_model.pb").write_bytes(b"not a model")
    return folder


@pytest.fixture(scope="session")
def target(models: Path) -> Iterator[str]:
    """The address of a server on `models`."""
    with local_server(models) as address:
        yield address


@pytest.fixture
def zoo(target: str) -> Iterator[Client]:
    with Client(target) as client:
        yield client


def write_quarters(handmade: ModuleType, folder: Path) -> None:
    """By class, in steps: the quarters of an image are seed % 100, 10 + label, step, and 50 * sampler + guidance."""
    import tensorflow as tf

    def begin(seed: Any, label: Any, sampler: Any, steps: Any, guidance: Any) -> dict[str, Any]:
        mark = 50 * tf.cast(sampler, tf.float32) + guidance
        return {
            "step": tf.zeros_like(steps),
            "steps": steps + 0,
            "seed": seed + 0,
            "label": label + 0,
            "mark": mark,
        }

    def advance(step: Any, steps: Any, seed: Any, label: Any, mark: Any) -> dict[str, Any]:
        step = tf.minimum(step + 1, steps)
        return {"step": step, "steps": steps + 0, "seed": seed + 0, "label": label + 0, "mark": mark + 0}

    def picture(step: Any, steps: Any, seed: Any, label: Any, mark: Any) -> dict[str, Any]:
        values = [tf.cast(value, tf.float32) for value in (seed % 100, 10 + label, step, mark)]
        quarters = tf.reshape(tf.stack(values, 1), [-1, 2, 1, 2, 1, 1]) + tf.zeros([1, 2, 14, 2, 14, 1])
        return {"image": tf.cast(tf.reshape(quarters, [-1, *SHAPE]), tf.uint8)}

    def sample(seed: Any, label: Any) -> dict[str, Any]:
        ten = tf.fill(tf.shape(label), 10)
        state = begin(seed, label, tf.fill(tf.shape(label), 2), ten, tf.ones_like(ten, tf.float32))
        return picture(**{**state, "step": ten})

    def score(image: Any, label: Any, seed: Any) -> dict[str, Any]:
        mean = tf.reduce_mean(tf.cast(image, tf.float32), [1, 2, 3])
        return {
            "bits_per_dim": mean / 32,
            "half": mean / 64,
            "asked": tf.stack([tf.cast(label, tf.float32), tf.cast(seed, tf.float32)], 1),
        }

    state = [
        *map(handmade.integer, ("step", "steps")),
        handmade.SEED,
        handmade.LABEL,
        handmade.real("mark"),
    ]
    options = [*map(handmade.integer, ("sampler", "steps")), handmade.real("guidance")]
    signatures = {
        "sample": handmade.concrete(sample, handmade.SEED, handmade.LABEL),
        "sample_begin": handmade.concrete(begin, handmade.SEED, handmade.LABEL, *options),
        "sample_advance": handmade.concrete(advance, *state),
        "sample_preview": handmade.concrete(picture, *state),
        "sample_finish": handmade.concrete(picture, *state),
        "score": handmade.concrete(score, handmade.image(*SHAPE), handmade.LABEL, handmade.SEED),
    }
    choices = [
        {"name": "ddpm", "number": 1},
        {"name": "ddim", "number": 2},
        {"name": "dpm_solver_pp_2m", "number": 3},
    ]
    capabilities = [
        {
            "kind": "CAPABILITY_KIND_SAMPLE",
            "iterative": True,
            "previews": True,
            "options": [
                {"name": "sampler", "choice": {"choices": choices, "defaultNumber": 2}},
                {"name": "steps", "integer": {"min": "1", "max": "100", "default": "10"}},
                {"name": "guidance", "real": {"min": 0, "max": 10, "default": 1}},
            ],
        },
        {
            "kind": "CAPABILITY_KIND_SCORE",
            "scores": [
                {"name": "half", "kind": "SCORE_KIND_DETAIL", "unit": "bits/dim"},
                {**BOUND, "description": "Mean grey, as if it were a bound."},
                {"name": "asked", "kind": "SCORE_KIND_DETAIL"},
            ],
        },
    ]
    limits = {"maxItemsPerRequest": 16, "maxPixelsPerImage": 784, "maxSteps": 100}
    card = handmade.card(
        "quarters",
        "ddpm",
        *SHAPE,
        capabilities=capabilities,
        conditional=True,
        classes=CLASSES,
        limits=limits,
    )
    handmade.write(folder, card, signatures)


def write_halves(handmade: ModuleType, folder: Path) -> None:
    """In one go: a latent is the grey of the upper and of the lower half, in units of 100 levels."""
    import tensorflow as tf

    def decode(latent: Any) -> dict[str, Any]:
        halves = tf.reshape(latent * 100, [-1, 2, 1, 1, 1]) + tf.zeros([1, 2, 14, 28, 1])
        return {
            "image": tf.cast(tf.clip_by_value(tf.round(tf.reshape(halves, [-1, *SHAPE])), 0, 255), tf.uint8)
        }

    def encode(image: Any) -> dict[str, Any]:
        return {"latent": tf.reduce_mean(tf.reshape(tf.cast(image, tf.float32), [-1, 2, 392]), 2) / 100}

    def sample(seed: Any, temperature: Any) -> dict[str, Any]:
        return decode(tf.stack([tf.cast(seed % 100, tf.float32) / 100, temperature], 1))

    def score(image: Any, importance_samples: Any) -> dict[str, Any]:
        mean = tf.reduce_mean(tf.cast(image, tf.float32), [1, 2, 3])
        return {"bits_per_dim": mean / 32 + 100 * tf.cast(importance_samples, tf.float32)}

    latent = {"shape": [2], "dataType": "DATA_TYPE_FLOAT32", "prior": "LATENT_PRIOR_STANDARD_NORMAL"}
    temperature = {"name": "temperature", "real": {"min": 0, "max": 2, "default": 1}}
    importance_samples = {"name": "importance_samples", "integer": {"min": "1", "max": "64", "default": "1"}}
    capabilities = [
        {"kind": "CAPABILITY_KIND_SAMPLE", "options": [temperature]},
        {"kind": "CAPABILITY_KIND_SCORE", "options": [importance_samples], "scores": [BOUND]},
        {"kind": "CAPABILITY_KIND_ENCODE", "latent": latent},
        {"kind": "CAPABILITY_KIND_DECODE", "latent": latent},
    ]
    signatures = {
        "sample": handmade.concrete(sample, handmade.SEED, handmade.real("temperature")),
        "score": handmade.concrete(score, handmade.image(*SHAPE), handmade.integer("importance_samples")),
        "encode": handmade.concrete(encode, handmade.image(*SHAPE)),
        "decode": handmade.concrete(decode, handmade.real("latent", 2)),
    }
    handmade.write(folder, handmade.card("halves", "vae", *SHAPE, capabilities=capabilities), signatures)
