"""Distances between samples: of two sets as a whole, and of each to the nearest of others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from glassbook.measure.arrays import to_tensor


def frechet(a: Any, b: Any) -> float:
    """Squared Frechet distance between the normal distributions that fit two sets of features.

    |mean_a - mean_b|^2 + trace(C_a + C_b - 2 (C_a C_b)^(1/2)), with covariances C.

    Args:
        a: [N, d].
        b: [M, d].

    Source: Heusel et al. 2017, arXiv:1706.08500, equation 6 (there of the features of one network, "FID").
    """
    x, y = to_tensor(a), to_tensor(b)
    means = (x.mean(0) - y.mean(0)).square().sum()
    first, second = x.T.cov(correction=0), y.T.cov(correction=0)
    # the trace of the root of C_a C_b is that of the root of a symmetric matrix of the same eigenvalues
    values, vectors = torch.linalg.eigh(first)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ second @ root).clamp_min(0).sqrt().sum()
    return float(means + first.trace() + second.trace() - 2 * shared)


def nearest(x: Any, others: Any, *, rows: int = 250) -> Tensor:
    """Euclidean distance of each sample to the nearest of others, float32 [N].

    Args:
        x: [N, ...].
        others: [M, ...] of the same shape otherwise.
        rows: samples that are compared at once.
    """
    a, b = (to_tensor(t, torch.float32).flatten(1) for t in (x, others))
    return torch.cat([torch.cdist(part, b).amin(1) for part in a.split(rows)])
