"""The PixelCNN: it learns, its likelihood is exact, it completes what it is given, and is served as in process."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import contract
from zoo.families.pixelcnn import PixelCNN
from zoo_client import Client
from zoo_client.local import local_server
from zoo_client.results import Image, Preview

# Counting each pixel's levels given the level above it reaches 2.255 bits/dim on the test rows, a mixture of the ten
# classes' histograms 2.244; an autoregressive network of the same kind reached 2.00 on other rows.
COUNTING = 2.244


def digits_pixelcnn(**changes: Any) -> PixelCNN:
    """The small PixelCNN of these tests, untrained."""
    settings = {
        "image_shape": (8, 8, 1),
        "num_classes": 10,
        "features": 32,
        "blocks": 4,
        "head": "softmax",
        "head_features": 64,
        "learning_rate": 5e-3,
        "ema_decay": 0.97,
    }
    return PixelCNN(**{**settings, **changes})


def trained_for(epochs: int, change: Callable[[PixelCNN], None] | None = None) -> PixelCNN:
    """A model trained on digits; `change` may break it before."""
    keras.utils.set_random_seed(0)
    data, model = zoo.data.load("digits"), digits_pixelcnn()
    if change is not None:
        change(model)
    steps = data.steps_per_epoch(64)
    model.compile_for(model.learning_rate, epochs * steps)
    model.fit(
        data.train(64, seed=0, epochs=epochs), epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=0
    )
    return model


@pytest.fixture(scope="module")
def trained() -> PixelCNN:
    return trained_for(12)


@pytest.fixture(scope="module")
def exported(trained: PixelCNN, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "digits_pixelcnn" / "1"
    trained.export(path)
    return path


@pytest.fixture(scope="module")
def held_out() -> tuple[np.ndarray, np.ndarray]:
    return zoo.data.load("digits").arrays("test")[:2]


def batch_of(image: np.ndarray, label: Any = None) -> dict[str, Any]:
    n = len(image)
    return {
        "image": tf.constant(image),
        "label": tf.fill([n], -1) if label is None else tf.constant(label, tf.int32),
        "seed": tf.range(n, dtype=tf.int64),
    }


# --- learning -------------------------------------------------------------------------------------------------


def test_it_learns_what_counting_cannot(trained: PixelCNN, held_out: tuple[np.ndarray, np.ndarray]) -> None:
    image, label = held_out
    assert digits_pixelcnn().score(image[:64])["bits_per_dim"].mean() > 7.5
    with_label = trained.score(image, label)["bits_per_dim"].mean()
    without = trained.score(image)["bits_per_dim"].mean()
    assert with_label < 2.05
    # Some labels are hidden in training, so it is a model of all classes too, though a little worse.
    assert with_label < without < COUNTING


def test_without_the_rows_above_it_learns_less(trained: PixelCNN) -> None:
    """The mistake: a vertical stack that never reaches the horizontal one. Three epochs are enough to see it."""

    def cut(model: PixelCNN) -> None:
        for block in (*model.network.blocks, *model.ema_network.blocks):
            block.link.kernel.assign(tf.zeros_like(block.link.kernel))
            block.link.trainable = False

    broken = trained_for(3, cut)
    assert trained.history.history["bits_per_dim"][2] < broken.history.history["bits_per_dim"][2] - 0.1


def test_it_knows_the_class_of_an_image(trained: PixelCNN, held_out: tuple[np.ndarray, np.ndarray]) -> None:
    """Bayes' rule with the ten likelihoods makes a classifier; guessing would be right for a tenth."""
    image, label = held_out[0][:96], held_out[1][:96]
    scores = [trained.score(image, np.full(96, c))["bits_per_dim"] for c in range(10)]
    assert (np.argmin(scores, axis=0) == label).mean() > 0.55


def test_samples_have_the_class_that_was_asked_for(trained: PixelCNN) -> None:
    label = np.arange(80) % 10
    image = trained.sample(80, seed=0, label=label)
    scores = [trained.score(image, np.full(80, c))["bits_per_dim"] for c in range(10)]
    assert (np.argmin(scores, axis=0) == label).mean() > 0.55
    assert len(np.unique(image, axis=0)) == 80


