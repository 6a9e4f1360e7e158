"""The act of the demo that scores: real images that no model has seen, the model's own samples, and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zoo_client.commands.progress import following
from zoo_client.demo.stage import SEED, Audience, Report, ScoreRow, Stage, uniform_noise
from zoo_client.images import Pixels
from zoo_client.results import Scores

SCORED, SCORED_IN_STEPS = 32, 16  # What goes in steps takes longer.

HELD_OUT, OWN, NOISE = "held-out images", "own samples", "noise"


def score(stage: Stage, report: Report) -> None:
    """The means of every score over images of each kind that there is."""
    model = report.model
    capability = model.capability("score")
    if capability is None:
        return
    audience = stage.audience(model)
    if audience is None:
        stage.leave_out("score")
        return
    count = SCORED_IN_STEPS if capability.iterative else SCORED
    images = audience.images[:count]
    labels = list(audience.labels[:count])
    scored: dict[str, tuple[Sequence[Pixels], list[int]]] = {
        HELD_OUT: (images, labels),
        NOISE: (uniform_noise(images), labels),
    }
    if report.samples is not None:
        own = report.samples[: len(images)]
        scored[OWN] = (list(own.images), [label or 0 for label in own.labels])

    found: dict[str, Scores] = {}
    with stage.timed(report, "score", sum(len(some) for some, _ in scored.values()), ", ".join(scored)):
        for what, (pictures, classes) in scored.items():
            wanted = classes if model.card.label_required else None
            events = stage.zoo.stream_score(model.name, pictures, wanted, seed=SEED)
            found[what] = Scores(list(following(events, f"  score {what}", stage.console)))
    report.scores += rows(found, audience)


def rows(found: Mapping[str, Scores], audience: Audience) -> list[ScoreRow]:
    """A row for each score that stands for itself; of the probabilities of classes, how often they are right."""
    listed = []
    for info in found[HELD_OUT].infos:
        if info.entries and len(audience.labels):
            guesses = found[HELD_OUT][info.name].argmax(1)
            share = f"{100 * (guesses == np.asarray(audience.labels[: len(guesses)])).mean():.0f}"
            listed.append(ScoreRow("most probable class is right", share, "", "", "%", info.meaning))
        elif not info.entries and info.kind != "DETAIL":
            means = {what: f"{scores[info.name].mean():.3f}" for what, scores in found.items()}
            values = (means[HELD_OUT], means.get(OWN, ""), means[NOISE])
            listed.append(ScoreRow(info.name, *values, info.unit, info.meaning))
    return listed
