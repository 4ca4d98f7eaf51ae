"""Text metrics: bits per byte, distinct n-grams, repetition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from glassbook.measure.arrays import to_tensor


def bits_per_byte(nll: Any, n_bytes: int) -> float:
    """Sum of the tokens' negative log-likelihoods (nats) / ln 2 / UTF-8 bytes of the text: free of the tokenizer."""
    return float(to_tensor(nll).sum()) / math.log(2) / n_bytes


def distinct_n(sequences: Sequence[Sequence[Any]], n: int = 2) -> float:
    """Different n-grams / all n-grams over all sequences together (Li et al. 2016); NaN if there are none."""
    grams = _grams(sequences, n)
    return len(set(grams)) / len(grams) if grams else float("nan")


def repetition(sequences: Sequence[Sequence[Any]], n: int = 4) -> float:
    """Share of n-grams that stood earlier in the same sequence: 0 for fresh text, near 1 for a loop; NaN if none."""
    pieces = [_grams([sequence], n) for sequence in sequences]
    total = sum(map(len, pieces))
    return 1 - sum(len(set(grams)) for grams in pieces) / total if total else float("nan")


def _grams(sequences: Sequence[Sequence[Any]], n: int) -> list[tuple[Any, ...]]:
    return [tuple(s[i : i + n]) for s in sequences for i in range(len(s) - n + 1)]
