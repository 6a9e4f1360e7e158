"""Models of one line each, exported to the contract: what they answer is known, and so is what must be measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import zoo
from pixelzoo.v1 import capability_pb2, card_pb2
from zoo import contract, randomness

DIGIT = (8, 8, 1)


@dataclass(frozen=True)
class HandMade:
    """What the contract's writer needs of a model: no network, only answers."""

    answers: Sequence[contract.Capability]
    image_shape: tuple[int, int, int] = DIGIT
    num_classes: int = 0
    family: str = "hand_made"
    label_required: bool = False
    served_networks: tuple = ()
    buckets: tuple[int, ...] = (1, 4, 8)

    @property
    def capabilities(self) -> tuple[str, ...]:
        return tuple(answer.name for answer in self.answers)

    def capability(self, name: str) -> contract.Capability:
        return next(answer for answer in self.answers if answer.name == name)


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Exports a HandMade model as <name>/1 with the data source `source`, or with a whole recipe."""

    def write(name: str, model: HandMade, source: str = "digits", recipe: str = "") -> Path:
        card = card_pb2.ModelCard(
            data=card_pb2.DataSource(name=source), recipe=card_pb2.Training(config_toml=recipe)
        )
        path = tmp_path_factory.mktemp("models") / name / "1"
        contract.write(model, path, card=card)
        return path

    return write


@pytest.fixture(scope="session")
def noisy_means(export: Callable[..., Path]) -> Path:
    """Draws the mean digit of the class asked for, with noise; scores the class by the distance from the means."""
    image, label = zoo.data.load("digits").arrays("train")
    means = np.stack([image[label == c].mean(axis=0) for c in range(10)]).astype(np.float32)

    def sample(seed: tf.Tensor, label: tf.Tensor, noise: tf.Tensor) -> dict[str, tf.Tensor]:
        noise = noise[:, None, None, None] * randomness.item_normal(seed, randomness.INITIAL_NOISE, DIGIT)
        pixels = tf.gather(means, tf.maximum(label, 0)) + noise
        return {"image": tf.cast(tf.round(tf.clip_by_value(pixels, 0.0, 255.0)), tf.uint8)}

    def score(image: tf.Tensor, label: tf.Tensor, timesteps: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.cast(image, tf.float32)
        far = tf.reduce_sum(tf.square(pixels[:, None] - means), axis=(2, 3, 4))
        return {
            "bits_per_dim": 3.0 + 1.0 / tf.cast(timesteps, tf.float32) + 0.0 * far[:, 0],
            "class_probability": tf.nn.softmax(-far / 1e4),
            "logit": far[:, 0],
        }

    kinds = capability_pb2
    scores = [
        contract.Score(
            "bits_per_dim", kinds.SCORE_KIND_EVIDENCE_LOWER_BOUND, "bits/dim", "A bound.", primary=True
        ),
        contract.Score("class_probability", kinds.SCORE_KIND_CLASS_PROBABILITY, "", "Of each class."),
        contract.Score("logit", kinds.SCORE_KIND_DISCRIMINATOR_LOGIT, "", "Means nothing."),
    ]
    steps = contract.Integer("timesteps", 2, 1, 10, "More tighten the bound.")
    noise = contract.Real("noise", 20.0, 0.0, 100.0, "Standard deviation in levels.")
    style = contract.Choice("style", 1, {"plain": 1, "fancy": 2}, "Changes nothing.")
    seed, given = contract.SEED, contract.LABEL
    image_spec = contract.image(DIGIT)

    def sample_in_style(style: tf.Tensor, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return sample(**inputs)

    model = HandMade(
        [
            contract.one_shot(
                "sample", sample_in_style, inputs={"seed": seed, "label": given}, options=[noise, style]
            ),
            contract.one_shot(
                "score", score, inputs={"image": image_spec, "label": given}, options=[steps], scores=scores
            ),
        ],
        num_classes=10,
    )
    return export("means", model)


@pytest.fixture(scope="session")
def coder(export: Callable[..., Path]) -> Path:
    """Encodes each image to a 2x2 grid of 16 codes: the mean level of each quarter."""

    def encode(image: tf.Tensor) -> dict[str, tf.Tensor]:
        mean = tf.nn.avg_pool2d(tf.cast(image, tf.float32), 4, 4, "VALID")[..., 0]
        return {"latent": tf.cast(mean // 16.0, tf.int32)}

    latent = contract.Latent((2, 2), tf.int32, capability_pb2.LATENT_PRIOR_LEARNED, codebook_size=16)
    image = contract.image(DIGIT)
    return export(
        "coder", HandMade([contract.one_shot("encode", encode, inputs={"image": image}, latent=latent)])
    )


# Two of the digits, as a preset would name them.
DOMAINS = '[data]\nsource = "digits"\ndomain_a = "0"\ndomain_b = "1"\n'


@pytest.fixture(scope="session")
def translators(export: Callable[..., Path]) -> dict[str, Path]:
    """Two translators of 0 and 1: "idle" gives back what it gets; "constant" gives one picture of the target."""
    image, label = zoo.data.load("digits").arrays("train")
    # A to B is direction 1: a constant 1. B to A is direction 2: a constant 0.
    pictures = np.stack([np.median(image[label == digit], axis=0) for digit in (1, 0)]).astype(np.uint8)

    def idle(image: tf.Tensor, direction: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": tf.where(direction[:, None, None, None] > 0, image, image)}

    def constant(image: tf.Tensor, direction: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": tf.gather(pictures, direction - 1) + 0 * image}

    direction = contract.Choice("direction", 1, {"a_to_b": 1, "b_to_a": 2}, "Which way.")
    return {
        name: export(
            name,
            HandMade(
                [
                    contract.one_shot(
                        "translate",
                        function,
                        inputs={"image": contract.image(DIGIT)},
                        options=[direction],
                        translation=contract.Translation(DIGIT),
                    )
                ]
            ),
            recipe=DOMAINS,
        )
        for name, function in (("idle", idle), ("constant", constant))
    }


@pytest.fixture(scope="session")
def enlarger(export: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enlarges any picture four times by repeating its pixels; its data are smooth waves in colour."""
    folder = tmp_path_factory.mktemp("waves")
    x, y = np.mgrid[:32, :32]
    for split, count in (("train", 2), ("test", 4)):
        for i in range(count):
            waves = [np.sin(x / (3 + i) + y / (5 + c)) for c in range(3)]
            pixels = np.rint(128 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)
            (folder / split).mkdir(exist_ok=True)
            tf.io.write_file(str(folder / split / f"{i}.png"), tf.io.encode_png(pixels))

    def translate(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": tf.repeat(tf.repeat(image, 4, axis=1), 4, axis=2)}

    capability = contract.one_shot(
        "translate",
        translate,
        inputs={"image": contract.image((None, None, 3))},
        translation=contract.Translation((None, None, 3), 4),
    )
    model = HandMade([capability], image_shape=(32, 32, 3))
    return export("enlarger", model, f"folder:{folder.name}", f'[data]\nsource = "folder:{folder}"\n')
