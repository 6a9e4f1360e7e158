"""What a capability gives, as its card describes it: scores, latents, translations."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from pixelzoo.v1 import capability_pb2


@dataclass(frozen=True)
class Score:
    """One named output of `score`: its kind, unit, and whether it is exact or a bound."""

    name: str
    kind: capability_pb2.ScoreKind.ValueType
    unit: str
    description: str
    exact: bool = False
    primary: bool = False


def bound(name: str, description: str, *, primary: bool = False) -> Score:
    """A score in bits/dim: the bound itself where `primary`, else one of the terms it is made of."""
    kind = capability_pb2.SCORE_KIND_EVIDENCE_LOWER_BOUND if primary else capability_pb2.SCORE_KIND_DETAIL
    return Score(name, kind, "bits/dim", description, primary=primary)


@dataclass(frozen=True)
class Latent:
    """The latent of `encode` and `decode`, without the item axis; `codebook_size` is 0 for continuous latents."""

    shape: tuple[int, ...]
    dtype: tf.DType = tf.float32
    prior: capability_pb2.LatentPrior.ValueType = capability_pb2.LATENT_PRIOR_STANDARD_NORMAL
    codebook_size: int = 0


@dataclass(frozen=True)
class Translation:
    """The pictures of `translate`: the shape that it takes, with None for a side of any size, and what that becomes.

    `scale` is the result's height and width divided by those of the picture taken.
    """

    shape: tuple[int | None, int | None, int]
    scale: int = 1
