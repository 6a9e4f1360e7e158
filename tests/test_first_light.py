"""The bundled models all the way: from the SavedModel in this process to pictures over gRPC, from a real server.

Which model is asked for what follows from the cards; only figures that a family promises are named here.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from pixelzoo.v1 import capability_pb2, card_pb2
from zoo import contract
from zoo.families import FAMILIES
from zoo_client import Client, held_out
from zoo_client.local import local_server
from zoo_client.results import Image, Preview

MODELS = Path(__file__).resolve().parents[1] / "saved_models"
BUNDLED = sorted(max(model.iterdir(), key=lambda path: int(path.name)) for model in MODELS.iterdir())
CARDS = {path: contract.read_card(path) for path in BUNDLED}
DDPM = next(path for path in BUNDLED if path.parent.name == "ddpm_fashion_mnist")

HELD_OUT = held_out.load()

STOCK = """
import sys
for name in ("zoo", "zoo_server", "zoo_client", "pixelzoo", "keras"):
    sys.modules[name] = None  # Importing any of them fails.
import numpy as np
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
signature = loaded.signatures["sample"]
inputs = {"seed": tf.constant([5, 6], tf.int64), "label": tf.constant([9, 1]), "temperature": tf.ones([2])}
if len(sys.argv) > 3:
    inputs["truncation"] = tf.fill([2], float(sys.argv[3]))
taken = signature.structured_input_signature[1]
image = signature(**{name: value for name, value in inputs.items() if name in taken})["image"]
np.save(sys.argv[2], image.numpy())
"""

BITS_PER_DIM = {"ddpm": 3.466, "vae": 3.35, "pixelcnn": 2.95, "vqvae": 3.466}
"""The most bits/dim that a family's figure on the whole test split may be: 3.466 is what counting pixels reaches."""

LIKELIHOODS = (
    capability_pb2.SCORE_KIND_EXACT_LOG_LIKELIHOOD,
    capability_pb2.SCORE_KIND_EVIDENCE_LOWER_BOUND,
)


def able(kind: str, *options: str) -> list[Path]:
    """The bundled models whose cards say that they can do this, with these options."""
    return [
        path for path, card in CARDS.items() if (found := capability(card, kind)) and takes(found, options)
    ]


def capability(card: card_pb2.ModelCard, kind: str) -> capability_pb2.Capability | None:
    number = capability_pb2.CapabilityKind.Value(f"CAPABILITY_KIND_{kind.upper()}")
    return next((found for found in card.capabilities if found.kind == number), None)


def takes(found: capability_pb2.Capability, options: tuple[str, ...]) -> bool:
    return set(options) <= {option.name for option in found.options}


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=[path.parent.name for path in paths])


