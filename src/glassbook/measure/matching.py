"""Recovery of true directions: MCC, MMCS and F1 of the matching found directions."""

from __future__ import annotations

from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from glassbook.measure.arrays import to_tensor


def cosines(truth: Any, found: Any) -> Tensor:
    """Cosine of every true direction [n, d] with every found one [m, d]: [n, m]; zero vectors have cosine 0."""
    truth, found = to_tensor(truth), to_tensor(found)
    if truth.shape[1] != found.shape[1]:
        raise ValueError(f"true directions have {truth.shape[1]} dimensions, found ones {found.shape[1]}")
    return torch.nn.functional.normalize(truth, dim=1) @ torch.nn.functional.normalize(found, dim=1).T


def mcc(truth: Any, found: Any) -> float:
    """Mean correlation coefficient: mean over the truths [n, d] of |cos| with the found direction matched to each.

    Each found direction is given to one truth only (the Hungarian method), so many copies of one feature do not help.
    A truth that is left without a partner, because there are fewer found directions, counts 0.
    """
    c = cosines(truth, found).abs().numpy()
    rows, columns = linear_sum_assignment(c, maximize=True)
    return float(c[rows, columns].sum() / len(c))


def mmcs(truth: Any, found: Any) -> float:
    """Mean max cosine similarity: mean over the truths [n, d] of the largest cosine with any found direction.

    It grows with the number of found directions even if they are random: give `mcc` beside it (Sharkey et al. 2022).
    """
    return float(cosines(truth, found).max(1).values.mean())


def f1(predicted: Any, actual: Any) -> Tensor:
    """F1 = 2 TP / (2 TP + FP + FN) of each column of bool [N, n]; 0 where nothing is predicted or there."""
    p, a = to_tensor(predicted), to_tensor(actual)
    both, total = (p * a).sum(0), (p + a).sum(0)
    return torch.where(total > 0, 2 * both / total.clamp(min=1), 0.0)


def uniqueness(truth: Any, found: Any) -> float:
    """Share of found directions [m, d] left if of all those nearest to one truth [n, d] (by |cos|) one is kept."""
    nearest = cosines(truth, found).abs().argmax(0)
    return len(nearest.unique()) / len(nearest)


def latent_f1(truth: Any, found: Any, active: Any, fired: Any) -> float:
    """Mean over the latents of the F1 of each as a detector of the truth nearest to its direction (by |cos|).

    It does not ask how many truths are found, so it suits dictionaries narrower than the truth.
    Latents that never fire count 0 (Chanin and Garriga-Alonso 2026, arXiv:2602.14687).

    Args:
        truth: [n, d] true directions.
        found: [m, d] the latents' directions.
        active: bool [N, n], which truths are present in each sample.
        fired: bool [N, m], which latents fire on it.
    """
    nearest = cosines(truth, found).abs().argmax(0)
    return float(f1(to_tensor(fired, torch.float32), to_tensor(active, torch.float32)[:, nearest]).mean())
