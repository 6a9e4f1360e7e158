"""SRGAN: both stages learn what they are for, tiles do not show, and the mistakes of record are not made."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import contract
from zoo.data import photos
from zoo.data.degradation import bicubic, low_resolution, whole_multiple
from zoo.families.srgan import ADVERSARIAL, RECONSTRUCTION, SRGAN, turned
from zoo.layers import perceptual, super_resolution
from zoo.layers.tiling import Tiling
from zoo.metrics import fidelity
from zoo_client import Client
from zoo_client.local import local_server

SMALL = {
    "image_shape": (48, 48, 3),
    "features": 24,
    "blocks": 2,
    "upsample_features": 12,
    "end_size": 3,
    "batch_norm": False,
    "discriminator_widths": (16, 32),
    "hidden": 32,
    "pixel_weight": 1.0,
    "feature_weight": 0.05,
    "ema_decay": 0.98,
}


def small_srgan(**changes: Any) -> SRGAN:
    """The small SRGAN of these tests, untrained."""
    return SRGAN(**{**SMALL, **changes})


@dataclass(frozen=True)
class Trained:
    """One training: the model as its first stage left it, and at the end."""

    srresnet: SRGAN
    srgan: SRGAN


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    keras.utils.set_random_seed(0)
    data = zoo.data.load("photos", size=48)
    model = small_srgan()
    for stage, steps, rate in ((RECONSTRUCTION, 180, 3e-3), (ADVERSARIAL, 30, 5e-4)):
        if stage == ADVERSARIAL:
            path = tmp_path_factory.mktemp("srgan") / "reconstruction.keras"
            model.save(path)
        model.begin_stage(stage)
        model.compile_for(rate, steps)
        model.fit(data.train(16, seed=0, epochs=3).take(steps), verbose=0, shuffle=False)
    return Trained(keras.models.load_model(path), model)


@pytest.fixture(scope="module")
def untrained() -> SRGAN:
    keras.utils.set_random_seed(0)
    return small_srgan()


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    """A held-out photograph, uint8 [1, 300, 448, 3]."""
    return whole_multiple(photos.photographs(held_out=True)[0].pixels())[None]


def luma_psnr(image: Any, original: Any) -> float:
    one, other = (fidelity.luma(np.asarray(picture)[0]) for picture in (image, original))
    return fidelity.psnr(one, other, shave=4)


def batch_of(image: np.ndarray) -> dict[str, Any]:
    n = len(image)
    return {
        "image": tf.constant(image),
        "label": tf.fill([n], -1),
        "seed": tf.range(n, dtype=tf.int64),
        "update": 0,
    }


# --- learning -------------------------------------------------------------------------------------------------


def test_the_first_stage_beats_bicubic_on_photographs_it_never_saw(trained: Trained) -> None:
    gains = []
    for photograph in photos.photographs(held_out=True):
        original = whole_multiple(photograph.pixels())[None]
        low = low_resolution(original).numpy()
        gains.append(luma_psnr(trained.srresnet.translate(low), original) - luma_psnr(bicubic(low), original))
    assert min(gains) > 0.1
    assert np.mean(gains) > 0.25


def test_before_training_it_is_bicubic(untrained: SRGAN, cat: np.ndarray) -> None:
    low = low_resolution(cat).numpy()
    difference = np.abs(untrained.translate(low).astype(int) - bicubic(low).numpy())
    assert difference.max() <= 1


def test_the_second_stage_comes_nearer_in_features_and_leaves_the_pixels(trained: Trained) -> None:
    image = zoo.data.load("photos", size=48).arrays("test")[0]
    high = zoo.likelihoods.scale_pixels(image)
    low = zoo.likelihoods.scale_pixels(low_resolution(image))
    eyes = perceptual.find("photo_features")
    before, after = (model.generate(low, training=False) for model in (trained.srresnet, trained.srgan))
    nearer = tf.reduce_mean(eyes.distance(after, high)) / tf.reduce_mean(eyes.distance(before, high))
    assert nearer < 0.97
    # The price of it, by design.
    assert tf.reduce_mean((after - high) ** 2) > tf.reduce_mean((before - high) ** 2)


def test_the_discriminator_tells_photographs_from_what_is_made(trained: Trained) -> None:
    image = zoo.data.load("photos", size=48).arrays("test")[0]
    made = trained.srgan.translate(low_resolution(image).numpy())
    logits = [trained.srgan.score(pictures)["logit"] for pictures in (image, made)]
    assert (logits[0] > logits[1]).mean() > 0.6


def test_the_first_stage_leaves_the_discriminator_alone() -> None:
    model = small_srgan(batch_norm=True)
    before = [weight.numpy() for weight in model.discriminator.weights]
    model.begin_stage(RECONSTRUCTION)
    model.compile()
    image = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 3), np.uint8)
    logs = model.train_step(batch_of(image))
    assert set(logs) == {"generator_loss", "pixel_error", "psnr"}
    for old, new in zip(before, model.discriminator.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_loss_is_made_of_its_terms(trained: Trained, cat: np.ndarray) -> None:
    """Equations 3, 5 and 6 worked out anew: squares are means, and the game's term is -log D."""
    model, image = trained.srgan, np.ascontiguousarray(cat[:, 100:148, 100:148])
    terms = model.generator_terms(batch_of(image), training=False)
    fake = model.ema_network(zoo.likelihoods.scale_pixels(low_resolution(image)))
    high = zoo.likelihoods.scale_pixels(image)
    eyes = perceptual.find("photo_features")
    features = sum(
        np.square(np.subtract(one, two)).mean() for one, two in zip(eyes(fake), eyes(high), strict=True)
    )
    pixels = np.square(np.subtract(fake, high)).mean()
    probability = 1 / (1 + np.exp(-float(model.ema_discriminator(fake)[0])))
    expected = 0.05 * features + 1.0 * pixels - 1e-3 * np.log(probability)
    np.testing.assert_allclose(terms["generator_loss"], [expected], rtol=1e-4)
    np.testing.assert_allclose(terms["psnr"], [fidelity_of(fake, high)], rtol=1e-4)


