"""What the measures of one evaluation share: the data, the subject, and its samples and features, made once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zoo.data import ImageData
from zoo.evaluation.subjects import EvaluationError, ExportedModel, Progress, Subject
from zoo.metrics.extractor import Extractor, View, find
from zoo.metrics.measurement import Measurement, Protocol, over_repeats

__all__ = ["Bench", "Drawn", "EvaluationError"]

SAMPLES = 10_000


@dataclass(frozen=True, eq=False)
class Drawn:
    """Samples of one repeat: uint8 [n, h, w, c], the classes asked for int32 [n], and what the extractor sees."""

    image: np.ndarray
    label: np.ndarray
    view: View


class Bench:
    """One evaluation.

    Args:
        subject: what is measured.
        data: the images that it was trained on, and those that it was not.
        samples: how many images are drawn for the measures of samples, at least 2.
        repeats: how many times whatever depends on luck is measured, each time with seeds of its own.
        images: measure on this many test images at most where each image has a number of its own; None means all.
        space: the feature space, as `zoo.metrics.extractor.find` takes it.
        progress: called as (what is done, items done, items in all).
    """

    def __init__(
        self,
        subject: Subject,
        data: ImageData,
        *,
        samples: int = SAMPLES,
        repeats: int = 1,
        images: int | None = None,
        space: str = "",
        progress: Progress = lambda what, done, total: None,
    ) -> None:
        if samples < 2 or repeats < 1 or (images is not None and images < 2):
            raise EvaluationError("samples and images must be at least 2, and seeds at least 1")
        self.subject, self.data = subject, data
        self.samples, self.repeats, self.images, self.space = samples, repeats, images, space
        self.progress = progress
        self._drawn: dict[int, Drawn] = {}

    @property
    def data_protocol(self) -> str:
        """The data as a protocol names them, such as "fashion_mnist 28x28x1": another size is another measure."""
        return f"{self.data.name} {'x'.join(map(str, self.data.image_shape))}"

    @property
    def exported(self) -> ExportedModel:
        """The subject where it is an exported model; only such are asked for anything but samples."""
        if not isinstance(self.subject, ExportedModel):
            raise EvaluationError(f"{self.subject.name} is no exported model: it has nothing but samples")
        return self.subject

    def has(self, capability: str) -> bool:
        """Whether the subject is an exported model with this capability."""
        return isinstance(self.subject, ExportedModel) and capability in self.subject.model.capabilities

    @cached_property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """All images and labels of the test split."""
        return self.data.arrays("test")

    @cached_property
    def extractor(self) -> Extractor:
        """The feature space. Raises ExtractorError if there is none."""
        # Two classes of one source are looked at by the extractor of that source.
        return find(self.data.name, self.data.image_shape, self.space)

    @cached_property
    def test_view(self) -> View:
        """What the extractor sees of the test split."""
        return self.extractor(self.test[0])

    def labels(self, n: int) -> np.ndarray:
        """`n` classes to ask for, int32 [n], all equally often; -1 where the subject does not draw by class."""
        if not self.subject.by_class:
            return np.full(n, -1, np.int32)
        return (np.arange(n) % self.data.num_classes).astype(np.int32)

    def drawn(self, repeat: int) -> Drawn:
        """The samples of the repeat with this number: image i has the seed `repeat` * `samples` + i."""
        if repeat not in self._drawn:
            label = self.labels(self.samples)
            what = f"samples{f', part {repeat + 1} of {self.repeats}' if self.repeats > 1 else ''}"
            image = self.subject.draw(
                label, repeat * self.samples, lambda done, total: self.progress(what, done, total)
            )
            self._drawn[repeat] = Drawn(image, label, self.extractor(image))
        return self._drawn[repeat]

    def repeated(self, run: Callable[[int], Sequence[Measurement]]) -> list[Measurement]:
        """The figures of `run(repeat)`; over several repeats, their means with the standard errors of these."""
        runs = [run(repeat) for repeat in range(self.repeats)]
        if self.repeats == 1:
            return list(runs[0])
        return [over_repeats(figures) for figures in zip(*runs, strict=True)]

    @property
    def sample_protocol(self) -> Protocol:
        """How samples are drawn and looked at, as far as it must agree for figures to be compared."""
        last = self.repeats * self.samples - 1
        return {
            "data": self.data_protocol,
            "reference": f"{len(self.test[0])} test images",
            "samples": self.samples,
            "seeds": f"0 .. {last}",
            "extractor": str(self.extractor),
        }

    @property
    def sample_subject(self) -> Protocol:
        """What was drawn: comparing is about just that."""
        return {
            "labels": "each class equally often" if self.subject.by_class else "none",
            "options": self.subject.options_text(),
        }
