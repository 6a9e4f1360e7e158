"""The inception score (Salimans et al. 2016): are samples recognisable, and of many classes?"""

from __future__ import annotations

import numpy as np


def inception_score(probabilities: np.ndarray) -> float:
    """exp E KL(p(y | x) || p(y)) of class probabilities p(y | x) [n, k]: from 1 to k, more is better.

    Over all images at once: the mean over ten parts, which the paper takes, depends on the size of a part (Barratt &
    Sharma 2018, section 3). It does not see whether a class has one image or many.
    """
    p = probabilities.astype(np.float64)
    marginal = p.mean(axis=0)
    # Where p is 0 its term is 0; where the marginal is, p is.
    ratio = np.divide(p, marginal, out=np.ones_like(p), where=p > 0)
    return float(np.exp((p * np.log(ratio)).sum(axis=1).mean()))
