"""The bundled models all the way: from the SavedModel in this process to pictures over gRPC, from a real server."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo import contract
from zoo_client import Client
from zoo_client.local import local_server
from zoo_client.results import Image, Preview

MODELS = Path(__file__).resolve().parents[1] / "saved_models"
BUNDLED = sorted(path for path in MODELS.glob("*/*") if path.is_dir())
DDPM = MODELS / "ddpm_fashion_mnist" / "1"
VAE = MODELS / "vae_fashion_mnist" / "1"

STOCK = """
import sys
for name in ("zoo", "zoo_server", "zoo_client", "pixelzoo", "keras"):
    sys.modules[name] = None  # Importing any of them fails.
import numpy as np
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
signature = loaded.signatures["sample"]
inputs = {"seed": tf.constant([5, 6], tf.int64), "label": tf.constant([9, 1]), "temperature": tf.ones([2])}
taken = signature.structured_input_signature[1]
image = signature(**{name: value for name, value in inputs.items() if name in taken})["image"]
np.save(sys.argv[2], image.numpy())
"""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with local_server(MODELS) as target, Client(target, encoding="raw") as client:
        yield client


@pytest.fixture(scope="module")
def ddpm() -> contract.LoadedModel:
    return contract.LoadedModel(DDPM)


def in_process(
    model: contract.LoadedModel, seeds: list[int], labels: list[int], steps: int = 6
) -> np.ndarray:
    return model.ask("sample", {"seed": seeds, "label": labels}, sampler=2, steps=steps)["image"]


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.parent.name)
def test_every_bundled_model_keeps_the_contract_and_states_its_numbers(path: Path) -> None:
    assert contract.check(path) == []
    card = contract.read_card(path)
    assert card.data.train_images == 60_000
    assert card.recipe.training_seconds > 0
    full = [metric for metric in card.metrics if "first 10000 test images" in metric.protocol]
    assert any(metric.name == "bits_per_dim" for metric in full)
    assert all(metric.standard_error > 0 and metric.command for metric in card.metrics)


def test_the_bundled_models_beat_counting() -> None:
    """3.466 bits/dim is the best that counting pixels reaches on this test split."""
    for path, worst in ((DDPM, 3.466), (VAE, 3.35)):
        bits = next(m.value for m in contract.read_card(path).metrics if m.name == "bits_per_dim")
        assert bits < worst


@pytest.mark.parametrize("path", [DDPM, VAE], ids=["ddpm", "vae"])
def test_stock_tensorflow_draws_what_the_server_draws(client: Client, path: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", STOCK, str(path), str(tmp_path / "image.npy")], check=True)
    labels = [9, 1] if path == DDPM else None
    served = client.sample(path.parent.name, 2, seed=5, labels=labels).images
    assert np.abs(np.load(tmp_path / "image.npy").astype(int) - served).max() <= 1
    assert served.std() > 20


def test_one_seed_is_one_image_alone_and_beside_strangers(client: Client, ddpm: contract.LoadedModel) -> None:
    alone = client.sample("ddpm_fashion_mnist", 1, seed=11, labels=[3], sampler="ddim", steps=6).images
    strangers = [
        threading.Thread(
            target=client.sample,
            args=("ddpm_fashion_mnist", 3),
            kwargs={"seed": 100 * i, "labels": [i], "sampler": "dpm_solver_pp_2m", "steps": 5 + i},
        )
        for i in range(4)
    ]
    for stranger in strangers:
        stranger.start()
    beside = client.sample("ddpm_fashion_mnist", 1, seed=11, labels=[3], sampler="ddim", steps=6).images
    for stranger in strangers:
        stranger.join()
    assert np.abs(alone.astype(int) - beside).max() <= 1
    assert np.abs(alone.astype(int) - in_process(ddpm, [11], [3])).max() <= 1


def test_another_seed_or_another_label_is_another_image(client: Client) -> None:
    def draw(seed: int, label: int) -> np.ndarray:
        return client.sample(
            "ddpm_fashion_mnist", 1, seed=seed, labels=[label], sampler="ddim", steps=6
        ).images

    assert (draw(11, 3) == draw(11, 3)).all()
    assert (draw(11, 3) != draw(12, 3)).any()
    assert (draw(11, 3) != draw(11, 4)).any()


def test_the_states_are_the_same_floats_at_every_bucket(ddpm: contract.LoadedModel) -> None:
    """8-bit images hide differences, so the float states are compared: one item alone, and in batches of 4 and 8."""
    import tensorflow as tf

    def states(n: int) -> list[np.ndarray]:
        begin, advance = ddpm.signatures["sample_begin"], ddpm.signatures["sample_advance"]
        state = begin(
            seed=tf.range(21, 21 + n, dtype=tf.int64),
            label=tf.range(n),
            sampler=tf.fill([n], 2),
            steps=tf.fill([n], 6),
            eta=tf.zeros([n]),
            guidance=tf.ones([n]),
        )
        seen = []
        for _ in range(6):
            state = advance(**state)
            seen.append(state["x"].numpy()[0])
        return seen

    alone = states(1)
    for n in (4, 8):
        for one, many in zip(alone, states(n), strict=True):
            np.testing.assert_allclose(many, one, atol=2e-3)


def test_a_preview_is_the_state_at_its_step(client: Client, ddpm: contract.LoadedModel) -> None:
    import tensorflow as tf

    events = list(
        client.stream_sample(
            "ddpm_fashion_mnist", 1, seed=4, labels=[7], sampler="ddim", steps=6, preview_interval=2
        )
    )
    previews = {event.step: event for event in events if isinstance(event, Preview)}
    images = [event for event in events if isinstance(event, Image)]
    assert len(images) == 1
    assert previews
    state = ddpm.signatures["sample_begin"](
        seed=tf.constant([4], tf.int64),
        label=tf.constant([7]),
        sampler=tf.constant([2]),
        steps=tf.constant([6]),
        eta=tf.zeros([1]),
        guidance=tf.ones([1]),
    )
    for step in range(1, 7):
        state = ddpm.signatures["sample_advance"](**state)
        if step in previews:
            here = ddpm.signatures["sample_preview"](**state)["image"].numpy()[0]
            assert np.abs(here.astype(int) - previews[step].pixels).max() <= 1


@pytest.mark.parametrize("name", ["ddpm_fashion_mnist", "vae_fashion_mnist"])
def test_real_images_score_better_than_noise(client: Client, name: str) -> None:
    image = zoo.data.load("fashion_mnist").arrays("test")[0][:4]
    noise = np.random.default_rng(0).integers(0, 256, image.shape, np.uint8)
    real, random = (client.score(name, images)["bits_per_dim"] for images in (image, noise))
    assert (real < 5.5).all()
    assert (random > 7.5).all()


def test_the_vae_gives_an_image_back(client: Client) -> None:
    image = zoo.data.load("fashion_mnist").arrays("test")[0][:4]
    back = client.decode("vae_fashion_mnist", client.encode("vae_fashion_mnist", image))
    error = np.abs(image.astype(int) - back).mean()
    shuffled = np.abs(image.astype(int) - image[::-1]).mean()
    assert error < 0.3 * shuffled