def fidelity_of(fake: Any, high: Any) -> float:
    return float(tf.image.psnr(fake[0], high[0], max_val=2.0))


# --- stages ---------------------------------------------------------------------------------------------------


def test_stages_have_names() -> None:
    model = small_srgan()
    assert model.stages == (RECONSTRUCTION, ADVERSARIAL)
    assert model.stage == RECONSTRUCTION
    with pytest.raises(ValueError, match="srgan has no stage 'warm_up'; it has reconstruction, adversarial"):
        model.begin_stage("warm_up")
    with pytest.raises(ValueError, match="vae has no stages: it is trained in one go"):
        zoo.VAE().begin_stage(RECONSTRUCTION)


def test_a_keras_file_remembers_stage_features_and_both_optimizers(trained: Trained, tmp_path: Path) -> None:
    trained.srgan.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == trained.srgan.get_config()
    assert (loaded.stage, loaded.discriminator_steps) == (ADVERSARIAL, 1)
    assert (trained.srresnet.stage, trained.srresnet.discriminator_steps) == (RECONSTRUCTION, 0)
    assert loaded.perceptual_digest == perceptual.OWN_SHA256
    for saved, read in zip(trained.srgan.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(saved, read)
    for name in ("optimizer", "discriminator_optimizer"):
        pairs = zip(getattr(trained.srgan, name).variables, getattr(loaded, name).variables, strict=True)
        for saved, read in pairs:
            np.testing.assert_array_equal(saved, read)
    assert int(loaded.discriminator_optimizer.iterations) == 30
    # It goes on from there: the features are found again when training is.
    batches = zoo.data.load("photos", size=48).train(4).take(1)
    assert np.isfinite(loaded.fit(batches, verbose=0).history["feature_error"]).all()


# --- perceptual features --------------------------------------------------------------------------------------


def test_without_vgg19_nothing_is_trained_and_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for choice in ("vgg19", str(tmp_path / "my.h5")):
        model = small_srgan(perceptual=choice)
        for stage in model.stages:
            with pytest.raises(
                ValueError, match=r"perceptual='.*': there is no file .*h5.*'photo_features', which"
            ):
                model.begin_stage(stage)
        model.compile()
        with pytest.raises(ValueError, match="there is no file"):
            model.fit(np.zeros((2, 48, 48, 3), np.uint8), verbose=0)
    (tmp_path / "my.h5").write_bytes(b"no weights")
    with pytest.raises(ValueError, match="does not hold the weights of VGG19"):
        small_srgan(perceptual=str(tmp_path / "my.h5")).begin_stage(RECONSTRUCTION)


def test_vgg19_sees_what_the_paper_says(tmp_path: Path) -> None:
    """Keras' own preprocessing and layers, with random weights: levels, BGR, mean, after the activation, 1/12.75."""
    keras.utils.set_random_seed(0)
    reference = keras.applications.VGG19(include_top=False, weights=None)
    path = tmp_path / "vgg19.weights.h5"
    reference.save_weights(path)
    eyes = perceptual.find(str(path))
    assert eyes.digest == hashlib.sha256(path.read_bytes()).hexdigest()

    levels = np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3)).astype(np.float32)
    phi = keras.Model(reference.input, reference.get_layer("block5_conv4").output)
    expected = phi(keras.applications.vgg19.preprocess_input(levels.copy())).numpy() / 12.75
    (found,) = eyes(levels / 127.5 - 1.0)
    assert found.shape == (2, 2, 3, 512)
    assert (expected >= 0).all()
    assert (expected == 0).any()  # so it is after the activation
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * expected.max())


