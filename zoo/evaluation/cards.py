"""Figures in a model's card."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pixelzoo.v1 import card_pb2
from zoo import contract
from zoo.metrics.measurement import Measurement


def as_metric(figure: Measurement, command: str = "") -> card_pb2.Metric:
    """`figure` as it stands in a card, to six digits, with the `command` that measures it again."""
    metric = card_pb2.Metric(
        name=figure.name,
        value=_six_digits(figure.value),
        unit=figure.unit,
        protocol=figure.protocol_text,
        command=command,
    )
    if figure.standard_error is not None:
        metric.standard_error = _six_digits(figure.standard_error)
    return metric


def write_metrics(path: str | os.PathLike[str], metrics: Sequence[card_pb2.Metric]) -> None:
    """Puts `metrics` into the card of the version folder `path`.

    They take the place of those that the same command measured, and of the same figures of the same protocol; others
    stay.
    """
    card = contract.read_card(path)
    commands = {metric.command for metric in metrics}
    figures = {(metric.name, metric.protocol) for metric in metrics}
    kept = [
        metric
        for metric in card.metrics
        if metric.command not in commands and (metric.name, metric.protocol) not in figures
    ]
    del card.metrics[:]
    card.metrics.extend([*kept, *metrics])
    contract.write_card(path, card)


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")
