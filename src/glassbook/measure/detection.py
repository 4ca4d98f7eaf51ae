"""Detection metrics: AUROC, average precision, and precision, recall and F1 at a threshold."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from glassbook.measure.arrays import to_tensor
from glassbook.measure.matching import f1


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


def average_precision(scores: Any, labels: Any, *, columns: int = 256) -> Tensor:
    """Sum over thresholds of (recall gained) * precision, tied scores being one threshold.

    That is the mean over the positives of the precision among all rows that score at least as much. Scores that say
    nothing get about the base rate.

    Args:
        scores: [N] or [N, F], any real numbers.
        labels: [N] or [N, A], bool or 0/1.
        columns: score columns ranked at a time; memory is about 20 * N * columns bytes.

    Returns:
        float64 of shape [F, A], without the axis that was not given; NaN where there is no positive.
    """
    scores, labels = to_tensor(scores, torch.float32), to_tensor(labels, torch.bool)
    _check(scores, labels)
    s, y = scores.reshape(len(scores), -1), labels.reshape(len(labels), -1)
    positives = [torch.nonzero(y[:, a])[:, 0] for a in range(y.shape[1])]
    out = torch.full((s.shape[1], y.shape[1]), torch.nan, dtype=torch.float64)
    for start in range(0, s.shape[1], columns):
        part = s[:, start : start + columns].T.contiguous()
        rows = _at_least(part)  # one sort serves every attribute; what follows touches positives only
        for a, these in enumerate(positives):
            if len(these):
                among = rows[:, these].sort(dim=1).values
                found = torch.searchsorted(among, among, right=True)
                out[start : start + len(part), a] = (found.double() / among).mean(1)
    return out.reshape(scores.shape[1:] + labels.shape[1:])


def best_threshold(scores: Any, labels: Any) -> Tensor:
    """The threshold at which "score >= threshold" has the largest F1, the highest of several: [A].

    It lies half-way between the lowest score that it accepts and the next one below.

    Args:
        scores: [N, A].
        labels: bool [N, A], one column for each of the scores'.
    """
    scores, labels = to_tensor(scores, torch.float32), to_tensor(labels)
    _check(scores, labels)
    ordered, order = scores.sort(dim=0, descending=True)
    last = torch.ones_like(ordered, dtype=torch.bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    hits = labels.gather(0, order).cumsum(0)
    predicted = torch.arange(1, len(scores) + 1)[:, None]
    score = (2 * hits / (predicted + labels.sum(0))).masked_fill(~last, -1.0)
    best = score.argmax(0, keepdim=True)
    below = ordered.gather(0, (best + 1).clamp(max=len(scores) - 1))
    return ((ordered.gather(0, best) + below) / 2)[0]


def precision_recall_f1(scores: Any, labels: Any, threshold: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Precision, recall and F1 of "score >= threshold", float64 [A] each.

    A precision without a prediction and a recall without a positive are NaN; F1 is 0 there.

    Args:
        scores: [N, A].
        labels: bool [N, A], one column for each of the scores'.
        threshold: [A] or one number, best chosen on other rows (`best_threshold`).
    """
    scores, labels = to_tensor(scores, torch.float32), to_tensor(labels)
    _check(scores, labels)
    predicted = (scores >= to_tensor(threshold, torch.float32)).double()
    hits = (predicted * labels).sum(0)
    return hits / predicted.sum(0), hits / labels.sum(0), f1(predicted, labels)


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


def _at_least(columns: Tensor) -> Tensor:
    """How many entries of the same row of [C, N] are at least as large as each entry; int32."""
    ordered = columns.sort(dim=1).values
    return columns.shape[1] - torch.searchsorted(ordered, columns, out_int32=True)


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
