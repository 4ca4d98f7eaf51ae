"""Ragged codes: the active entries of a batch, row by row, found without holding all pre-activations at once.

`values` and `latents` of all rows stand one after another; `begin` says where each row's entries start. With prefixes
a row has one bag of entries for each group of latents, and `begin` has one place for each bag.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from glassbook.features.sparsity import BaseRule, BatchTopK, JumpReLU, TopK, largest

PIECE = 1 << 22
"""Pre-activations held at once on a CPU: 16 MB, about what stays in the cache."""
DENSE = 0.06
"""Share of active entries above which products of whole matrices are faster than those of the active entries."""


class Entries(NamedTuple):
    """Pre-activations of the entries that count, their latents, and how many each row has [B]."""

    pre: Tensor
    latents: Tensor
    counts: Tensor


class Encoder:
    """Pre-activations of a batch, a piece of rows at a time, in one buffer that every piece overwrites."""

    def __init__(self, h: Tensor, W_enc: Tensor, b_enc: Tensor, fast: bool) -> None:
        dtype = torch.bfloat16 if fast else h.dtype
        self.h, self.W, self.b = h.to(dtype), W_enc.to(dtype), b_enc.to(dtype)
        n = len(h)
        self.rows = n if h.is_cuda else min(n, max(64, PIECE // len(W_enc)))
        self.buffer = torch.empty(self.rows, len(W_enc), dtype=dtype, device=h.device)
        self.starts = range(0, n, self.rows)

    def piece(self, start: int) -> Tensor:
        """Pre-activations of rows start, start + 1, ...: good until the next call."""
        h = self.h[start : start + self.rows]
        return torch.addmm(self.b, h, self.W.T, out=self.buffer[: len(h)])


def pick(encoder: Encoder, rule: BaseRule, theta: Tensor | None) -> Entries | None:
    """The entries of a batch that the rule for training makes active (JumpReLU: or that move theta).

    None if there are so many that whole matrices are faster.
    """
    if isinstance(rule, TopK):
        return _pick_rows(encoder, rule.k)
    if isinstance(rule, BatchTopK):
        return _pick_batch(encoder, rule.k)
    if not isinstance(rule, JumpReLU):
        return _pick_above(encoder, encoder.b.new_zeros(()))
    assert theta is not None
    # A threshold nearer to 0 than half a bandwidth sees negative pre-activations too.
    return _pick_above(encoder, (theta - rule.bandwidth / 2).to(encoder.b.dtype))


def by_bag(entries: Entries, group: Tensor | None, groups: int, ordered: bool) -> tuple[Entries, Tensor]:
    """Sort each row's entries by their latent's group [F]; returns them and where the B * groups bags begin."""
    pre, latents, counts = entries
    if group is None:
        return entries, counts.cumsum(0) - counts
    bag = rows_of(counts, len(latents)) * groups + group[latents]
    if not ordered:
        order = bag.int().sort(stable=True).indices
        pre, latents = pre[order], latents[order]
    sizes = torch.bincount(bag, minlength=len(counts) * groups)
    return Entries(pre, latents, sizes), sizes.cumsum(0) - sizes


def rows_of(counts: Tensor, total: int) -> Tensor:
    """The row (or bag) of each entry."""
    return torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts, output_size=total)


def by_latent(latents: Tensor, begin: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """The entries in order of their latent: (bag of each, its place before, where each latent's begin)."""
    counts = torch.diff(begin, append=begin.new_tensor([len(latents)]))
    order = latents.int().sort(stable=True).indices  # 32 bits: torch has a radix sort for them, 200 times as fast
    per_latent = torch.bincount(latents, minlength=width)
    return rows_of(counts, len(latents))[order], order, per_latent.cumsum(0) - per_latent


def _pick_rows(encoder: Encoder, k: int) -> Entries:
    pieces = [largest(encoder.piece(start), k) for start in encoder.starts]
    values = torch.cat([v.reshape(-1) for v, _ in pieces])
    latents = torch.cat([i.reshape(-1) for _, i in pieces])
    return Entries(values, latents, torch.full((len(encoder.h),), k, device=latents.device))


def _pick_batch(encoder: Encoder, k: int) -> Entries:
    """The B * k largest of the batch, without sorting it: a low bar first, then the few above it exactly."""
    n, width = len(encoder.h), len(encoder.W)
    keep = n * k
    first = encoder.piece(0)[:64].reshape(-1)
    margin = 1.5
    while True:
        rank = int(margin * k * len(first) / width)
        bar = first.topk(rank, sorted=False).values.min().clamp(min=0) if rank < len(first) else first.new_zeros(())
        found = [_above(encoder.piece(start), bar, start * width) for start in encoder.starts]
        values, where = torch.cat([v for v, _ in found]), torch.cat([w for _, w in found])
        if len(values) >= keep or not bool(bar > 0):
            break
        margin *= 2
    if len(values) > keep:
        chosen = torch.zeros_like(values, dtype=torch.bool)
        chosen[values.topk(keep, sorted=False).indices] = True
        values, where = values[chosen], where[chosen]
    return Entries(values, where % width, torch.bincount(where // width, minlength=n))


def _pick_above(encoder: Encoder, bar: Tensor) -> Entries | None:
    """All entries above the bar: a number, or one for each latent."""
    n, width = len(encoder.h), len(encoder.W)
    if (encoder.piece(0)[:64] > bar).float().mean() > DENSE:
        return None
    found = [_above(encoder.piece(start), bar, start * width) for start in encoder.starts]
    values, where = torch.cat([v for v, _ in found]), torch.cat([w for _, w in found])
    return Entries(values, where % width, torch.bincount(where // width, minlength=n))


def _above(pre: Tensor, bar: Tensor, offset: int) -> tuple[Tensor, Tensor]:
    """Entries of pre above the bar, and their places counted from `offset`, in order."""
    over = (pre > bar).view(-1)
    # NumPy finds the places six times as fast as torch does on a CPU.
    where = torch.nonzero(over)[:, 0] if over.is_cuda else torch.from_numpy(over.numpy().nonzero()[0])
    return pre.view(-1)[where], where + offset