def test_samples_are_as_likely_as_real_images(
    trained: PixelCNN, held_out: tuple[np.ndarray, np.ndarray]
) -> None:
    """A model's own samples have its entropy: within reach of the bits of what it learned from, on average."""
    drawn = trained.score(trained.sample(96, seed=3, label=held_out[1][:96]), held_out[1][:96])[
        "bits_per_dim"
    ]
    real = trained.score(held_out[0][:96], held_out[1][:96])["bits_per_dim"]
    assert abs(drawn.mean() - real.mean()) < 0.35


# --- an exact likelihood --------------------------------------------------------------------------------------


def test_the_loss_is_the_sum_of_all_pixels_in_nats(
    trained: PixelCNN, held_out: tuple[np.ndarray, np.ndarray]
) -> None:
    """By hand from the logits: neither a mean over pixels, nor of the batch."""
    image, label = held_out[0][:5], held_out[1][:5]
    terms = trained.terms(batch_of(image, label), training=False)
    logits = trained.ema_network(tf.cast(image, tf.int32), tf.constant(label, tf.int32))["logits"].numpy()
    log_prob = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    picked = np.take_along_axis(log_prob, image[..., None].astype(int), axis=-1)
    np.testing.assert_allclose(terms["loss"], -picked.sum(axis=(1, 2, 3, 4)), rtol=1e-5)
    np.testing.assert_allclose(terms["bits_per_dim"], terms["loss"] / (64 * np.log(2)), rtol=1e-6)
    np.testing.assert_allclose(trained.score(image, label)["bits_per_dim"], terms["bits_per_dim"], rtol=1e-5)


@pytest.mark.parametrize("label", [-1, 1])
def test_the_256_pictures_of_one_pixel_have_probability_one(label: int) -> None:
    model = digits_pixelcnn(image_shape=(1, 1, 1), num_classes=2, head="logistic_mixture")
    every = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    bits = model.score(every, np.full(256, label))["bits_per_dim"].astype(np.float64)
    np.testing.assert_allclose((2.0**-bits).sum(), 1.0, atol=1e-4)


def test_a_share_of_the_labels_is_hidden_in_training_only(held_out: tuple[np.ndarray, np.ndarray]) -> None:
    image, label = held_out[0][:64], held_out[1][:64]
    all_hidden = digits_pixelcnn(label_dropout=1.0)
    # Before training the class has no influence; give it one.
    for network in (all_hidden.network, all_hidden.ema_network):
        network.head.logits.kernel.assign(
            tf.random.stateless_normal(network.head.logits.kernel.shape, (0, 1))
        )
        network.blocks[0].class_bias.assign(tf.ones_like(network.blocks[0].class_bias))
    labelled, unlabelled = batch_of(image, label), batch_of(image)
    np.testing.assert_array_equal(
        all_hidden.terms(labelled, training=True)["loss"], all_hidden.terms(unlabelled, training=True)["loss"]
    )
    assert (
        all_hidden.terms(labelled, training=False)["loss"].numpy()
        != all_hidden.terms(unlabelled, training=False)["loss"].numpy()
    ).all()


# --- sampling and completion ----------------------------------------------------------------------------------


def test_it_completes_the_top_of_an_image(trained: PixelCNN, held_out: tuple[np.ndarray, np.ndarray]) -> None:
    image, label = held_out[0][:16], held_out[1][:16]
    done = trained.sample(16, seed=4, label=label, image=image, given_rows=5)
    np.testing.assert_array_equal(done[:, :5], image[:, :5])
    assert (done[:, 5:] != image[:, 5:]).any(axis=(1, 2, 3)).mean() > 0.8
    # What is drawn goes with what is given: better than with the top of the next image.
    fitting = trained.score(done, label)["bits_per_dim"].mean()
    strange = np.concatenate([np.roll(image, 1, axis=0)[:, :5], done[:, 5:]], axis=1)
    assert fitting < trained.score(strange, label)["bits_per_dim"].mean() - 0.2
    whole = trained.sample(16, seed=4, label=label, image=image, given_rows=8)
    np.testing.assert_array_equal(whole, image)


