"""The table of measures: what can be measured of which model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zoo.evaluation import codes, likelihood, sample_quality, teaching, translation, upscaling
from zoo.evaluation.bench import Bench, EvaluationError
from zoo.metrics.extractor import ExtractorError
from zoo.metrics.measurement import Measurement


@dataclass(frozen=True)
class Measure:
    """One measure: whether it makes sense of a subject, how it is taken, and one line for people."""

    applies: Callable[[Bench], bool]
    run: Callable[[Bench], list[Measurement]]
    about: str
    in_features: bool = False


def _draws(bench: Bench) -> bool:
    return bench.subject.draws


def _draws_by_class(bench: Bench) -> bool:
    return bench.subject.draws and bench.subject.by_class


def _classes_are_known(bench: Bench) -> bool:
    return _draws_by_class(bench) and bench.extractor.class_names == bench.data.class_names


MEASURES = {
    "scores": Measure(likelihood.applies, likelihood.likelihood, "bits/dim and other scores of test images"),
    "codebook": Measure(codes.applies, codes.codebook, "perplexity of the codes of the test images"),
    "frechet": Measure(_draws, sample_quality.frechet, "Frechet distance of samples", in_features=True),
    "inception": Measure(_draws, sample_quality.inception, "inception score of samples", in_features=True),
    "precision_recall": Measure(
        _draws, sample_quality.precision_recall, "precision and recall of samples", in_features=True
    ),
    "density_coverage": Measure(
        _draws, sample_quality.density_coverage, "density and coverage of samples", in_features=True
    ),
    "gan_test": Measure(
        _classes_are_known, teaching.gan_test, "a real classifier's accuracy on samples", in_features=True
    ),
    "cas": Measure(
        _draws_by_class, teaching.classification_accuracy_score, "accuracy of a classifier trained on samples"
    ),
    "translation": Measure(
        translation.applies, translation.translation, "target class, cycle and distance", in_features=True
    ),
    "upscaling": Measure(upscaling.applies, upscaling.upscaling, "PSNR and SSIM against bicubic"),
}


def measure(bench: Bench, only: Sequence[str] = ()) -> tuple[list[Measurement], list[str]]:
    """Takes the measures that the subject's capabilities allow, or those of them named in `only`.

    Returns: the figures; and a line for each measure that was left out although the subject allows it.

    Raises:
        EvaluationError: a name in `only` is unknown, or does not apply; or nothing applies.
        ExtractorError: a measure of `only` takes a feature space, and there is none.
    """
    if unknown := [name for name in only if name not in MEASURES]:
        raise EvaluationError(f"unknown measure {', '.join(unknown)}; there are {', '.join(MEASURES)}")
    figures: list[Measurement] = []
    left_out: list[str] = []
    for name in only or MEASURES:
        chosen = MEASURES[name]
        try:
            if chosen.applies(bench):
                figures += chosen.run(bench)
            elif only:
                raise EvaluationError(f"{bench.subject.name} has no {name} to measure: {chosen.about}")
        except ExtractorError as error:
            if only:
                raise
            left_out.append(f"{name} was left out: {error}")
    if not figures and not left_out:
        raise EvaluationError(f"{bench.subject.name} can do nothing that is measured here")
    return figures, left_out
