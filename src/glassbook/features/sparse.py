"""One training step of a dictionary that pays for the active latents only.

The encoder's matmul is the one dense operation. It goes through the batch in pieces, so that all pre-activations never
exist at once; decoding, and every gradient, touch k rows of a weight for each sample. Built from public torch
operations that have a CPU and a CUDA kernel; gradients agree with dense autograd for every output, `aux` included.

The rows of a batch have ragged codes: `values` and `latents` of all rows one after another, and `begin`, where each
row's entries start.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding_bag

from glassbook.features.codes import BatchTopK, Code, largest

PIECE = 1 << 22
"""Pre-activations held at once on a CPU: 16 MB, about what stays in the cache."""


class Pass(NamedTuple):
    """What `encode_decode` returns: reconstruction [B, d_out], ragged codes, and the dead latents' share of the error.

    `aux` is [B, d_out], what dead latents would add (without bias); None if no latent is dead.
    """

    xh: Tensor
    values: Tensor
    latents: Tensor
    begin: Tensor
    aux: Tensor | None


def encode_decode(
    x: Tensor,
    W_enc: Tensor,
    b_enc: Tensor,
    W_dec: Tensor,
    b_dec: Tensor,
    *,
    code: Code,
    subtract: bool = True,
    dead: Tensor | None = None,
    k_aux: int = 0,
    fast: bool = False,
) -> Pass:
    """z = code(W_enc (x - b_dec) + b_enc) and xh = z W_dec + b_dec, differentiable and sparse.

    Args:
        x: [B, d_in].
        W_enc: [F, d_in].
        b_enc: [F].
        W_dec: [F, d_out].
        b_dec: [d_out].
        code: which latents are active, by the rule for training.
        subtract: whether x has b_dec taken off (not in transcoders).
        dead: indices of dead latents; the `k_aux` most active of them in each row make `aux`.
        k_aux: see dead.
        fast: choose the active latents by bfloat16 pre-activations, then compute the chosen ones in full precision.
    """
    out = _Pass.apply(x, W_enc, b_enc, W_dec, b_dec, code, subtract, dead, k_aux, fast)
    return Pass(*out)


class _Pass(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        W_enc: Tensor,
        b_enc: Tensor,
        W_dec: Tensor,
        b_dec: Tensor,
        code: Code,
        subtract: bool,
        dead: Tensor | None,
        k_aux: int,
        fast: bool,
    ) -> tuple[Tensor | None, ...]:
        h = x - b_dec if subtract else x
        encoder = _Encoder(h, W_enc, b_enc, fast)
        by_batch = isinstance(code, BatchTopK)
        values, latents, begin = _pick_batch(encoder, code.k) if by_batch else _pick_rows(encoder, code.k)
        if fast:
            values = dots(h, W_enc, latents, begin, b_enc[latents]).relu()
        xh = embedding_bag(latents, W_dec, begin, mode="sum", per_sample_weights=values) + b_dec
        aux = z_dead = None
        if dead is not None and len(dead):
            z_dead = _dead_codes(torch.addmm(b_enc[dead], h, W_enc[dead].T), k_aux)
            aux = z_dead @ W_dec[dead]
        ctx.save_for_backward(h, W_enc, W_dec, values, latents, begin, dead, z_dead)
        ctx.subtract = subtract
        ctx.mark_non_differentiable(latents, begin)
        ctx.set_materialize_grads(False)
        return xh, values, latents, begin, aux

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        h, W_enc, W_dec, values, latents, begin, dead, z_dead = ctx.saved_tensors
        g_xh, g_values, _, _, g_aux = grads
        g = torch.zeros_like(values) if g_values is None else g_values.clone()
        if g_xh is not None:
            g += dots(g_xh, W_dec, latents, begin)
        g *= values > 0
        width = len(W_enc)
        rows, order, starts = _by_latent(latents, begin, width)
        gW_enc = embedding_bag(rows, h, starts, mode="sum", per_sample_weights=g[order])
        gb_enc = torch.zeros_like(W_enc[:, 0]).index_add_(0, latents, g)
        gW_dec = None
        if g_xh is not None:
            gW_dec = embedding_bag(rows, g_xh, starts, mode="sum", per_sample_weights=values[order])
        g_dead = None
        if g_aux is not None:
            gW_dec = torch.zeros_like(W_dec) if gW_dec is None else gW_dec
            g_dead = (g_aux @ W_dec[dead].T) * (z_dead > 0)
            gW_dec.index_add_(0, dead, z_dead.T @ g_aux)
            gW_enc.index_add_(0, dead, g_dead.T @ h)
            gb_enc.index_add_(0, dead, g_dead.sum(0))
        gx = None
        if ctx.needs_input_grad[0]:
            gx = embedding_bag(latents, W_enc, begin, mode="sum", per_sample_weights=g)
            gx = gx if g_dead is None else gx + g_dead @ W_enc[dead]
        gb_dec = W_dec.new_zeros(W_dec.shape[1]) if g_xh is None else g_xh.sum(0)
        if ctx.subtract:
            gb_dec = gb_dec - gb_enc @ W_enc  # sum over the batch first: one vector instead of B
        return gx, gW_enc, gb_enc, gW_dec, gb_dec, None, None, None, None, None


def dots(a: Tensor, table: Tensor, latents: Tensor, begin: Tensor, plus: Tensor | None = None) -> Tensor:
    """For each ragged entry, a[its row] . table[its latent] (+ plus): the few products of a @ table.T that count."""
    ends = torch.cat([begin, begin.new_tensor([len(latents)])])
    start = torch.zeros(len(latents), dtype=a.dtype, device=a.device) if plus is None else plus
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        # Columns in a row are not sorted, which no kernel here needs; hence no check of invariants.
        pattern = torch.sparse_csr_tensor(ends, latents, start, (len(a), len(table)), check_invariants=False)
        return torch.sparse.sampled_addmm(pattern, a, table.T, beta=0.0 if plus is None else 1.0).values()


class _Encoder:
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


def _pick_rows(encoder: _Encoder, k: int) -> tuple[Tensor, Tensor, Tensor]:
    pieces = [largest(encoder.piece(start), k) for start in encoder.starts]
    values = torch.cat([v.reshape(-1) for v, _ in pieces])
    latents = torch.cat([i.reshape(-1) for _, i in pieces])
    return values.relu_(), latents, torch.arange(0, len(latents), k, device=latents.device)


def _pick_batch(encoder: _Encoder, k: int) -> tuple[Tensor, Tensor, Tensor]:
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
    counts = torch.bincount(where // width, minlength=n)
    return values, where % width, counts.cumsum(0) - counts


def _above(pre: Tensor, bar: Tensor, offset: int) -> tuple[Tensor, Tensor]:
    """Entries of pre above the bar, and their places counted from `offset`, in order."""
    flat = pre.reshape(-1)
    over = flat > bar
    # NumPy finds the places six times as fast as torch does on a CPU.
    where = torch.nonzero(over)[:, 0] if over.is_cuda else torch.from_numpy(over.numpy().nonzero()[0])
    return flat[where], where + offset


def _dead_codes(pre: Tensor, k: int) -> Tensor:
    """relu of the k largest in each row, dense: dead latents are few."""
    if pre.shape[1] <= k:
        return pre.relu()
    values, at = largest(pre, k)
    return torch.zeros_like(pre).scatter_(1, at, values.relu())


def _by_latent(latents: Tensor, begin: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """The ragged entries in order of their latent: (row of each, its place before, where each latent's begin)."""
    counts = torch.diff(begin, append=begin.new_tensor([len(latents)]))
    row = torch.repeat_interleave(torch.arange(len(begin), device=begin.device), counts, output_size=len(latents))
    order = latents.int().sort(stable=True).indices  # 32 bits: torch has a radix sort for them, 200 times as fast
    per_latent = torch.bincount(latents, minlength=width)
    return row[order], order, per_latent.cumsum(0) - per_latent
