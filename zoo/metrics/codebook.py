"""How much of a codebook is in use."""

from __future__ import annotations

import numpy as np


def perplexity(codes: np.ndarray, codebook_size: int) -> float:
    """exp of the entropy of the codes' frequencies, 1 .. `codebook_size`: how many codes are used, as if evenly.

    `codes` are whole numbers 0 .. `codebook_size` - 1 of any shape. Take those of a whole split: the perplexity of a
    batch is bounded by its size. Raises ValueError for a code outside the book.
    """
    counts = usage(codes, codebook_size)
    share = counts[counts > 0] / counts.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def usage(codes: np.ndarray, codebook_size: int) -> np.ndarray:
    """How often each code occurs: int64 [codebook_size]."""
    codes = np.asarray(codes).ravel()
    if codes.size and not 0 <= codes.min() <= codes.max() < codebook_size:
        raise ValueError(f"codes run from {codes.min()} to {codes.max()}, outside 0 .. {codebook_size - 1}")
    return np.bincount(codes, minlength=codebook_size)
