"""Monosemanticity: how much of a feature one label explains."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from glassbook.measure.arrays import to_tensor


def single_label_r2(latents: Any, labels: Any, *, rows: int = 4096) -> tuple[Tensor, Tensor]:
    """Share of each feature's variance that its best attribute explains: the squared correlation.

    A feature that is one constant wherever an attribute is present, and 0 elsewhere, scores 1.

    Args:
        latents: [N, F].
        labels: bool [N, A].
        rows: rows worked on at once.

    Returns:
        (score [F] in [0, 1], attribute [F]); a feature that never changes scores 0.
    """
    z, y = to_tensor(latents, torch.float32), to_tensor(labels, torch.float32)
    if len(z) != len(y):
        raise ValueError(f"{len(z)} rows of latents but {len(y)} of labels")
    n = len(z)
    mean_z, mean_y = z.double().mean(0), y.double().mean(0)
    together = torch.zeros(z.shape[1], y.shape[1], dtype=torch.float64)
    square = torch.zeros(z.shape[1], dtype=torch.float64)
    for part, label in zip(z.split(rows), y.split(rows), strict=True):
        together += (part.T @ label).double()
        square += part.double().square().sum(0)
    covariance = together / n - mean_z[:, None] * mean_y
    var_z, var_y = (square / n - mean_z**2).clamp(min=0), mean_y * (1 - mean_y)
    # Below what float32 tells from a constant there is no variance.
    ok = (var_z > 1e-12 * (square / n))[:, None] & (var_y > 0)
    share = torch.where(ok, covariance**2 / (var_z[:, None] * var_y).clamp(min=1e-300), 0.0).clamp(max=1)
    best = share.max(1)
    return best.values, best.indices


def label_entropy(values: Any, indices: Any, labels: Any, width: int) -> Tensor:
    """Entropy, in bits, of a feature's activation over labels: 0 if one label carries all of it.

    Serves where no truth is known, with the token as label: 2^entropy is the number of tokens that a feature
    responds to as if evenly.

    Args:
        values: [N, m], not negative; sparse latents as `encode_sparse` gives them.
        indices: [N, m].
        labels: int [N].
        width: number of features F.

    Returns:
        float64 [F]; NaN for a feature that is never active.
    """
    v, i, y = to_tensor(values), to_tensor(indices, torch.int64), to_tensor(labels, torch.int64)
    names, y = y.unique(return_inverse=True)
    key = (i * len(names) + y[:, None])[v > 0]
    cells, place = key.unique(return_inverse=True)
    mass = torch.zeros(len(cells), dtype=torch.float64).index_add_(0, place, v[v > 0])
    feature = cells // len(names)
    total = torch.zeros(width, dtype=torch.float64).index_add_(0, feature, mass)
    share = mass / total[feature]
    entropy = torch.zeros(width, dtype=torch.float64).index_add_(0, feature, -share * share.log2())
    return entropy.clamp(min=0).masked_fill(total == 0, float("nan"))
