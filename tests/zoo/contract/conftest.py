"""A small DDPM, exported once; what it draws does not matter here."""

from pathlib import Path

import keras
import pytest

from zoo.families.ddpm import DDPM


@pytest.fixture(scope="session")
def small_ddpm() -> DDPM:
    keras.utils.set_random_seed(0)
    # Without Fourier features: with random weights they amplify the last bit of a pixel eight hundred times.
    model = DDPM(
        image_shape=(8, 8, 1), num_classes=10, timesteps=20, widths=(16, 16), blocks=(1, 1), fourier=0
    )
    # An untrained network ends in zeros and would hide a sampler that does not ask it.
    for weight in model.ema_network.weights:
        weight.assign(weight + 0.05 * keras.random.normal(weight.shape, seed=1))
    return model


@pytest.fixture(scope="session")
def exported(small_ddpm: DDPM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "small" / "1"
    small_ddpm.export(path)
    return path
