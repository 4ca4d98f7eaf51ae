"""Representation similarity: CKA, SVCCA, best-matching features, with a permutation baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.measure.arrays import to_tensor


def cka(a: Any, b: Any) -> float:
    """Linear centred kernel alignment with the unbiased estimator of HSIC.

    1 if one is a rotation and scaling of the other; 0 in expectation for independent representations however few the
    samples are (the usual estimator tends to 1 there), so it can come out slightly negative.

    Args:
        a, b: [N, p] and [N, q], N > 3: the same inputs in each row.

    Source: Kornblith et al. 2019, arXiv:1905.00414; Song et al. 2012 (the estimator), used by Nguyen et al. 2021.
    """
    x, y = _pair(a, b)
    return float(_hsic(x, y) / (_hsic(x, x) * _hsic(y, y)).clamp(min=1e-300).sqrt())


def _hsic(x: Tensor, y: Tensor) -> Tensor:
    """The unbiased HSIC of linear kernels without an [N, N] matrix: only [p, q] products are formed.

    With K = x x^T and L = y y^T whose diagonals are set to zero it is
    (sum K*L + 1'K1 1'L1 / ((n-1)(n-2)) - 2 1'KL1 / (n-2)) / (n (n-3)).
    """
    n = len(x)
    kd, ld = x.square().sum(1), y.square().sum(1)
    sx, sy = x.sum(0), y.sum(0)
    both = (x.T @ y).square().sum() - (kd * ld).sum()
    k1, l1 = x @ sx - kd, y @ sy - ld  # K 1 and L 1
    rest = k1.sum() * l1.sum() / ((n - 1) * (n - 2)) - 2 * (k1 @ l1) / (n - 2)
    return (both + rest) / (n * (n - 3))


def svcca(a: Any, b: Any, keep: float = 0.99) -> float:
    """Mean canonical correlation between the directions that hold most of each representation's variance.

    Args:
        a, b: [N, p] and [N, q]; N should be many times p and q, for with few samples anything correlates.
        keep: share of the variance that is kept of each before.

    Source: Raghu et al. 2017, arXiv:1706.05806.
    """
    x, y = (_whitened(z, keep) for z in _pair(a, b))
    return float(torch.linalg.svdvals(x.T @ y).clamp(max=1).mean())


def _whitened(x: Tensor, keep: float) -> Tensor:
    """Orthonormal columns that span the leading directions of the centred x [N, p]."""
    u, s, _ = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    share = s.square().cumsum(0) / s.square().sum().clamp(min=1e-300)
    return u[:, : int((share < keep).sum()) + 1]


def correlations(a: Any, b: Any) -> Tensor:
    """Pearson correlations [p, q] of every column of a [N, p] with every one of b [N, q]; 0 for constant columns."""
    x, y = _pair(a, b)
    x, y = (z - z.mean(0) for z in (x, y))
    x, y = (z / z.norm(dim=0).clamp(min=1e-12) for z in (x, y))
    return x.T @ y


def best_matches(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """For each column of a [N, p], the column of b [N, q] that correlates most: (correlations [p], indices [p])."""
    best = correlations(a, b).max(1)
    return best.values, best.indices


@dataclass(frozen=True)
class PermutationBaseline:
    """A score, and the scores of the same representations with the rows of one shuffled.

    Attributes: `score`; `null`: the scores of the shuffles; `p`: share of all scores, its own counted, that are no
    smaller, so at best 1 / (shuffles + 1).
    """

    score: float
    null: tuple[float, ...]

    @property
    def p(self) -> float:
        """One-sided p-value."""
        return (1 + sum(x >= self.score for x in self.null)) / (1 + len(self.null))


def permutation_baseline(
    score: Callable[[Tensor, Tensor], float], a: Any, b: Any, *, shuffles: int = 20, seed: int = 0
) -> PermutationBaseline:
    """A score of two representations [N, p] and [N, q] and its permutation null.

    Rows are shuffled, so each representation keeps its own shape and only what they say of the same input is lost.
    """
    x, y = _pair(a, b)
    g = torch.Generator().manual_seed(seed)
    null = tuple(score(x, y[torch.randperm(len(y), generator=g)]) for _ in range(shuffles))
    return PermutationBaseline(score(x, y), null)


def _pair(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    x, y = to_tensor(a), to_tensor(b)
    if x.dim() != 2 or y.dim() != 2 or len(x) != len(y) or len(x) < 4:
        raise GlassbookError(
            f"representations of shapes {tuple(x.shape)} and {tuple(y.shape)}; give [N, p] and [N, q] of the same "
            "N > 3 inputs"
        )
    return x, y
