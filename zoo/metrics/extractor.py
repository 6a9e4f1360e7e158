"""Feature spaces: the networks through which Frechet distances, inception scores and neighbours look at images.

A feature space has a name and the SHA-256 of its weights, and both are part of the protocol of whatever is measured in
it. There are two kinds:

- a classifier that this project trained on the data set (`pixelzoo train-extractor`): of its classes; or, where it has
  none, of four rotations (Gidaris et al. 2018), and then for images of any size. Those of `extractors/` are bundled,
  and refused when their bytes are not those of `extractors/SHA256SUMS`. A Frechet distance in one is a *Frechet
  classifier distance*: it compares with nothing but numbers of the same digest, and is never called FID.
- Keras' InceptionV3 trained on ImageNet, where its weights are at hand; nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.metrics import classifier

BUNDLED = Path(__file__).with_name("extractors")
SUMS = "SHA256SUMS"

# A classifier of images without classes tells how they were turned: by 0, 90, 180 or 270 degrees.
ROTATIONS = 4

# Where Keras keeps the weights once something has downloaded them.
INCEPTION_WEIGHTS = Path.home() / ".keras" / "models" / "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"


class ExtractorError(ValueError):
    """A feature space cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class View:
    """What a feature space sees of n images: features float32 [n, d], class probabilities float32 [n, k]."""

    features: np.ndarray
    probabilities: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """The likeliest class of each image, int64 [n]."""
        return self.probabilities.argmax(axis=1)


@dataclass(frozen=True, eq=False)
class Extractor:
    """A feature space.

    Attributes:
        name: for people, such as "fashion_mnist classifier".
        digest: SHA-256 of the file of its weights.
        distance: what a Frechet distance in this space is called.
        score: what an inception score by these probabilities is called.
        class_names: the classes of its probabilities; empty if they are not those of the data (ImageNet's, rotations).
        accuracy: the share of test images that it classes right, 0 .. 1, as its training measured; None if unknown.
        channels: of the images that it looks at.
        maps: what its convolutions make of images uint8 [n, h, w, c] of any size, float32 [n, h', w', width] each.
    """

    name: str
    digest: str
    distance: str
    score: str
    class_names: tuple[str, ...]
    accuracy: float | None
    look: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    channels: int = 3
    maps: Callable[[np.ndarray], list[np.ndarray]] | None = None

    def __call__(self, image: np.ndarray) -> View:
        """Looks at `image` uint8 [n, h, w, c]."""
        return View(*self.look(image))

    def __str__(self) -> str:
        return f"{self.name} {self.digest[:12]}"


def find(source: str, image_shape: Sequence[int], choice: str = "") -> Extractor:
    """The feature space for images of `source`.

    Args:
        source: the data's name, such as "fashion_mnist".
        image_shape: (height, width, channels) of the images.
        choice: the .npz file of a classifier, or "inception"; by default the classifier bundled for `source`, and where
            there is none InceptionV3 if its weights are at hand.

    Raises:
        ExtractorError: there is none, or its weights are not what they should be.
    """
    if choice == "inception":
        return inception()
    if choice:
        return load(choice, image_shape)
    bundled = BUNDLED / f"{source.replace('/', '_')}.npz"
    if bundled.is_file():
        _check_sum(bundled)
        return load(bundled, image_shape)
    if INCEPTION_WEIGHTS.is_file():
        return inception()
    raise ExtractorError(
        f"there is no feature space for {source}: train one with `pixelzoo train-extractor {source} -o FILE.npz` and "
        f"name it with --extractor FILE.npz, or put Keras' InceptionV3 weights at {INCEPTION_WEIGHTS}"
    )


def build(channels: int, *, side: int | None = None, classes: int = ROTATIONS, **options: Any) -> keras.Model:
    """The untrained classifier whose hidden layer becomes a feature space.

    For square images of `side` pixels it has 64 features; without a side, 96, the means of the last convolution.
    """
    hidden = None if side is None else 64
    return classifier.build((side, side, channels), classes, widths=(32, 64, 96), hidden=hidden, **options)


def save(
    network: keras.Model, path: str | Path, *, source: str, class_names: Sequence[str], accuracy: float
) -> str:
    """Writes the weights of `network`, made by `build`, as float16 to the .npz file `path`; returns its SHA-256.

    `class_names` are empty for a classifier of rotations.
    """
    about = {
        "source": source,
        "image_shape": network.input_shape[1:],
        "class_names": list(class_names),
        "accuracy": round(accuracy, 4),
    }
    arrays: dict[str, Any] = {f"weight_{i:02}": weight for i, weight in enumerate(rounded_weights(network))}
    np.savez(path, about=np.array(json.dumps(about)), **arrays)
    return _sha256(Path(path))


