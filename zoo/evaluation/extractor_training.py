"""Training the classifier in whose features the samples of a data set are measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data import DataError, ImageData
from zoo.metrics import classifier, extractor

# How the bundled classifiers were trained.
EPOCHS = 8
SEED = 0
BATCH_SIZE = 128
# Fewer images take more epochs: so many updates there are at least.
LEAST_STEPS = 1200


@dataclass(frozen=True)
class TrainedExtractor:
    """The file that was written, its SHA-256, the share of test images classed right, and that of guesses, 0 .. 1."""

    path: Path
    digest: str
    accuracy: float
    chance: float


def train_extractor(
    data: ImageData,
    path: str | Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TrainedExtractor:
    """Trains a classifier on the training split of `data` and writes it to the .npz file `path`.

    It tells the classes of the data; where these have none, by how many right angles an image is turned. The same
    version of TensorFlow on the same machine gives the same weights, and so the same digest, on one thread; bits may
    differ elsewhere, which is why the digest is a part of every protocol.

    Raises:
        DataError: the images are not square.
    """
    height, width, channels = data.image_shape
    if height != width:
        raise DataError(f"{data.name} has images {height}x{width}; a feature space takes square ones")
    (image, label), (test_image, test_label) = data.arrays("train"), data.arrays("test")
    side = height if data.num_classes else None
    if not data.num_classes:
        (image, label), (test_image, test_label) = rotations(image), rotations(test_image)
    shape: dict[str, Any] = {"side": side, "classes": data.num_classes or extractor.ROTATIONS}
    network = extractor.build(channels, **shape, seed=SEED, dtype="mixed_bfloat16")
    steps = -(-len(image) // BATCH_SIZE)
    epochs = max(EPOCHS, -(-LEAST_STEPS // steps))
    classifier.train(network, image, label, epochs=epochs, seed=SEED, progress=progress)
    # Tested as it will be used: in float32, with the weights as they are kept.
    kept = extractor.build(channels, **shape)
    kept.set_weights([weight.astype(np.float32) for weight in extractor.rounded_weights(network)])
    accuracy = classifier.accuracy(kept, test_image, test_label)
    digest = extractor.save(kept, path, source=data.name, class_names=data.class_names, accuracy=accuracy)
    return TrainedExtractor(Path(path), digest, accuracy, chance=1 / shape["classes"])


def rotations(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Square images uint8 [n, s, s, c] turned by 0, 1, 2 and 3 right angles: uint8 [4 n, s, s, c], the turns int32 [4
    n].
    """
    turned = [np.rot90(image, turns, axes=(1, 2)) for turns in range(extractor.ROTATIONS)]
    return np.concatenate(turned), np.repeat(np.arange(extractor.ROTATIONS, dtype=np.int32), len(image))
