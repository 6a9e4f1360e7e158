"""Samples against test images in a feature space: Frechet distance, inception score, precision, recall, coverage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo.evaluation.bench import Bench
from zoo.metrics import density_coverage as naeem
from zoo.metrics import frechet as gaussians
from zoo.metrics import precision_recall as kynkaanniemi
from zoo.metrics.inception_score import inception_score
from zoo.metrics.measurement import Measurement, mean_of
from zoo.metrics.resampling import jackknife_error


def frechet(bench: Bench) -> list[Measurement]:
    """The Frechet distance of the samples from the test images: less is better, 0 for equal Gaussians."""
    reference = gaussians.fit(bench.test_view.features)

    def distance(features: np.ndarray) -> float:
        return gaussians.distance(gaussians.fit(features), reference)

    def run(repeat: int) -> list[Measurement]:
        features = bench.drawn(repeat).view.features
        return [
            Measurement(
                bench.extractor.distance,
                distance(features),
                _error(bench, distance, features),
                "",
                bench.sample_protocol,
                bench.sample_subject,
            )
        ]

    return bench.repeated(run)


def inception(bench: Bench) -> list[Measurement]:
    """The inception score; with a classifier of the data's own it is called a classifier score."""

    def run(repeat: int) -> list[Measurement]:
        probabilities = bench.drawn(repeat).view.probabilities
        return [
            Measurement(
                bench.extractor.score,
                inception_score(probabilities),
                _error(bench, inception_score, probabilities),
                "",
                bench.sample_protocol,
                bench.sample_subject,
            )
        ]

    return bench.repeated(run)


def precision_recall(bench: Bench, k: int = 3) -> list[Measurement]:
    """Improved precision and recall."""

    def run(repeat: int) -> list[Measurement]:
        found = kynkaanniemi.precision_recall(bench.test_view.features, bench.drawn(repeat).view.features, k)
        protocol = {**bench.sample_protocol, "neighbours": k}
        return [
            mean_of("precision", found.samples_on_real, "", protocol, bench.sample_subject),
            mean_of("recall", found.real_on_samples, "", protocol, bench.sample_subject),
        ]

    return bench.repeated(run)


def density_coverage(bench: Bench, k: int = 5) -> list[Measurement]:
    """Density and coverage."""

    def run(repeat: int) -> list[Measurement]:
        found = naeem.density_coverage(bench.test_view.features, bench.drawn(repeat).view.features, k)
        protocol = {**bench.sample_protocol, "neighbours": k}
        return [
            mean_of("density", found.densities, "", protocol, bench.sample_subject),
            mean_of("coverage", found.covered, "", protocol, bench.sample_subject),
        ]

    return bench.repeated(run)


def _error(bench: Bench, statistic: Callable[[np.ndarray], float], items: np.ndarray) -> float | None:
    """The standard error over the samples of one repeat; several repeats have a better one."""
    return jackknife_error(statistic, items) if bench.repeats == 1 else None
