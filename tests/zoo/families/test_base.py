"""What every family gets from its base: what `fit` accepts, the global batch, the average, and the optimizer."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.families import get
from zoo.families.base import WarmupCosine, seeds_from
from zoo.families.ddpm import DDPM

IMAGES = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), np.uint8)
LABELS = (np.arange(32) % 10).astype(np.int64)


@pytest.fixture(scope="module")
def model(make_ddpm: Callable[..., DDPM]) -> DDPM:
    model = make_ddpm(widths=(16, 16))
    model.compile()
    return model


def test_fit_takes_arrays_pairs_and_datasets_of_dicts(model: DDPM) -> None:
    dicts = tf.data.Dataset.from_tensor_slices(
        {"image": IMAGES, "label": LABELS, "seed": np.arange(32)}
    ).batch(16)
    for data in ({"x": IMAGES}, {"x": IMAGES, "y": LABELS}, {"x": dicts}):
        history = model.fit(**data, batch_size=None if data.get("x") is dicts else 16, epochs=1, verbose=0)
        assert set(history.history) == {"loss", "bits_per_dim"}
        assert np.isfinite(history.history["loss"]).all()
    assert set(model.evaluate(IMAGES, LABELS, batch_size=16, verbose=0, return_dict=True)) == {
        "loss",
        "bits_per_dim",
    }


def test_data_without_seeds_gets_other_noise_in_every_step(model: DDPM) -> None:
    first = model._as_batch(IMAGES)["seed"].numpy()
    model.fit(IMAGES, batch_size=32, epochs=1, verbose=0)
    second = model._as_batch(IMAGES)["seed"].numpy()
    assert len(set(first) | set(second)) == 64


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (IMAGES.astype(np.float32) / 255, TypeError, "images must be uint8 with levels 0..255, got float32"),
        (
            np.zeros((4, 9, 9, 1), np.uint8),
            ValueError,
            r"images must have the shape \(8, 8, 1\), got \(9, 9, 1\)",
        ),
    ],
)
def test_wrong_images_name_the_rule(
    model: DDPM, image: np.ndarray, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        model.train_step(image)


def test_the_first_step_of_the_average_forgets_most_of_the_start(make_ddpm: Callable[..., DDPM]) -> None:
    """After the first update the decay is 2 / 11, whatever `ema_decay` says."""
    model = make_ddpm(widths=(16, 16), ema_decay=0.9999)
    model.compile()
    before = [weight.numpy() for weight in model.ema_network.weights]
    model.train_step({"image": tf.constant(IMAGES), "label": tf.constant(LABELS), "seed": tf.range(32)})
    for start, live, average in zip(before, model.network.weights, model.ema_network.weights, strict=True):
        np.testing.assert_allclose(average, 2 / 11 * start + 9 / 11 * live.numpy(), rtol=1e-4, atol=1e-6)


def test_only_the_live_network_is_trained_and_both_are_saved(model: DDPM) -> None:
    assert len(model.trainable_variables) == len(model.network.trainable_variables)
    assert len(model.weights) >= 2 * len(model.network.weights)


def test_warm_up_and_cosine_by_hand() -> None:
    rate = WarmupCosine(2.0, warmup_steps=10, total_steps=110)
    got = [float(rate(step)) for step in (0, 4, 9, 60, 110, 500)]
    np.testing.assert_allclose(got, [0.2, 1.0, 2.0, 1.0, 0.0, 0.0], atol=1e-6)
    assert WarmupCosine(**rate.get_config()).get_config() == rate.get_config()


def test_seeds_count_up_and_wrap() -> None:
    np.testing.assert_array_equal(seeds_from(2**63 - 2, 3), [2**63 - 2, 2**63 - 1, 0])


def test_an_unknown_family_and_a_missing_capability_name_those_there_are(model: DDPM) -> None:
    with pytest.raises(ValueError, match="family 'flow' is unknown; the zoo has acgan, conditional_gan, "):
        get("flow")
    with pytest.raises(ValueError, match="ddpm has no capability 'encode'; it has sample, translate, score"):
        model.encode(IMAGES[:1])


def test_compile_takes_an_optimizer_of_ones_own(make_ddpm: Callable[..., DDPM]) -> None:
    model = make_ddpm(widths=(16, 16))
    model.compile(keras.optimizers.SGD(0.1))
    assert isinstance(model.optimizer, keras.optimizers.SGD)


def test_two_replicas_train_like_one(replica_results: Callable[[str], Any]) -> None:
    """The loss is that of the global batch, the noise belongs to the item, and the copies do not part."""
    one, two = replica_results(
        """
        model = zoo.DDPM(image_shape=(8, 8, 1), num_classes=10, timesteps=50, widths=(16, 16), blocks=(1, 1))
        model.compile(keras.optimizers.SGD(0.05))
        batches = zoo.data.load("digits").train(32, seed=0).take(4)
        """
    )
    two.assert_like(one)
