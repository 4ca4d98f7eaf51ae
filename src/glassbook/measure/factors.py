"""Recovery of known factors by the dimensions of a code."""

from __future__ import annotations

from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from glassbook.measure.arrays import to_tensor


def rank_correlations(codes: Any, factors: Any) -> Tensor:
    """Spearman's correlation of each dimension with each factor, [m, F]; 0 where one of them never changes.

    Args:
        codes: [N, m].
        factors: [N, F].
    """
    z, f = (_standardised(_ranks(to_tensor(x))) for x in (codes, factors))
    return z.T @ f / len(z)


def matched_correlation(codes: Any, factors: Any) -> float:
    """Mean absolute rank correlation of factors with dimensions, each factor matched to another dimension.

    The matching is the best one (Hungarian method); a factor that is left without a dimension counts 0.

    Args:
        codes: [N, m].
        factors: [N, F].

    Returns:
        from 0 to 1; 1 if each factor is a monotone function of one dimension.
    """
    correlations = rank_correlations(codes, factors).abs()
    rows, columns = linear_sum_assignment(correlations.numpy(), maximize=True)
    return float(correlations[rows, columns].sum()) / correlations.shape[1]


def _ranks(x: Tensor) -> Tensor:
    """Ranks of each column; equal values share their mean rank."""
    ranks = torch.empty_like(x)
    for i, column in enumerate(x.unbind(1)):
        _, inverse, counts = torch.unique(column, return_inverse=True, return_counts=True)
        last = counts.cumsum(0).to(x.dtype)
        ranks[:, i] = (last - (counts - 1) / 2)[inverse]
    return ranks


def _standardised(x: Tensor) -> Tensor:
    x = x - x.mean(0)
    spread = x.square().mean(0).sqrt()
    return torch.where(spread > 0, x / spread.clamp_min(1e-12), torch.zeros_like(x))