def test_the_projects_own_features_are_the_known_ones_and_see_something(
    tmp_path: Path, cat: np.ndarray
) -> None:
    eyes = perceptual.find("photo_features")
    assert perceptual.OWN_FILE.stat().st_size < 300_000
    assert eyes.digest == perceptual.OWN_SHA256
    image = np.ascontiguousarray(cat[:, :96, :96])
    high, blurred = (zoo.likelihoods.scale_pixels(x) for x in (image, bicubic(low_resolution(image))))
    strengths = [float(tf.reduce_mean(part**2)) for part in eyes(high)]
    assert all(0.1 < strength < 10.0 for strength in strengths)  # about 1 over the training photographs
    np.testing.assert_allclose(eyes.distance(high, high), [0.0])
    assert eyes.distance(blurred, high) > 0.01
    changed = tmp_path / "changed.npz"
    changed.write_bytes(perceptual.OWN_FILE.read_bytes() + b"x")
    with pytest.raises(
        ValueError, match=r"changed.npz is not the file that belongs here \(SHA-256 differs\)"
    ):
        perceptual.photo_features(changed, perceptual.OWN_SHA256)


def test_features_are_kept_as_they_were(tmp_path: Path) -> None:
    eyes = perceptual.find("photo_features")
    assert perceptual.save(tmp_path / "again.npz", eyes.convolutions)
    again = perceptual.photo_features(tmp_path / "again.npz")
    image = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype(np.float32)
    for one, other in zip(eyes(image), again(image), strict=True):
        np.testing.assert_array_equal(one, other)


# --- the networks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("blocks", "end_size"), [(1, 3), (2, 5)])
def test_the_generator_looks_exactly_as_far_as_the_tiles_take_it_to(blocks: int, end_size: int) -> None:
    """The gradient of an output pixel: nothing beyond `reach`, and something on every row up to it."""
    keras.utils.set_random_seed(0)
    network = super_resolution.sr_resnet(
        features=4, blocks=blocks, upsample_features=4, end_size=end_size, batch_norm=False
    )
    tail = network.get_layer("tail")
    tail.set_weights([np.random.default_rng(0).normal(size=weight.shape) for weight in tail.get_weights()])
    reach, side = super_resolution.reach(blocks=blocks, end_size=end_size), 31
    low = tf.Variable(np.random.default_rng(1).normal(size=(1, side, side, 3)).astype(np.float32))
    centre = side // 2
    seen = np.zeros(side, bool)
    for phase in range(4):  # the four rows and columns that one low-resolution pixel becomes
        with tf.GradientTape() as tape:
            pixel = tf.reduce_sum(network(low)[0, 4 * centre + phase, 4 * centre + phase])
        seen |= np.abs(tape.gradient(pixel, low)[0]).sum(axis=(1, 2)) > 0
    assert seen.sum() == 2 * reach + 1 or seen.sum() == 2 * reach - 1
    assert not seen[: centre - reach].any()
    assert not seen[centre + reach + 1 :].any()
    assert seen[centre - reach + 1 : centre + reach].all()


