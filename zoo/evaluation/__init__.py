"""Measuring what has been trained: an exported model by what its card says it can do, or a baseline beside it."""

from __future__ import annotations

from zoo.evaluation.bench import Bench, EvaluationError
from zoo.evaluation.cards import as_metric, write_metrics
from zoo.evaluation.measures import MEASURES, measure
from zoo.evaluation.subjects import Baseline, ExportedModel, open_baseline, open_model

__all__ = [
    "MEASURES",
    "Baseline",
    "Bench",
    "EvaluationError",
    "ExportedModel",
    "as_metric",
    "measure",
    "open_baseline",
    "open_model",
    "write_metrics",
]
