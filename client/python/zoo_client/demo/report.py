"""The demo's figures, as a table on the screen and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from pixelzoo.v1 import capability_pb2
from zoo_client.demo.sheet import Panel, Section, text_table
from zoo_client.demo.stage import Report
from zoo_client.model import Model

SCORE_HEADINGS = ("model", "score", "held out", "own samples", "noise", "unit", "what it is")
SCORE_TEXT = (
    "Mean scores. In bits/dim, less is likelier; a discriminator's logit is above 0 for what it takes for real, and "
    "noise it has never seen."
)
MOST_FIGURES = 3
TIME_HEADINGS = ("model", "what", "images", "seconds")


def score_rows(reports: Sequence[Report]) -> list[tuple[str, ...]]:
    """A row for each score: its mean over the held-out images, and over noise."""
    return [
        (report.model.name, row.name, row.real, row.own, row.noise, row.unit, row.kind)
        for report in reports
        for row in report.scores
    ]


def time_rows(reports: Sequence[Report]) -> list[tuple[str, ...]]:
    """A row for each thing that was done."""
    return [
        (
            report.model.name,
            f"{act.name} ({act.details})" if act.details else act.name,
            str(act.images),
            f"{act.seconds:.1f}",
        )
        for report in reports
        for act in report.acts
    ]


def screen_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """The rows for a terminal."""
    table = Table(box=box.SIMPLE_HEAD)
    for number, heading in enumerate(headings):
        table.add_column(heading, no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    return table


def markdown(reports: Sequence[Report]) -> str:
    """`table.md`: the scores, and the times."""
    parts = ["# pixelzoo demo\n"]
    if scores := score_rows(reports):
        parts += [
            f"{SCORE_TEXT}\n",
            _markdown_table(SCORE_HEADINGS, scores),
        ]
    parts += [
        "Seconds by the clock, over gRPC, images decoded.\n",
        _markdown_table(TIME_HEADINGS, time_rows(reports)),
    ]
    return "\n".join(parts)


def section(report: Report) -> Section:
    """The model's part of the contact sheet."""
    return Section(report.model.name, about(report.model), report.panels)


def score_section(reports: Sequence[Report], panels: Sequence[Panel]) -> Section | None:
    """The scores' part of the contact sheet, beside pictures of what was scored; None if nothing was."""
    rows = score_rows(reports)
    if not rows:
        return None
    return Section(
        "Real against noise", SCORE_TEXT, [*panels, Panel(text_table([SCORE_HEADINGS, *rows]), "scores")]
    )


def about(model: Model) -> str:
    """The card in a line: title, size, training data, and the first of the measured figures."""
    card = model.card
    capability = model.capability("score")
    scores = capability.scores if capability is not None else ()
    details = {score.name for score in scores if score.kind == capability_pb2.SCORE_KIND_DETAIL}
    metrics = [metric for metric in card.metrics if metric.name not in details]
    words = [card.title]
    if card.recipe.parameters:
        words.append(f"{card.recipe.parameters / 1e6:.2f} M parameters")
    if card.data.train_images:
        words.append(f"trained on {card.data.train_images:,} images of {card.data.name}")
    for metric in metrics[:MOST_FIGURES]:
        name = "" if metric.name == "bits_per_dim" else metric.name.replace("_", " ")
        words.append(f"{name} {metric.value:.3f} {metric.unit}".strip())
    return " · ".join(words)


def _markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
