"""Detection metrics: AUROC."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from glassbook.measure.arrays import to_tensor


def auroc(scores: Any, labels: Any, *, columns: int = 64) -> Tensor:
    """Area under the ROC curve: the probability that a positive scores higher than a negative, ties counting half.

    Args:
        scores: [N] or [N, F], any real numbers.
        labels: [N] or [N, A], bool or 0/1.
        columns: score columns ranked at a time; memory is about 40 * N * columns bytes.

    Returns:
        float64 of shape [F, A], without the axis that was not given; NaN where all labels are the same.
    """
    scores, labels = to_tensor(scores, torch.float32), to_tensor(labels)
    _check(scores, labels)
    s, y = scores.reshape(len(scores), -1), labels.reshape(len(labels), -1)
    sums = [_ranks(s[:, i : i + columns].T.contiguous()) @ y for i in range(0, s.shape[1], columns)]
    area = _area(torch.cat(sums), y)
    return area.reshape(scores.shape[1:] + labels.shape[1:])


def _check(scores: Tensor, labels: Tensor) -> None:
    if len(scores) != len(labels):
        raise ValueError(f"{len(scores)} rows of scores but {len(labels)} of labels")
    if bool(scores.isnan().any()):
        raise ValueError("a score is NaN")


def _area(rank_sums: Tensor, y: Tensor) -> Tensor:
    """Mann-Whitney: [F, A] sums of the positives' ranks to areas."""
    positives = y.sum(0)
    pairs = positives * (len(y) - positives)
    return (rank_sums - positives * (positives + 1) / 2) / torch.where(pairs > 0, pairs, torch.nan)


def _ranks(columns: Tensor) -> Tensor:
    """Ranks from 1 within each row of [C, N], ties sharing their middle rank; float64."""
    ordered, order = torch.sort(columns, dim=1)
    new = torch.ones_like(ordered, dtype=torch.bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    ranks = _midranks(new.reshape(-1)).reshape(new.shape)
    ranks -= torch.arange(len(columns), dtype=ranks.dtype)[:, None] * columns.shape[1]
    return torch.empty_like(ranks).scatter_(1, order, ranks)


def _midranks(new: Tensor) -> Tensor:
    """Middle rank, from 1, of the group of ties at each place of a sorted list; `new` marks where groups start."""
    starts = torch.nonzero(new)[:, 0]
    ends = torch.cat([starts[1:], starts.new_tensor([len(new)])])
    return (torch.repeat_interleave(starts + ends, ends - starts) + 1).double() / 2