def test_an_item_does_not_depend_on_its_neighbours(trained: PixelCNN) -> None:
    """More items than the bucket holds, fewer, and other options beside it: always the same picture."""
    many = trained.sample(20, seed=0, label=3, temperature=[1.0, 0.5] * 10)
    np.testing.assert_array_equal(trained.sample(1, seed=17, label=3, temperature=0.5)[0], many[17])
    np.testing.assert_array_equal(trained.sample(3, seed=4, label=[3, 1, 3], temperature=1.0)[2], many[6])


def test_temperature_narrows_and_widens(trained: PixelCNN) -> None:
    label = np.zeros(16, np.int32)
    entropies = [
        trained.score(trained.sample(16, seed=0, label=0, temperature=t), label)["bits_per_dim"].mean()
        for t in (0.3, 1.0, 1.5)
    ]
    assert entropies == sorted(entropies)
    cold = trained.sample(4, seed=0, label=5, temperature=0.0)
    assert len(np.unique(cold, axis=0)) == 1


@pytest.mark.parametrize("head", ["softmax", "logistic_mixture"])
@pytest.mark.parametrize("channels", [1, 3])
def test_either_head_samples_and_scores_in_grey_and_in_colour(head: str, channels: int) -> None:
    model = digits_pixelcnn(
        image_shape=(3, 4, channels), num_classes=0, head=head, features=8, blocks=2, dtype="mixed_bfloat16"
    )
    image = model.sample(3, seed=1)
    assert image.shape == (3, 3, 4, channels)
    assert np.isfinite(model.score(image)["bits_per_dim"]).all()
    with pytest.raises(ValueError, match=r"built without classes \(num_classes=0\); leave label out"):
        model.sample(1, label=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head": "gaussian"}, "head 'gaussian' is unknown; choose one of softmax, logistic_mixture"),
        ({"label_dropout": 1.5}, r"label_dropout must lie in 0 \.\. 1; got 1.5"),
        ({"components": 0}, "components must be at least 1; got 0"),
    ],
)
def test_wrong_settings_name_the_field_and_the_rule(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        digits_pixelcnn(**settings)


def test_wrong_options_name_the_rule(trained: PixelCNN, held_out: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="given_rows must be a whole number from 0 to 8; got 9"):
        trained.sample(1, label=0, image=held_out[0][0], given_rows=9)
    with pytest.raises(ValueError, match=r"temperature must lie in 0 \.\. 10; got -1"):
        trained.sample(1, label=0, temperature=-1)
    with pytest.raises(ValueError, match=r"image must be uint8 of the shape \(8, 8, 1\)"):
        trained.sample(1, label=0, image=held_out[0][0, :4], given_rows=2)


# --- files ----------------------------------------------------------------------------------------------------


def test_a_keras_file_holds_the_average_and_the_optimizer(trained: PixelCNN, tmp_path: Path) -> None:
    trained.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == trained.get_config()
    for saved, read in zip(trained.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(saved, read)
    for saved, read in zip(trained.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(saved, read)
    np.testing.assert_array_equal(loaded.sample(2, seed=5, label=1), trained.sample(2, seed=5, label=1))


def test_a_loaded_model_trains_on_bit_for_bit(tmp_path: Path) -> None:
    """Two batches at once, or one, a file, and one."""
    first, second = zoo.data.load("digits").train(8, seed=0).take(2)
    keras.utils.set_random_seed(0)
    model = digits_pixelcnn(features=4, blocks=1)
    model.compile()
    model.train_step(first)
    model.save(tmp_path / "model.keras")
    resumed = keras.models.load_model(tmp_path / "model.keras")
    model.train_step(second)
    resumed.train_step(second)
    for straight, later in zip(model.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(straight, later)


STOCK_USER = """
import sys
sys.modules["keras"] = sys.modules["zoo"] = None
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1]).signatures
given = np.load(sys.argv[2])
seed, label, image = (tf.constant(given[name]) for name in ("seed", "label", "image"))
state = model["sample_begin"](
    seed=seed, label=label, image=image, temperature=tf.ones(len(seed)), given_rows=tf.fill([len(seed)], 3)
)
while tf.reduce_any(state["step"] < state["steps"]):
    state = model["sample_advance"](**state)
np.savez(
    sys.argv[3],
    sample=model["sample"](seed=seed, label=label)["image"],
    completed=model["sample_finish"](**state)["image"],
    bits_per_dim=model["score"](image=image, label=label, seed=seed)["bits_per_dim"],
)
"""


def test_stock_tensorflow_answers_like_the_model(
    trained: PixelCNN, exported: Path, held_out: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    assert contract.check(exported) == []
    image, label = held_out[0][:16], held_out[1][:16].astype(np.int32)
    np.savez(tmp_path / "given.npz", seed=np.arange(7, 23), label=label, image=image)
    arguments = (exported, tmp_path / "given.npz", tmp_path / "answers.npz")
    subprocess.run([sys.executable, "-c", STOCK_USER, *map(str, arguments)], check=True)
    answers = np.load(tmp_path / "answers.npz")
    completed = trained.sample(16, seed=7, label=label, image=image, given_rows=3)
    np.testing.assert_array_equal(answers["completed"], completed)
    # The whole run in one call is another program, in whose rounding a picture may now and then come out otherwise.
    same = (answers["sample"] == trained.sample(16, seed=7, label=label)).all(axis=(1, 2, 3))
    assert same.mean() > 0.8
    np.testing.assert_allclose(
        answers["bits_per_dim"], trained.score(image, label)["bits_per_dim"], rtol=1e-5
    )


def test_the_card_tells_of_an_exact_score_one_bucket_and_completion(exported: Path) -> None:
    card = contract.read_card(exported)
    sample, score = card.capabilities
    assert [option.name for option in sample.options] == ["temperature", "image", "given_rows"]
    assert sample.iterative
    assert sample.previews
    assert score.scores[0].exact
    assert list(card.batch_lane.buckets) == [16]
    assert card.batch_lane.exact


def test_the_server_samples_completes_previews_and_scores(
    trained: PixelCNN, exported: Path, held_out: tuple[np.ndarray, np.ndarray]
) -> None:
    image, label = held_out[0][:3], held_out[1][:3].tolist()
    name = "digits_pixelcnn"
    with local_server(exported.parents[1]) as target, Client(target, encoding="raw") as client:
        drawn = client.sample(name, 3, seed=7, labels=label).images
        completed = client.complete(name, image[0], 3, given_rows=4, seed=9, labels=label[0]).images
        events = list(client.stream_sample(name, 1, seed=7, labels=label[0], preview_interval=3))
        scores = client.score(name, image, labels=label)
    np.testing.assert_array_equal(drawn, trained.sample(3, seed=7, label=label))
    np.testing.assert_array_equal(
        completed, trained.sample(3, seed=9, label=label[0], image=image[0], given_rows=4)
    )
    np.testing.assert_allclose(scores["bits_per_dim"], trained.score(image, label)["bits_per_dim"], rtol=1e-4)
    final = next(event.pixels for event in events if isinstance(event, Image))
    previews = [event for event in events if isinstance(event, Preview)]
    assert previews
    for preview in previews:
        np.testing.assert_array_equal(preview.pixels[: preview.step], final[: preview.step])
        assert not preview.pixels[preview.step :].any()


def test_two_replicas_train_like_one(replica_results: Callable[[str], Any]) -> None:
    one, two = replica_results(
        """
        model = zoo.PixelCNN(
            image_shape=(8, 8, 1), num_classes=10, features=8, blocks=2, components=3, head_features=8
        )
        model.compile(keras.optimizers.SGD(1e-4))
        batches = zoo.data.load("digits").train(32, seed=0).take(4)
        """
    )
    two.assert_like(one)
