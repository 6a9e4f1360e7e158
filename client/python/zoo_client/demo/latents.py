"""Acts of the demo that go through latents: there and back, from one image to another, and along single entries."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_client.demo.sheet import Panel
from zoo_client.demo.stage import Audience, Report, Stage
from zoo_client.grid import grid
from zoo_client.images import Latents, Pixels
from zoo_client.traversal import strongest, traverse

RECONSTRUCTED = 8
WAYS, FRAMES = 3, 10
ENTRIES, AMONG, PLACES = 3, 32, 9  # Entries walked along: the strongest among the first.


def explore(stage: Stage, report: Report) -> None:
    """Everything between images and latents, for a model that encodes and decodes."""
    if not {"encode", "decode"} <= set(report.model.capabilities):
        return
    audience = stage.audience(report.model)
    if audience is None:
        stage.leave_out("encode")
        return
    latents = _there_and_back(stage, report, audience)
    if latents.dtype.kind == "f":  # Between two codes of a codebook there is nothing.
        _between(stage, report, audience)
        _along(stage, report, latents[0])


def _there_and_back(stage: Stage, report: Report, audience: Audience) -> Latents:
    name, images = report.model.name, np.stack(audience.images[:RECONSTRUCTED])
    with stage.timed(report, "encode and decode", len(images)):
        latents = stage.zoo.encode(name, images)
        decoded = stage.zoo.decode(name, latents)
    picture = grid(
        np.concatenate([images, decoded]),
        columns=len(images),
        margin=0,
        row_labels=["held out", "decoded"],
    )
    spec = report.model.capability("encode")
    codebook = spec.latent.codebook_size if spec is not None else 0
    numbers = f"{latents[0].size} " + (f"codes, each one of {codebook}," if codebook else "numbers each")
    caption = f"held-out images through {numbers} and back"
    report.panels.append(Panel(picture, "encoded and decoded", caption))
    return latents


def _between(stage: Stage, report: Report, audience: Audience) -> None:
    pairs = different_pairs(audience.labels, WAYS)
    with stage.timed(report, "interpolate", len(pairs) * FRAMES, "spherical"):
        ways = [
            stage.zoo.interpolate(
                report.model.name, audience.images[a], audience.images[b], FRAMES, method="spherical"
            )
            for a, b in pairs
        ]
    picture = grid(np.concatenate(ways), columns=FRAMES, margin=0)
    report.panels.append(Panel(picture, "interpolated", "from one held-out image to another"))


def _along(stage: Stage, report: Report, latent: Latents) -> None:
    def decode(latents: Latents) -> Pixels:
        return stage.zoo.decode(report.model.name, latents)

    with stage.timed(report, "traverse", ENTRIES * PLACES, f"{ENTRIES} entries"):
        entries = strongest(decode, latent, ENTRIES, among=AMONG)
        walked = traverse(decode, latent, entries, n=PLACES)
    labels = [f"entry {entry}" for entry in entries]
    picture = grid(walked, columns=PLACES, margin=0, row_labels=labels)
    caption = "one entry of a held-out image's latent, from -3 to 3 standard deviations"
    report.panels.append(Panel(picture, "traversed", caption))


def different_pairs(labels: Any, count: int) -> list[tuple[int, int]]:
    """Pairs of images of different classes: neighbours in the list, as far as there are enough."""
    pairs = ((a, a + 1) for a in range(0, len(labels) - 1, 2) if labels[a] != labels[a + 1])
    return [pair for pair, _ in zip(pairs, range(count), strict=False)]
