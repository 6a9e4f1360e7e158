"""Drawing by class: do the samples teach a classifier (CAS), and does a classifier know them (GAN-test)?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zoo.evaluation.bench import Bench
from zoo.metrics import baselines, cas
from zoo.metrics.measurement import Measurement, mean_of

NAME = "cas"


def classification_accuracy_score(bench: Bench) -> list[Measurement]:
    """CAS, the same classifier's accuracy when trained on as many real images, and the ratio of the two."""
    image, label = bench.data.arrays("train")
    # As many of each class of real images as of samples, and no more than there are.
    n = min(bench.samples, len(image))
    real = baselines.real(image, label)
    protocol = {
        "data": bench.data_protocol,
        "trained on": f"{n} images, each class equally often",
        "tested on": f"{len(bench.test[0])} test images",
        "classifier": cas.DESCRIPTION,
        "seeds": f"0 .. {bench.repeats - 1}",
        "image seeds": f"0 .. {bench.repeats * bench.samples - 1}",
    }

    def accuracy(what: str, images: np.ndarray, labels: np.ndarray, seed: int) -> Measurement:
        part = f", part {seed + 1} of {bench.repeats}" if bench.repeats > 1 else ""
        correct = cas.correctly_classified(
            images,
            labels,
            *bench.test,
            classes=bench.data.num_classes,
            seed=seed,
            progress=lambda done, total: bench.progress(f"classifier of {what}{part}", done, total),
        )
        return mean_of(NAME, correct, "", protocol, bench.sample_subject)

    def run(repeat: int) -> list[Measurement]:
        drawn = bench.drawn(repeat)
        score = accuracy("samples", drawn.image[:n], drawn.label[:n], repeat)
        ceiling = accuracy("real images", real(drawn.label[:n], repeat), drawn.label[:n], repeat)
        return [score, replace(ceiling, name=f"{NAME}_of_real_images"), score.ratio(ceiling)]

    return bench.repeated(run)


def gan_test(bench: Bench) -> list[Measurement]:
    """The share of samples that a classifier of real images takes for the class that was asked for."""

    def run(repeat: int) -> list[Measurement]:
        drawn = bench.drawn(repeat)
        right = drawn.view.classes == drawn.label
        return [mean_of("gan_test", right, "", bench.sample_protocol, bench.sample_subject)]

    return bench.repeated(run)
