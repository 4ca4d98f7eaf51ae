"""Compressed sparse rows (CSR) of a batch's active latents, found without holding all pre-activations at once.

`values` and `latents` (their indices) of all rows stand one after another; `offsets` says where each row's entries
start. With Matryoshka prefixes a row has one segment for each group of latents, and `offsets` one place for each.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from glassbook.features.sparsity import BaseRule, BatchTopK, JumpReLU, TopK, largest

CHUNK = 1 << 22
"""Pre-activations held at once on a CPU: 16 MB, about what stays in the cache."""
DENSE_THRESHOLD = 0.06
"""Share of active entries above which products of whole matrices are faster than those of the active entries."""


class ActiveEntries(NamedTuple):
    """Pre-activations of the entries that count, their latents, and how many each row has [B]."""

    pre: Tensor
    latents: Tensor
    counts: Tensor


class ChunkedEncoder:
    """Pre-activations of a batch, a chunk of rows at a time, in one buffer that every chunk overwrites."""

    def __init__(self, h: Tensor, W_enc: Tensor, b_enc: Tensor, fast: bool) -> None:
        dtype = torch.bfloat16 if fast else h.dtype
        self.h, self.W, self.b = h.to(dtype), W_enc.to(dtype), b_enc.to(dtype)
        n = len(h)
        self.rows = n if h.is_cuda else min(n, max(64, CHUNK // len(W_enc)))
        self.buffer = torch.empty(self.rows, len(W_enc), dtype=dtype, device=h.device)
        self.starts = range(0, n, self.rows)

    def chunk(self, start: int) -> Tensor:
        """Pre-activations of rows start, start + 1, ...: good until the next call."""
        h = self.h[start : start + self.rows]
        return torch.addmm(self.b, h, self.W.T, out=self.buffer[: len(h)])


def select_active(encoder: ChunkedEncoder, rule: BaseRule, theta: Tensor | None) -> ActiveEntries | None:
    """The entries of a batch that the rule for training makes active (JumpReLU: or that move theta).

    None if there are so many that whole matrices are faster.
    """
    if isinstance(rule, TopK):
        return _topk_of_rows(encoder, rule.k)
    if isinstance(rule, BatchTopK):
        return _topk_of_batch(encoder, rule.k)
    if not isinstance(rule, JumpReLU):
        return _above_threshold(encoder, encoder.b.new_zeros(()))
    assert theta is not None
    # A threshold nearer to 0 than half a bandwidth sees negative pre-activations too.
    return _above_threshold(encoder, (theta - rule.bandwidth / 2).to(encoder.b.dtype))


def group_by_prefix(
    entries: ActiveEntries, group: Tensor | None, groups: int, ordered: bool
) -> tuple[ActiveEntries, Tensor]:
    """Sort each row's entries by their latent's group [F]; returns them and the offsets of the B * groups segments."""
    pre, latents, counts = entries
    if group is None:
        return entries, counts.cumsum(0) - counts
    segment = row_indices(counts, len(latents)) * groups + group[latents]
    if not ordered:
        order = segment.int().sort(stable=True).indices
        pre, latents = pre[order], latents[order]
    sizes = torch.bincount(segment, minlength=len(counts) * groups)
    return ActiveEntries(pre, latents, sizes), sizes.cumsum(0) - sizes


def row_indices(counts: Tensor, total: int) -> Tensor:
    """The row (or segment) of each entry."""
    return torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts, output_size=total)


def sort_by_latent(latents: Tensor, offsets: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """The entries in order of their latent: (segment of each, its place before, each latent's offset)."""
    counts = torch.diff(offsets, append=offsets.new_tensor([len(latents)]))
    order = latents.int().sort(stable=True).indices  # 32 bits: torch has a radix sort for them, 200 times as fast
    per_latent = torch.bincount(latents, minlength=width)
    return row_indices(counts, len(latents))[order], order, per_latent.cumsum(0) - per_latent


def _topk_of_rows(encoder: ChunkedEncoder, k: int) -> ActiveEntries:
    chunks = [largest(encoder.chunk(start), k) for start in encoder.starts]
    values = torch.cat([v.reshape(-1) for v, _ in chunks])
    latents = torch.cat([i.reshape(-1) for _, i in chunks])
    return ActiveEntries(values, latents, torch.full((len(encoder.h),), k, device=latents.device))


def _topk_of_batch(encoder: ChunkedEncoder, k: int) -> ActiveEntries:
    """The B * k largest of the batch, without sorting it: a low threshold, then exactly among those above it."""
    n, width = len(encoder.h), len(encoder.W)
    keep = n * k
    first = encoder.chunk(0)[:64].reshape(-1)
    margin = 1.5
    while True:
        rank = int(margin * k * len(first) / width)
        threshold = (
            first.topk(rank, sorted=False).values.min().clamp(min=0) if rank < len(first) else first.new_zeros(())
        )
        found = [_entries_above(encoder.chunk(start), threshold, start * width) for start in encoder.starts]
        values, where = torch.cat([v for v, _ in found]), torch.cat([w for _, w in found])
        if len(values) >= keep or not bool(threshold > 0):
            break
        margin *= 2
    if len(values) > keep:
        chosen = torch.zeros_like(values, dtype=torch.bool)
        chosen[values.topk(keep, sorted=False).indices] = True
        values, where = values[chosen], where[chosen]
    return ActiveEntries(values, where % width, torch.bincount(where // width, minlength=n))


def _above_threshold(encoder: ChunkedEncoder, threshold: Tensor) -> ActiveEntries | None:
    """All entries above the threshold (a number, or one for each latent); None if there are too many."""
    n, width = len(encoder.h), len(encoder.W)
    if (encoder.chunk(0)[:64] > threshold).float().mean() > DENSE_THRESHOLD:
        return None
    found = [_entries_above(encoder.chunk(start), threshold, start * width) for start in encoder.starts]
    values, where = torch.cat([v for v, _ in found]), torch.cat([w for _, w in found])
    return ActiveEntries(values, where % width, torch.bincount(where // width, minlength=n))


def _entries_above(pre: Tensor, threshold: Tensor, offset: int) -> tuple[Tensor, Tensor]:
    """Entries of pre above the threshold, and their places counted from `offset`, in order."""
    over = (pre > threshold).view(-1)
    # NumPy finds the places six times as fast as torch does on a CPU.
    where = torch.nonzero(over)[:, 0] if over.is_cuda else torch.from_numpy(over.numpy().nonzero()[0])
    return pre.view(-1)[where], where + offset
