"""One real training of the DDPM on digits, which all tests of that family share."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import pytest

import zoo
from zoo.families.ddpm import DDPM


def digits_ddpm(**changes: object) -> DDPM:
    """The small DDPM of these tests, untrained."""
    settings = {
        "image_shape": (8, 8, 1),
        "num_classes": 10,
        "timesteps": 100,
        "widths": (48, 48),
        "blocks": (1, 1),
        "learning_rate": 2e-3,
        "ema_decay": 0.99,
    }
    return DDPM(**{**settings, **changes})


@dataclass(frozen=True)
class Trained:
    """A trained model, its loss in the first and the last epoch, and held-out images with their labels."""

    model: DDPM
    losses: list[float]
    image: np.ndarray
    label: np.ndarray


@pytest.fixture(scope="session")
def make_ddpm() -> Callable[..., DDPM]:
    """Makes the small DDPM of these tests, untrained, with any settings changed."""
    return digits_ddpm


@pytest.fixture(scope="session")
def trained_ddpm() -> Trained:
    keras.utils.set_random_seed(0)
    data = zoo.data.load("digits")
    model = digits_ddpm()
    epochs = 36
    model.compile(model.default_optimizer(total_steps=epochs * data.steps_per_epoch(64)))
    stream = data.train(64, seed=0, epochs=epochs)
    history = model.fit(stream, epochs=epochs, steps_per_epoch=data.steps_per_epoch(64), verbose=0)
    image, label = data.arrays("test")[:2]
    return Trained(model, history.history["loss"], image, label)
