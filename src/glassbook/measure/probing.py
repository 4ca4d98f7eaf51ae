"""Probes: logistic regression of attributes, and k-sparse probing, which reads a few latents only.

Source of k-sparse probing: Gurnee et al. 2023, arXiv:2305.01610.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from glassbook.errors import extra
from glassbook.measure.arrays import to_tensor
from glassbook.measure.matching import f1


def logistic_regression(x: Any, labels: Any, *, l2: float = 1.0, steps: int = 200) -> tuple[Tensor, Tensor]:
    """Logistic regression of each attribute, all by the same run of L-BFGS.

    The loss of an attribute is the sum of its rows' cross-entropies, plus l2 / 2 times the squared norm of its weights.

    Args:
        x: [N, d], best of mean 0; in its precision everything is computed.
        labels: bool [N, A].
        l2: weight of the penalty; 1 / C of scikit-learn.
        steps: at most so many iterations.

    Returns:
        (weights [A, d], bias [A]).
    """
    x = x.detach().cpu() if isinstance(x, Tensor) else to_tensor(x)
    y = to_tensor(labels, x.dtype)
    weights = torch.zeros(y.shape[1], x.shape[1], dtype=x.dtype, requires_grad=True)
    bias = torch.zeros(y.shape[1], dtype=x.dtype, requires_grad=True)
    rule = torch.optim.LBFGS([weights, bias], max_iter=steps, tolerance_grad=1e-5, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        rule.zero_grad()
        errors = torch.nn.functional.binary_cross_entropy_with_logits(x @ weights.T + bias, y, reduction="sum")
        total = (errors + l2 / 2 * weights.square().sum()) / len(x)
        total.backward()
        return total

    with torch.enable_grad():
        rule.step(loss)
    return weights.detach(), bias.detach()


def sparse_probe(latents: Any, labels: Any, k: int = 1, *, train: float = 0.8) -> Tensor:
    """F1 of a logistic regression on the k best latents, for each attribute, on the rows it did not learn from.

    The k latents are those whose means with and without the attribute differ most, in units of their spread.

    Args:
        latents: [N, m].
        labels: bool [N, A].
        k: latents that the probe may read.
        train: share of the rows, from the first on, to choose and to learn on.

    Returns:
        float64 [A]; NaN where a part of the rows has no positive or no negative.
    """
    z, y = to_tensor(latents, torch.float32), to_tensor(labels)
    if not 1 <= k <= z.shape[1]:
        raise ValueError(f"k = {k}: a probe reads 1 to {z.shape[1]} latents")
    cut = int(len(z) * train)
    best = _most_different(z[:cut], y[:cut], k)
    return torch.tensor([_probe(z, y[:, i], best[i], cut) for i in range(y.shape[1])], dtype=torch.float64)


def splits(latents: Any, labels: Any, *, jump: float = 0.03, most: int = 10, train: float = 0.8) -> Tensor:
    """Feature splitting: how many latents share an attribute, for each attribute.

    The number k of latents from which a (k+1)-th no longer lifts the F1 of the sparse probe by `jump`.

    Args:
        latents: [N, m].
        labels: bool [N, A].
        jump: gain in F1 that shows another part of the feature.
        most: where to stop.
        train: see `sparse_probe`.

    Returns:
        int64 [A], 1 (not split) to `most`.

    Source: section 4 of Chanin et al. 2024, arXiv:2409.14507.
    """
    z, y = to_tensor(latents, torch.float32), to_tensor(labels)
    cut, most = int(len(z) * train), min(most, z.shape[1])
    best = _most_different(z[:cut], y[:cut], most)
    counts = []
    for i in range(y.shape[1]):
        k, score = 1, _probe(z, y[:, i], best[i, :1], cut)
        while k < most and (more := _probe(z, y[:, i], best[i, : k + 1], cut)) > score + jump:
            k, score = k + 1, more
        counts.append(k)
    return torch.tensor(counts)


def _most_different(z: Tensor, y: Tensor, k: int) -> Tensor:
    """The k latents [A, k] whose means differ most between rows with and without each attribute."""
    z = z.double()
    total, n = z.sum(0), y.sum(0)[:, None]
    within = y.T @ z
    difference = within / n.clamp(min=1) - (total - within) / (len(z) - n).clamp(min=1)
    return (difference / z.std(0).clamp(min=1e-9)).abs().topk(k, dim=1).indices


def _probe(z: Tensor, y: Tensor, latents: Tensor, cut: int) -> float:
    with extra("baselines"):
        from sklearn.linear_model import LogisticRegression

    if any(len(part.unique()) < 2 for part in (y[:cut], y[cut:])):
        return float("nan")
    x = z[:, latents].numpy()
    x = x / np.maximum(x[:cut].std(0), 1e-9)
    probe = LogisticRegression(max_iter=500, class_weight="balanced").fit(x[:cut], y[:cut].numpy())
    predicted = torch.from_numpy(probe.predict(x[cut:])).double()
    return float(f1(predicted[:, None], y[cut:, None]))
