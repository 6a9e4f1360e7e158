"""Losses of the adversarial families, as pure functions.

Each gives one number an item, float32 [n], so that the caller can divide by the global batch. A discriminator may give
one logit an item or a map of them (one for each patch); a map counts with its mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf


@dataclass(frozen=True)
class AdversarialLoss:
    """The three parts of one adversarial game, each a function of logits [n, ...] to float32 [n].

    The discriminator minimises `real` of its logits on real images plus `fake` of those on generated ones; the
    generator minimises `generator` of the discriminator's logits on its images.

    `undecided` is the logit of a best discriminator where real and generated images are equally likely; None if only
    differences between logits mean anything.
    """

    real: Callable[[Any], Any]
    fake: Callable[[Any], Any]
    generator: Callable[[Any], Any]
    undecided: float | None


def adversarial(name: str, label_smoothing: float = 0.0) -> AdversarialLoss:
    """The loss of that name.

    Args:
        name: one of
            "non_saturating": cross-entropy; the generator maximises log D (Goodfellow et al. 2014, section 3, end);
            "saturating": cross-entropy; the generator minimises log(1 - D) (eq. 1 there), whose gradient dies while
                the discriminator wins;
            "least_squares": targets 0 and 1, half the square (Mao et al. 2017, eq. 9);
            "wasserstein": differences of means (Arjovsky et al. 2017, algorithm 1), for a penalised critic;
            "hinge": margins of 1 (Lim & Ye 2017; Miyato et al. 2018, eqs. 16 and 17).
        label_smoothing: how far the target of *real* images stays under 1, 0 .. 0.5 (one-sided: Salimans et al. 2016,
            section 3.4). Losses without targets (wasserstein, hinge) refuse it.

    Raises:
        ValueError: the name or the smoothing is not one of these.
    """
    if not 0.0 <= label_smoothing <= 0.5:
        raise ValueError(f"label_smoothing must lie in 0 .. 0.5; got {label_smoothing}")
    target = 1.0 - label_smoothing
    cross_entropy = AdversarialLoss(
        real=lambda logit: _cross_entropy(logit, target),
        fake=lambda logit: _cross_entropy(logit, 0.0),
        generator=lambda logit: _cross_entropy(logit, 1.0),
        undecided=math.log(target / (2.0 - target)),
    )
    known = {
        "non_saturating": cross_entropy,
        "saturating": replace(cross_entropy, generator=lambda logit: -_cross_entropy(logit, 0.0)),
        "least_squares": AdversarialLoss(
            real=lambda logit: of_each_item(0.5 * (_wide(logit) - target) ** 2),
            fake=lambda logit: of_each_item(0.5 * _wide(logit) ** 2),
            generator=lambda logit: of_each_item(0.5 * (_wide(logit) - 1.0) ** 2),
            undecided=0.5 * target,
        ),
        "wasserstein": AdversarialLoss(
            real=lambda logit: of_each_item(-_wide(logit)),
            fake=lambda logit: of_each_item(_wide(logit)),
            generator=lambda logit: of_each_item(-_wide(logit)),
            undecided=None,
        ),
        "hinge": AdversarialLoss(
            real=lambda logit: of_each_item(tf.nn.relu(1.0 - _wide(logit))),
            fake=lambda logit: of_each_item(tf.nn.relu(1.0 + _wide(logit))),
            generator=lambda logit: of_each_item(-_wide(logit)),
            undecided=0.0,
        ),
    }
    if name not in known:
        raise ValueError(f"adversarial_loss {name!r} is unknown; there are {', '.join(known)}")
    if label_smoothing and name in ("wasserstein", "hinge"):
        raise ValueError(f"label_smoothing: the {name} loss has no targets to smooth; set it to 0")
    return known[name]


def squared_gradient_norm(gradient: Any) -> Any:
    """|gradient|^2 of each item, float32 [n], from the gradient [n, ...] of the summed logits for the images.

    A map of logits counts with its mean here too.

    Half of it, times gamma, is the penalty R1 on real images (Mescheder et al. 2018, eq. 9).
    """
    return tf.reduce_sum(_flat(gradient) ** 2, axis=1)


def gradient_penalty(gradient: Any) -> Any:
    """(|gradient| - 1)^2 of each item, float32 [n] (Gulrajani et al. 2017, eq. 3, without its factor lambda).

    `gradient` [n, ...] is that of the summed logits (of maps: their means) at random points between real and generated
    images.
    """
    # The root has no derivative at 0, and 0 times infinity is no number: hence the small constant.
    return (tf.sqrt(squared_gradient_norm(gradient) + 1e-12) - 1.0) ** 2


def between(real: Any, fake: Any, share: Any) -> Any:
    """share real + (1 - share) fake, [n, ...], with one `share` float32 [n] in [0, 1] for each item
    (Gulrajani et al. 2017, algorithm 1).
    """
    share = tf.reshape(share, [-1] + [1] * (real.shape.rank - 1))
    return fake + share * (real - fake)


def class_cross_entropy(logits: Any, label: Any) -> Any:
    """-log softmax(logits)[label], float32 [n], from logits [n, k] and label int32 [n], 0 .. k - 1."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(label, _wide(logits))


def _cross_entropy(logit: Any, target: float) -> Any:
    logit = _wide(logit)
    return of_each_item(
        tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.fill(tf.shape(logit), target), logits=logit)
    )


def of_each_item(values: Any) -> Any:
    """The mean of each item, float32 [n], of `values` [n, ...]."""
    return tf.reduce_mean(_flat(values), axis=1)


def _flat(values: Any) -> Any:
    values = _wide(values)
    return tf.reshape(values, [tf.shape(values)[0], -1])


def _wide(values: Any) -> Any:
    """Losses are float32 whatever the network computes in."""
    return tf.cast(values, tf.float32)