def test_pixels_are_shuffled_into_squares() -> None:
    inputs = tf.reshape(tf.range(8.0), (1, 1, 1, 8))
    output = super_resolution.PixelShuffle()(inputs)
    # Channel 2 p + c of the input is channel c of the pixel p = 0 .. 3 of a square, in reading order.
    np.testing.assert_array_equal(output[0, :, :, 0], [[0, 2], [4, 6]])
    np.testing.assert_array_equal(output[0, :, :, 1], [[1, 3], [5, 7]])


def test_crops_are_turned_into_all_eight_poses_and_small_and_large_ones_alike() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
    poses = set()
    for bits in range(8):
        draw = tf.constant([[0.25 if bits >> k & 1 else 0.75 for k in range(3)]])
        poses.add(turned(tf.constant(image), draw).numpy().tobytes())
        difference = tf.cast(turned(low_resolution(image), draw), tf.int32) - tf.cast(
            low_resolution(turned(tf.constant(image), draw)), tf.int32
        )
        assert np.abs(difference).max() <= 1
    assert len(poses) == 8
    assert image.tobytes() in poses


# --- answers --------------------------------------------------------------------------------------------------


def test_tiles_do_not_show(trained: Trained, cat: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    low = low_resolution(cat).numpy()[:, :70, :101]
    model = trained.srresnet
    whole = zoo.likelihoods.nearest_level(
        model.generate(zoo.likelihoods.scale_pixels(low), training=False)
    ).numpy()
    worst = {}
    for margin in (model.tiling.margin, 1):
        tiled = SRGAN.from_config(model.get_config())
        tiled.set_weights(model.get_weights())
        tiled.tiling = Tiling(32, margin, 4)
        assert int(tiled.tiling.count(low)) > 1
        worst[margin] = np.abs(tiled.translate(low).astype(int) - whole)
    right, wrong = worst[model.tiling.margin], worst[1]
    assert right.max() <= 1
    assert (right > 0).mean() < 1e-3
    assert wrong.max() > 1  # a margin short of the network's reach shows


def test_an_item_does_not_depend_on_its_neighbours(trained: Trained, cat: np.ndarray) -> None:
    low = low_resolution(cat).numpy()
    pictures = np.concatenate([low[:, :24, :40], low[:, 40:64, :40]])
    together = trained.srgan.translate(pictures)
    assert together.shape == (2, 96, 160, 3)
    for item in range(2):
        alone = trained.srgan.translate(pictures[item : item + 1])[0]
        assert np.abs(alone.astype(int) - together[item]).max() <= 1


def test_sheets_show_bicubic_the_model_and_the_original(trained: Trained) -> None:
    image = zoo.data.load("photos", size=48).arrays("test")[0][:2]
    before, made, original = trained.srgan.before_and_after({"image": image})
    np.testing.assert_array_equal(before, bicubic(low_resolution(image)))
    np.testing.assert_array_equal(made, trained.srgan.translate(low_resolution(image).numpy()))
    np.testing.assert_array_equal(original, image)


STOCK_USER = """
import sys
sys.modules["keras"] = sys.modules["zoo"] = None
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
low = tf.constant(np.load(sys.argv[2]))
state = model.signatures["translate_begin"](image=low)
while tf.reduce_any(state["step"] < state["steps"]):
    state = model.signatures["translate_advance"](**state)
image = model.signatures["translate_finish"](**state)["image"]
np.savez(sys.argv[3], image=image, logit=model.signatures["score"](image=image)["logit"])
"""


@pytest.fixture(scope="module")
def exported(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "photos_x4" / "1"
    trained.srgan.export(path)
    return path


def test_stock_tensorflow_answers_like_the_model(
    trained: Trained, exported: Path, cat: np.ndarray, tmp_path: Path
) -> None:
    assert contract.check(exported) == []
    low = low_resolution(cat).numpy()[:, :20, :30]
    np.save(tmp_path / "low.npy", low)
    subprocess.run(
        [sys.executable, "-c", STOCK_USER, exported, tmp_path / "low.npy", tmp_path / "answers.npz"],
        check=True,
    )
    answers = np.load(tmp_path / "answers.npz")
    np.testing.assert_array_equal(answers["image"], trained.srgan.translate(low))
    np.testing.assert_allclose(answers["logit"], trained.srgan.score(answers["image"])["logit"], rtol=1e-4)


def test_the_card_states_scale_and_limits(exported: Path) -> None:
    card = contract.read_card(exported)
    translate = next(capability for capability in card.capabilities if capability.HasField("translation"))
    shape = translate.translation.input_shape
    assert (shape.height, shape.width, shape.channels, translate.translation.scale) == (0, 0, 3, 4)
    assert translate.iterative
    assert translate.previews
    assert card.limits.max_items_per_request == 16
    assert card.limits.max_pixels_per_image == 512 * 512
    assert card.limits.max_steps >= -(-512 * 512 // 128)


def test_the_server_enlarges_a_picture_that_is_not_square(
    trained: Trained, exported: Path, cat: np.ndarray
) -> None:
    low = low_resolution(cat).numpy()[0]  # 75x112
    with local_server(exported.parents[1]) as target, Client(target) as client:
        (answer,) = client.translate("photos_x4", low)
        (score,) = client.score("photos_x4", cat[:, :48, :48])["logit"]
    expected = trained.srgan.translate(low[None])[0]
    assert answer.pixels.shape == (300, 448, 3)
    assert np.abs(answer.pixels.astype(int) - expected).max() <= 1
    np.testing.assert_allclose(score, trained.srgan.score(cat[:, :48, :48])["logit"][0], rtol=1e-3, atol=1e-3)


# --- replicas and settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [RECONSTRUCTION, ADVERSARIAL])
def test_two_replicas_train_like_one(replica_results: Callable[[str], Any], stage: str) -> None:
    """With batch normalisation, and weights in the last convolution, so that every gradient counts."""
    one, two = replica_results(
        f"""
        model = zoo.SRGAN(
            image_shape=(16, 16, 3), features=8, blocks=1, upsample_features=4, end_size=3,
            discriminator_widths=(8,), hidden=8,
        )
        tail = model.network.get_layer("tail")
        tail.kernel.assign(0.1 * np.random.default_rng(0).normal(size=tail.kernel.shape))
        model.begin_stage({stage!r})
        model.compile(keras.optimizers.SGD(0.02), keras.optimizers.SGD(0.02))
        batches = zoo.data.load("photos", size=16).train(16, seed=0).take(3)
        """
    )
    two.assert_like(one)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_shape": (50, 48, 3)}, "image_shape must be RGB with sides of at least 16, divisible by 4"),
        ({"image_shape": (48, 48, 1)}, "image_shape must be RGB"),
        ({"num_classes": 3}, "num_classes must be 0, got 3: super-resolution takes no labels"),
        ({"end_size": 4}, "end_size odd"),
        ({"pixel_weight": -1.0}, "must be at least 0"),
    ],
)
def test_wrong_settings_name_the_field_and_the_rule(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small_srgan(**settings)


def test_the_paper_s_networks_are_the_default() -> None:
    model = SRGAN(image_shape=(96, 96, 3))
    # Ledig et al. 2017, figure 4: 16 blocks of 64 features, and eight convolutions of 64 .. 512.
    kernels = [tuple(weight.shape) for weight in model.network.weights if len(weight.shape) == 4]
    assert kernels.count((3, 3, 64, 64)) == 2 * 16 + 1
    assert kernels[0] == (9, 9, 3, 64)
    assert kernels[-1] == (9, 9, 64, 3)
    judging = [tuple(weight.shape[2:]) for weight in model.discriminator.weights if len(weight.shape) == 4]
    assert judging[:8] == [
        (3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512),
    ]  # fmt: skip
