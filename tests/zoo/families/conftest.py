"""What the tests of the families share: a small trained DDPM, and a training on one replica and on two."""

import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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


_ON_REPLICAS = """
import sys
import numpy as np
import zoo  # Before TensorFlow: it sets oneDNN.
import tensorflow as tf

replicas, path = int(sys.argv[1]), sys.argv[2]
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
devices = ["CPU:0", "CPU:1"]
strategy = tf.distribute.MirroredStrategy(devices) if replicas > 1 else tf.distribute.get_strategy()
import keras

keras.utils.set_random_seed(0)
with strategy.scope():
{code}
history = model.fit(batches, epochs=1, verbose=0, shuffle=False)


def copies(variable):
    inner = variable.value
    return [copy.numpy() for copy in inner.values] if hasattr(inner, "values") else [variable.numpy()]


metrics = {{id(variable) for metric in model.metrics for variable in metric.variables}}
kept = [variable for variable in model.variables if id(variable) not in metrics]
kept += [variable for variable in model.optimizer.variables if variable.dtype != "int64"]
spread = [max(float(np.abs(c.astype("float64") - copies(v)[0]).max()) for c in copies(v)) for v in kept]
np.savez(
    path,
    spread=max(spread),
    **{{"log_" + name: values[-1] for name, values in history.history.items()}},
    **{{f"variable_{{i}}_{{v.path.replace('/', '.')}}": copies(v)[0] for i, v in enumerate(kept)}},
)
"""


@dataclass(frozen=True)
class ReplicaRun:
    """What a training came to: its logs, its variables, and how far the copies of a variable lie apart."""

    logs: dict[str, float]
    variables: dict[str, np.ndarray]
    spread: float

    def assert_like(self, other: "ReplicaRun", *, rtol: float = 1e-5, atol: float = 2e-5) -> None:
        """The logs agree within `rtol` and the variables within `atol`, and no copy differs from another."""
        assert self.spread == other.spread == 0.0
        assert self.logs.keys() == other.logs.keys()
        for name, value in self.logs.items():
            np.testing.assert_allclose(value, other.logs[name], rtol=rtol, atol=1e-6, err_msg=name)
        assert self.variables.keys() == other.variables.keys()
        for name, value in self.variables.items():
            np.testing.assert_allclose(value, other.variables[name], atol=atol, err_msg=name)


@pytest.fixture(scope="session")
def replica_results(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], tuple[ReplicaRun, ReplicaRun]]:
    """Trains on one logical CPU device and on two (MirroredStrategy), each in a process of its own.

    The code that it takes runs inside the strategy's scope and makes `model`, compiled, and `batches`, a `tf.data` of
    global batches: one epoch of them is trained. Use SGD and few steps: Adam turns rounding into steps of full size.
    """

    def results(code: str) -> tuple[ReplicaRun, ReplicaRun]:
        folder = tmp_path_factory.mktemp("replicas")
        program = _ON_REPLICAS.format(code=textwrap.indent(textwrap.dedent(code), "    "))
        paths = [folder / f"{replicas}.npz" for replicas in (1, 2)]
        runs = [
            subprocess.Popen(
                [sys.executable, "-c", program, path.stem, str(path)], stderr=subprocess.PIPE, text=True
            )
            for path in paths
        ]
        for run in runs:
            errors = run.communicate()[1]
            assert run.returncode == 0, errors
        return read(paths[0]), read(paths[1])

    def read(path: Path) -> ReplicaRun:
        content = np.load(path)
        names = {
            kind: [name for name in content.files if name.startswith(kind)] for kind in ("log_", "variable_")
        }
        logs = {name.removeprefix("log_"): float(content[name]) for name in names["log_"]}
        return ReplicaRun(
            logs, {name: content[name] for name in names["variable_"]}, float(content["spread"])
        )

    return results
