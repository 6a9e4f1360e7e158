"""A measured figure with its protocol. Figures of different protocols refuse to be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

Protocol = Mapping[str, str | int | float]


class ProtocolMismatch(ValueError):
    """Two figures were measured differently; the message says in what."""


@dataclass(frozen=True)
class Measurement:
    """One figure.

    Attributes:
        name: what was measured, such as "frechet_classifier_distance".
        value: the figure.
        standard_error: of the figure; None if it was not estimated.
        unit: such as "bits/dim"; empty for a pure number.
        protocol: how it was measured, part by part: which images, how many, with what extractor and seeds. All of it
            must agree for two figures to be compared.
        subject: what was measured, part by part, as far as comparing is about just that: the options of a sampler.
    """

    name: str
    value: float
    standard_error: float | None = None
    unit: str = ""
    protocol: Protocol = field(default_factory=dict)
    subject: Protocol = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Read-only copies: what a figure was measured by does not change afterwards.
        for attribute in ("protocol", "subject"):
            object.__setattr__(self, attribute, MappingProxyType(dict(getattr(self, attribute))))

    def __sub__(self, other: Measurement) -> Measurement:
        """The difference; the standard errors add in squares, as those of independent figures."""
        self.check_comparable(other)
        error = _hypotenuse(self.standard_error, other.standard_error)
        return replace(
            self, name=f"{self.name}_difference", value=self.value - other.value, standard_error=error
        )

    def ratio(self, other: Measurement) -> Measurement:
        """This figure over `other`; the relative standard errors add in squares. ZeroDivisionError if `other` is 0."""
        self.check_comparable(other)
        value = self.value / other.value
        error = _hypotenuse(
            None if self.standard_error is None else self.standard_error / other.value,
            None if other.standard_error is None else value * other.standard_error / other.value,
        )
        return replace(self, name=f"{self.name}_ratio", value=value, standard_error=error, unit="")

    def __lt__(self, other: Measurement) -> bool:
        self.check_comparable(other)
        return self.value < other.value

    def __gt__(self, other: Measurement) -> bool:
        self.check_comparable(other)
        return self.value > other.value

    def check_comparable(self, other: Measurement) -> None:
        """Raises ProtocolMismatch unless `other` is the same figure, measured in the same way."""
        differences = [
            f"{what} {one!r} against {two!r}"
            for what, one, two in (
                ("name", self.name, other.name),
                ("unit", self.unit, other.unit),
                *((part, self.protocol.get(part), other.protocol.get(part)) for part in self._parts(other)),
            )
            if one != two
        ]
        if differences:
            raise ProtocolMismatch(f"{self.name}: measured differently: {'; '.join(differences)}")

    def _parts(self, other: Measurement) -> list[str]:
        return list(dict.fromkeys([*self.protocol, *other.protocol]))

    @property
    def protocol_text(self) -> str:
        """Protocol and subject in one line, such as "samples 10000; extractor fashion_mnist classifier 1a2b3c"."""
        return "; ".join(f"{part} {value}" for part, value in {**self.protocol, **self.subject}.items())

    def __str__(self) -> str:
        error = "" if self.standard_error is None else f" ± {self.standard_error:.2g}"
        return f"{self.name} {self.value:.4g}{error}{self.unit and ' ' + self.unit}"


def over_repeats(figures: Sequence[Measurement]) -> Measurement:
    """The mean of one figure measured several times with other seeds; its standard error is that of the mean.

    Raises ProtocolMismatch if they were not measured in the same way, ValueError if there are fewer than two.
    """
    if len(figures) < 2:
        raise ValueError("a standard error over repeats takes two figures or more")
    first = figures[0]
    for figure in figures[1:]:
        first.check_comparable(figure)
    values = np.array([figure.value for figure in figures])
    error = values.std(ddof=1) / np.sqrt(len(values))
    protocol = {**first.protocol, "repeats": len(figures)}
    return replace(first, value=float(values.mean()), standard_error=float(error), protocol=protocol)


def mean_of(
    name: str, values: np.ndarray, unit: str, protocol: Protocol, subject: Protocol | None = None
) -> Measurement:
    """The mean of one number for each image, [n], n of 2 or more, with the standard error over the images.

    With `values` bool it is a share, 0 .. 1.
    """
    values = np.asarray(values, np.float64)
    error = values.std(ddof=1) / np.sqrt(len(values))
    return Measurement(name, float(values.mean()), float(error), unit, protocol, subject or {})


def _hypotenuse(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else math.hypot(first, second)
