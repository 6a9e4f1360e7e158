"""Walks through the latents of a model: along single entries, to see what each of them means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from zoo_client.images import Latents, Pixels

Decode = Callable[[Latents], Pixels]


def traverse(
    decode: Decode, latent: Latents, entries: Sequence[int], *, span: float = 3.0, n: int = 9
) -> Pixels:
    """What becomes of a picture when one entry of its latent goes from -span to +span, and the others stay.

    Args:
        decode: latents float32 [m, ...] to images uint8 [m, h, w, c].
        latent: float32 [...], where to begin; an entry is counted over all its axes, row by row.
        entries: which entries.
        span: how far, in the latents' own unit.
        n: images for each entry, at equal distances.

    Returns:
        uint8 [len(entries) * n, h, w, c], entry by entry.
    """
    walked = np.repeat(latent[np.newaxis], len(entries) * n, axis=0)
    flat = walked.reshape(len(walked), -1)
    for row, entry in enumerate(entries):
        flat[row * n : (row + 1) * n, entry] = np.linspace(-span, span, n)
    return decode(walked)


def strongest(
    decode: Decode, latent: Latents, count: int, *, span: float = 3.0, among: int = 256
) -> list[int]:
    """The entries that change the picture most when they go from -span to +span, the strongest first.

    Only the first `among` are tried: in a ladder of latents the coarsest come first.
    """
    entries = range(min(among, latent.size))
    ends = traverse(decode, latent, entries, span=span, n=2).astype(np.int32)
    change = np.abs(ends[1::2] - ends[::2]).reshape(len(entries), -1).mean(axis=1)
    return [int(entry) for entry in np.argsort(-change, kind="stable")[:count]]
