"""The classification accuracy score (Ravuri & Vinyals 2019): do samples teach a classifier what real images teach it?

A classifier is trained on labelled samples alone and tested on real images. Samples that are good but all alike teach
little, and so do varied ones of the wrong class: the score sees both, where the accuracy of a real classifier on the
samples (GAN-test; Shmelkov et al. 2018) sees the second only. High GAN-test and low score mean mode collapse.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo.metrics import classifier

EPOCHS = 10
# Matrix units of bfloat16 make it twice as fast where the processor has them.
DTYPE = "mixed_bfloat16"
DESCRIPTION = f"2 convolutions (32, 64), hidden 128, {EPOCHS} epochs of Adam 1e-3 to 0, {DTYPE}"


def correctly_classified(
    image: np.ndarray,
    label: np.ndarray,
    test_image: np.ndarray,
    test_label: np.ndarray,
    *,
    classes: int,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Which of the test images a classifier trained on (`image`, `label`) classes right, bool [m]: their mean is the
    score.

    Images are uint8 [n, h, w, c], labels int32 [n] of 0 .. `classes` - 1. `seed` decides the initial weights and the
    order of the images.
    """
    network = classifier.build(image.shape[1:], classes, seed=seed, dtype=DTYPE)
    classifier.train(network, image, label, epochs=EPOCHS, seed=seed, progress=progress)
    (logits,) = classifier.run(network, test_image)
    return logits.argmax(axis=1) == test_label
