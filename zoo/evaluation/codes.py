"""The codes of a model whose latents are taken from a codebook."""

from __future__ import annotations

import numpy as np

from zoo.evaluation.bench import Bench
from zoo.metrics.codebook import perplexity, usage
from zoo.metrics.measurement import Measurement, Protocol
from zoo.metrics.resampling import jackknife_error

_BATCH = 250


def applies(bench: Bench) -> bool:
    """Whether the model encodes images to codes."""
    return bench.has("encode") and _codebook_size(bench) > 0


def codebook(bench: Bench) -> list[Measurement]:
    """The perplexity of the codes of the test images, all together, and the number of codes that occur among them."""
    size = _codebook_size(bench)
    image = bench.test[0][: bench.images]
    parts = []
    for start in range(0, len(image), _BATCH):
        parts.append(bench.exported.model.ask("encode", {"image": image[start : start + _BATCH]})["latent"])
        bench.progress("codes", min(start + _BATCH, len(image)), len(image))
    codes = np.concatenate(parts)
    protocol: Protocol = {
        "data": bench.data_protocol,
        "images": f"first {len(image)} of the test split",
        "codes": size,
    }
    error = jackknife_error(lambda part: perplexity(part, size), codes)
    used = int((usage(codes, size) > 0).sum())
    return [
        Measurement("codebook_perplexity", perplexity(codes, size), error, "codes", protocol),
        # A count of this very split: no estimate, so no error.
        Measurement("codes_used", used, None, "codes", protocol),
    ]


def _codebook_size(bench: Bench) -> int:
    return int(bench.exported.model.capabilities["encode"].latent.codebook_size)
