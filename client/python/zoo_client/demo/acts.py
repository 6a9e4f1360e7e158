"""The demo's acts, one after the other, for each model.

Nothing here knows a model by name: the card says what a model can do, and how its options are called.
"""

from __future__ import annotations

from rich.markup import escape

from zoo_client.demo.latents import explore
from zoo_client.demo.sampling import complete, sample
from zoo_client.demo.scoring import score
from zoo_client.demo.stage import Report, Stage
from zoo_client.demo.translation import translate
from zoo_client.errors import ZooError
from zoo_client.model import Model

ACTS = (sample, complete, translate, explore, score)
"""Each looks at the card first, and does nothing with a model that is not for it."""


def perform(stage: Stage, model: Model) -> Report:
    """Everything that the model can do, or what it did before it failed."""
    report = Report(model)
    try:
        for act in ACTS:
            act(stage, report)
    except ZooError as error:
        report.failure = error
        stage.console.print(f"  [red]failed:[/] {escape(str(error))}", highlight=False)
    if not report.acts:
        stage.say("nothing of what this demo shows")
    return report