def of_class(name: str) -> np.ndarray:
    return HELD_OUT.images[HELD_OUT.labels == HELD_OUT.classes.index(name)]


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over all pixels of how many levels they differ by."""
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with local_server(MODELS) as target, Client(target, encoding="raw") as client:
        yield client


@pytest.fixture(scope="module")
def ddpm() -> contract.LoadedModel:
    return contract.LoadedModel(DDPM)


# --- every model ---------------------------------------------------------------------------------------------------


def test_every_bundled_model_is_served(client: Client) -> None:
    assert {card.family for card in CARDS.values()} == set(FAMILIES)
    served = {model.name: model for model in client.models()}
    assert {path.parent.name for path in BUNDLED} == {
        name for name, model in served.items() if model.available
    }


@each(BUNDLED)
def test_it_keeps_the_contract_and_states_its_numbers(path: Path) -> None:
    assert contract.check(path) == []
    card = CARDS[path]
    assert card.data.train_images > 0
    assert card.recipe.training_seconds > 0
    assert card.licences
    assert card.metrics
    assert all(metric.protocol and metric.command for metric in card.metrics)


@each([path for path in BUNDLED if CARDS[path].family in BITS_PER_DIM])
def test_it_beats_counting_on_the_whole_test_split(path: Path) -> None:
    figures = [metric for metric in CARDS[path].metrics if metric.name == "bits_per_dim"]
    [bits] = {metric.value for metric in figures if "10000" in metric.protocol.replace(",", "")}
    assert bits <= BITS_PER_DIM[CARDS[path].family]


@each(able("sample"))
def test_stock_tensorflow_draws_what_the_server_draws(client: Client, path: Path, tmp_path: Path) -> None:
    card = CARDS[path]
    sample = capability(card, "sample")
    truncation = [str(option.real.default) for option in sample.options if option.name == "truncation"]
    arguments = [str(path), str(tmp_path / "image.npy"), *truncation]
    subprocess.run([sys.executable, "-c", STOCK, *arguments], check=True)
    labels = [9, 1] if card.conditional else None
    served = client.sample(path.parent.name, 2, seed=5, labels=labels).images
    drawn = np.load(tmp_path / "image.npy")
    if card.batch_lane.exact:  # One batch shape, and so one result; this process has another.
        assert difference(drawn, served) < 16
    else:
        assert np.abs(drawn.astype(int) - served).max() <= 1
    assert served.std() > 20


@each(able("sample"))
def test_another_seed_is_another_image_and_the_same_is_the_same(client: Client, path: Path) -> None:
    labels = 3 if CARDS[path].conditional else None

    def draw(seed: int) -> np.ndarray:
        return client.sample(path.parent.name, 1, seed=seed, labels=labels).images

    first = draw(11)
    np.testing.assert_array_equal(draw(11), first)
    assert difference(draw(12), first) > 2


@each([path for path in able("sample") if CARDS[path].conditional])
def test_another_class_is_another_image(client: Client, path: Path) -> None:
    trousers, bag = (
        client.sample(path.parent.name, 4, seed=2, labels=name).images for name in ("Trouser", "Bag")
    )
    assert difference(trousers, bag) > 20


# --- scores --------------------------------------------------------------------------------------------------------


@each(
    [
        path
        for path in able("score")
        if any(score.kind in LIKELIHOODS for score in capability(CARDS[path], "score").scores)
    ]
)
def test_real_images_are_likelier_than_noise(client: Client, path: Path) -> None:
    images = HELD_OUT.images[:4]
    labels = HELD_OUT.labels[:4].tolist() if CARDS[path].label_required else None
    noise = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    real, random = (client.score(path.parent.name, some, labels)["bits_per_dim"] for some in (images, noise))
    assert (real < 5.5).all()
    assert (random > 7.5).all()


@each([path for path in able("score") if CARDS[path].family == "acgan"])
def test_the_probable_class_is_mostly_the_right_one(client: Client, path: Path) -> None:
    labels = HELD_OUT.labels.tolist() if CARDS[path].label_required else None
    scores = client.score(path.parent.name, HELD_OUT.images, labels)
    [info] = [info for info in scores.infos if info.kind == "CLASS_PROBABILITY"]
    assert info.entries == HELD_OUT.classes
    assert (scores[info.name].argmax(1) == HELD_OUT.labels).mean() > 0.75


# --- pictures from pictures ----------------------------------------------------------------------------------------


@each(able("translate", "direction"))
def test_a_shoe_becomes_another_kind_of_shoe_and_itself_again(client: Client, path: Path) -> None:
    first, second = client.model(path.parent.name).domains
    for source, there, back in ((first, "a_to_b", "b_to_a"), (second, "b_to_a", "a_to_b")):
        originals = of_class(source)
        translated = client.translate(path.parent.name, originals, direction=there).images
        again = client.translate(path.parent.name, translated, direction=back).images
        assert difference(translated, originals) > 2 * difference(again, originals)
        assert difference(again, originals) < 0.08 * 255


@each([path for path in able("translate") if capability(CARDS[path], "translate").translation.scale > 1])
def test_a_photograph_of_any_size_is_enlarged_much_as_it_was(client: Client, path: Path) -> None:
    scale = client.model(path.parent.name).scale
    for photograph in held_out.photographs():
        small = PilImage.fromarray(photograph.pixels[:184, :128]).resize(
            (128 // scale, 184 // scale), PilImage.Resampling.BICUBIC
        )
        [large] = client.upscale(path.parent.name, small)
        assert large.pixels.shape == (184, 128, 3)
        blurred = np.asarray(small.resize((128, 184), PilImage.Resampling.BILINEAR))
        original = photograph.pixels[:184, :128]
        assert difference(large.pixels, original) < 1.2 * difference(blurred, original)


@each(able("translate", "mask"))
def test_a_hole_is_mended_and_the_rest_is_kept(client: Client, path: Path) -> None:
    mask = np.zeros((28, 28), bool)
    mask[9:19, 9:19] = True
    images, labels = HELD_OUT.images[:4], HELD_OUT.labels[:4].tolist()
    mended = client.translate(
        path.parent.name, images, seed=1, labels=labels, strength=1, mask=mask, steps=20
    ).images
    np.testing.assert_array_equal(mended[:, ~mask], images[:, ~mask])
    noise = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    assert difference(mended[:, mask], images[:, mask]) < difference(noise[:, mask], images[:, mask])
    [kept] = client.translate(path.parent.name, images[0], labels=labels[0], strength=0)
    assert np.abs(kept.pixels.astype(int) - images[0]).max() <= 1


@each(able("sample", "image", "given_rows"))
def test_a_given_top_is_kept_and_completed(client: Client, path: Path) -> None:
    image, label = HELD_OUT.images[2], int(HELD_OUT.labels[2])  # Trousers.
    labels = label if CARDS[path].conditional else None
    completed = client.complete(path.parent.name, image, 4, given_rows=14, seed=3, labels=labels).images
    np.testing.assert_array_equal(completed[:, :14], np.stack([image[:14]] * 4))
    assert difference(completed[0], completed[1]) > 0
    upside_down = image[::-1]
    assert difference(completed[:, 14:], image[14:]) < difference(upside_down[14:], image[14:]) + 20


@each([path for path in able("encode") if path in able("decode")])
def test_an_image_goes_through_its_latent_and_back(client: Client, path: Path) -> None:
    images = HELD_OUT.images[:4]
    latents = client.encode(path.parent.name, images)
    back = client.decode(path.parent.name, latents)
    assert difference(back, images) < 0.3 * difference(images[::-1], images)
    size = capability(CARDS[path], "encode").latent.codebook_size
    assert (latents.dtype.kind == "i") == (size > 0)
    assert not size or (latents.min() >= 0 and latents.max() < size)


# --- many callers, many steps --------------------------------------------------------------------------------------


def in_process(
    model: contract.LoadedModel, seeds: list[int], labels: list[int], steps: int = 6
) -> np.ndarray:
    return model.ask("sample", {"seed": seeds, "label": labels}, sampler=2, steps=steps)["image"]


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


@each([path for path in able("sample") if CARDS[path].batch_lane.exact])
def test_one_batch_shape_gives_the_same_bytes_alone_and_beside_strangers(client: Client, path: Path) -> None:
    labels = 3 if CARDS[path].conditional else None
    alone = client.sample(path.parent.name, 1, seed=11, labels=labels).images
    strangers = [
        threading.Thread(
            target=client.sample, args=(path.parent.name, 2), kwargs={"seed": 100 * i, "labels": labels}
        )
        for i in range(2)
    ]
    for stranger in strangers:
        stranger.start()
    beside = client.sample(path.parent.name, 1, seed=11, labels=labels).images
    for stranger in strangers:
        stranger.join()
    np.testing.assert_array_equal(beside, alone)


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