def rounded_weights(network: keras.Model) -> list[np.ndarray]:
    """The weights as they are kept, float16."""
    return [weight.astype(np.float16) for weight in network.get_weights()]


def load(path: str | Path, image_shape: Sequence[int]) -> Extractor:
    """The classifier of the .npz file `path`. Raises ExtractorError if it is none, or for images of another shape."""
    path = Path(path)
    try:
        with np.load(path) as arrays:
            about = json.loads(str(arrays["about"]))
            weights = [arrays[name].astype(np.float32) for name in sorted(arrays) if name != "about"]
    except (OSError, KeyError, ValueError) as error:
        raise ExtractorError(f"{path} is not a classifier of pixelzoo train-extractor: {error}") from error
    shape = tuple(about["image_shape"])
    if any(wanted not in (None, given) for wanted, given in zip(shape, image_shape, strict=True)):
        raise ExtractorError(f"{path} looks at images of {shape}, but these are {tuple(image_shape)}")
    network = build(shape[2], side=shape[0], classes=len(about["class_names"]) or ROTATIONS)
    network.set_weights(weights)
    both = keras.Model(
        network.input, [network.get_layer(classifier.HIDDEN).output, keras.ops.softmax(network.output)]
    )

    def look(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features, probabilities = classifier.run(both, image)
        return features, probabilities

    return Extractor(
        name=f"{about['source']} classifier",
        digest=_sha256(path),
        distance="frechet_classifier_distance",
        score="classifier_score",
        class_names=tuple(about["class_names"]),
        accuracy=about["accuracy"],
        look=look,
        channels=shape[2],
        maps=_maps(network),
    )


def _maps(network: keras.Model) -> Callable[[np.ndarray], list[np.ndarray]]:
    """What the convolutions of `network` make of images of any size."""
    any_size = build(network.input_shape[3])
    outputs = []
    for layer in any_size.layers:
        if layer.name.startswith(classifier.CONVOLUTION):
            layer.set_weights(network.get_layer(layer.name).get_weights())
            outputs.append(layer.output)
    maps = keras.Model(any_size.input, outputs)
    return lambda image: classifier.run(maps, image)


def inception(path: str | Path | None = None) -> Extractor:
    """Keras' InceptionV3 with the weights of the file `path`, by default those in Keras' own cache.

    Its 2,048 features are those of the last pooling. Images are repeated to three channels and resized to 299x299
    bilinearly. Keras' weights are not those of the graph that published FIDs were measured with, so that the number is
    close to a published FID of the same protocol and not equal to it.
    """
    path = INCEPTION_WEIGHTS if path is None else Path(path)
    if not path.is_file():
        raise ExtractorError(
            f"InceptionV3 has no weights at {path}; `keras.applications.InceptionV3()` downloads them"
        )
    network = keras.applications.InceptionV3(weights=str(path))
    outputs = [network.get_layer("avg_pool").output, network.output]
    both = keras.Model(network.input, outputs)

    def look(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = [
            both(_as_inception_input(image[i : i + 50]), training=False) for i in range(0, len(image), 50)
        ]
        features, probabilities = (np.concatenate([part[i].numpy() for part in parts]) for i in (0, 1))
        return features, probabilities

    return Extractor(
        name="Keras InceptionV3",
        digest=_sha256(path),
        distance="frechet_inception_distance",
        score="inception_score",
        class_names=(),
        accuracy=None,
        look=look,
    )


def _as_inception_input(image: np.ndarray) -> tf.Tensor:
    """Levels 0 .. 255 as RGB of 299x299 in -1 .. 1."""
    colour = np.broadcast_to(image, (*image.shape[:3], 3))
    return tf.image.resize(colour, (299, 299)) / 127.5 - 1.0


def _check_sum(path: Path) -> None:
    """Raises ExtractorError unless the bytes of the bundled file `path` are those that were bundled."""
    sums = dict(line.split()[::-1] for line in (path.parent / SUMS).read_text().splitlines())
    if sums.get(path.name) != (found := _sha256(path)):
        raise ExtractorError(
            f"{path} is not the file that was bundled: its SHA-256 is {found}, not {sums.get(path.name)}; "
            "numbers measured with it would compare with no others. Install pixelzoo again"
        )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
