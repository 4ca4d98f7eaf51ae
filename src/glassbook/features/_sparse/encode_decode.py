"""Sparse forward and backward pass of a sparse autoencoder that pays for the active latents only.

The encoder's matmul is the one dense operation. It goes through the batch in chunks, so that all pre-activations never
exist at once; decoding, and every gradient, touch only the rows of a weight that are active for a sample. Built from
public torch operations that have a CPU and a CUDA kernel; gradients agree with dense autograd for every output.

ReLU and JumpReLU may have many active latents early in training; then the same gradients come from whole matrices.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from glassbook.features._sparse.csr import ChunkedEncoder, group_by_prefix, select_active, sort_by_latent
from glassbook.features._sparse.segments import sddmm, segment_sum
from glassbook.features.sparsity import BaseRule, JumpReLU, Matryoshka, SparsityRule, TopK, base_rule, largest


class ForwardOutput(NamedTuple):
    """What `encode_decode` returns.

    Attributes:
        sae_out: [B, d_out], the reconstruction by all latents.
        prefix_outs: [B, n, d_out], those by each of n prefixes of the latents; None without prefixes.
        aux_out: [B, d_out], what dead latents would add (without bias); None if no latent is dead.
        latent_sums: [F], sum of each latent's activations over the batch.
        n_active: number of active entries in the batch. Only theta has a gradient from it.
        dense_latents: [B, F], the latents as a matrix, where too many are active for CSR; else None, and instead:
        latent_acts: [n], the values of all rows, one row after another.
        latent_indices: [n], the latent of each value.
        offsets: where each segment starts: one for each row, with prefixes one for each row and group of latents.
    """

    sae_out: Tensor
    prefix_outs: Tensor | None
    aux_out: Tensor | None
    latent_sums: Tensor
    n_active: Tensor
    dense_latents: Tensor | None
    latent_acts: Tensor | None
    latent_indices: Tensor | None
    offsets: Tensor | None

    def fires(self, least: float) -> Tensor:
        """Which latents [F] exceed `least` for some row of the batch."""
        if self.dense_latents is not None:
            return self.dense_latents.amax(0) > least
        assert self.latent_indices is not None
        assert self.latent_acts is not None
        fires = torch.zeros_like(self.latent_sums, dtype=torch.bool)
        return fires.index_fill_(0, self.latent_indices[self.latent_acts > least], True)


def encode_decode(
    x: Tensor,
    W_enc: Tensor,
    b_enc: Tensor,
    W_dec: Tensor,
    b_dec: Tensor,
    *,
    rule: SparsityRule,
    theta: Tensor | None = None,
    W_skip: Tensor | None = None,
    subtract: bool = True,
    dead: Tensor | None = None,
    k_aux: int = 0,
    fast: bool = False,
) -> ForwardOutput:
    """z = rule(W_enc (x - b_dec) + b_enc) and sae_out = z W_dec + b_dec + W_skip x, differentiable and sparse.

    Args:
        x: [B, d_in].
        W_enc: [F, d_in].
        b_enc: [F].
        W_dec: [F, d_out].
        b_dec: [d_out].
        rule: which latents are active, by the rule for training.
        theta: [F], the thresholds of a JumpReLU.
        W_skip: [d_out, d_in], a transcoder's linear path past the latents.
        subtract: whether x has b_dec taken off (not in transcoders).
        dead: indices of dead latents; the `k_aux` most active of them in each row make `aux_out`.
        k_aux: see dead.
        fast: choose the active latents by bfloat16 pre-activations, then compute the chosen ones in full precision;
            where whole matrices are used instead, their products are of bfloat16.
    """
    prefixes = rule.prefixes if isinstance(rule, Matryoshka) else (len(W_enc),)
    config = SparseConfig(base_rule(rule), prefixes, subtract, k_aux, fast)  # pyright: ignore[reportArgumentType]
    outs, *rest = _EncodeDecode.apply(x, W_enc, b_enc, W_dec, b_dec, theta, dead, config)
    if W_skip is not None:
        outs = outs + linear(x, W_skip)[:, None]
    return ForwardOutput(outs[:, -1], outs if len(prefixes) > 1 else None, *rest)


class SparseConfig(NamedTuple):
    rule: BaseRule
    prefixes: tuple[int, ...]
    subtract: bool
    k_aux: int
    fast: bool

    def groups(self) -> list[slice]:
        """The latents that each prefix adds to the one before."""
        return [slice(a, b) for a, b in zip((0, *self.prefixes), self.prefixes, strict=False)]

    def group(self, device: torch.device) -> Tensor | None:
        """The group of each latent [F]; None if there is but one."""
        if len(self.prefixes) == 1:
            return None
        latents = torch.arange(self.prefixes[-1], device=device)
        return torch.bucketize(latents, torch.tensor(self.prefixes, device=device), right=True)


class _EncodeDecode(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        W_enc: Tensor,
        b_enc: Tensor,
        W_dec: Tensor,
        b_dec: Tensor,
        theta: Tensor | None,
        dead: Tensor | None,
        config: SparseConfig,
    ) -> tuple[Tensor | None, ...]:
        h = x - b_dec if config.subtract else x
        selected = select_active(ChunkedEncoder(h, W_enc, b_enc, config.fast), config.rule, theta)
        n = len(config.prefixes)
        z = values = latents = offsets = None
        if selected is None:
            low = torch.bfloat16 if config.fast else h.dtype
            pre = torch.addmm(b_enc.to(low), h.to(low), W_enc.T.to(low))
            z = config.rule.dense(pre, theta).to(low)
            added = torch.stack([z[:, group] @ W_dec[group].to(low) for group in config.groups()], 1).to(h.dtype)
            sums, active = z.sum(0, dtype=h.dtype), (z > 0).sum()
            pre = pre if isinstance(config.rule, JumpReLU) else None
        else:
            entries, offsets = group_by_prefix(
                selected, config.group(h.device), n, ordered=not isinstance(config.rule, TopK)
            )
            pre, latents = entries.pre, entries.latents
            if config.fast:
                pre = sddmm(h.repeat_interleave(n, 0) if n > 1 else h, W_enc, latents, offsets, b_enc[latents])
            values = torch.where(pre > theta[latents], pre, 0.0) if theta is not None else pre.relu()
            added = segment_sum(latents, offsets, values, W_dec).view(len(h), n, -1)
            sums, active = torch.zeros_like(b_enc).index_add_(0, latents, values), (values > 0).sum()
        outs = added.cumsum_(1).add_(b_dec) if n > 1 else added.add_(b_dec)
        aux = z_dead = None
        if dead is not None and len(dead):
            z_dead = _dead_latents(torch.addmm(b_enc[dead], h, W_enc[dead].T), config.k_aux)
            aux = z_dead @ W_dec[dead]
        ctx.save_for_backward(h, W_enc, W_dec, theta, dead, z_dead, pre, z, values, latents, offsets)
        ctx.config = config
        ctx.mark_non_differentiable(*[t for t in (latents, offsets) if t is not None])
        ctx.set_materialize_grads(False)
        return outs, aux, sums, active.to(h.dtype), z, values, latents, offsets

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *g: Tensor | None) -> tuple[Any, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        h, W_enc, W_dec, theta, dead, z_dead, *saved = ctx.saved_tensors
        g_outs, g_aux, g_sums, g_active, g_z, g_values, _, _ = g
        if g_outs is not None and g_outs.shape[1] > 1:  # a latent is in its own prefix and all later ones
            g_outs = g_outs.flip(1).cumsum(1).flip(1)
        grads = GradOutputs(g_outs, g_sums, g_active, g_z if g_values is None else g_values)
        needs_x = ctx.needs_input_grad[0]
        gradients = _dense_gradients if saved[1] is not None else _sparse_gradients
        gW_enc, gb_enc, gW_dec, g_theta, gx = gradients(ctx.config, h, W_enc, W_dec, theta, saved, grads, needs_x)
        if g_aux is not None:
            g_dead = (g_aux @ W_dec[dead].T) * (z_dead > 0)
            gW_dec.index_add_(0, dead, z_dead.T @ g_aux)
            gW_enc.index_add_(0, dead, g_dead.T @ h)
            gb_enc.index_add_(0, dead, g_dead.sum(0))
            gx = gx if gx is None else gx + g_dead @ W_enc[dead]
        gb_dec = W_dec.new_zeros(W_dec.shape[1]) if g_outs is None else g_outs[:, 0].sum(0)
        if ctx.config.subtract:
            gb_dec = gb_dec - gb_enc @ W_enc  # sum over the batch first: one vector instead of B
        return gx, gW_enc, gb_enc, gW_dec, gb_dec, g_theta, None, None


class GradOutputs(NamedTuple):
    """Gradients of the outputs; those of `prefix_outs` are summed over the prefixes that hold a group."""

    prefix_outs: Tensor | None
    latent_sums: Tensor | None
    n_active: Tensor | None
    latent_acts: Tensor | None


_Gradients = tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None]
"""Of W_enc, b_enc, W_dec, theta, x."""


def _sparse_gradients(
    config: SparseConfig,
    h: Tensor,
    W_enc: Tensor,
    W_dec: Tensor,
    theta: Tensor | None,
    saved: Any,
    grads: GradOutputs,
    needs_x: bool,
) -> _Gradients:
    pre, _, values, latents, offsets = saved
    width, n = len(W_enc), len(config.prefixes)
    g = torch.zeros_like(values) if grads.latent_acts is None else grads.latent_acts.clone()
    if grads.latent_sums is not None:
        g += grads.latent_sums[latents]
    segments, order, starts = sort_by_latent(latents, offsets, width)
    gW_dec = None
    if grads.prefix_outs is not None:
        flat = grads.prefix_outs.reshape(-1, W_dec.shape[1])
        g += sddmm(flat, W_dec, latents, offsets)
        gW_dec = segment_sum(segments, starts, values[order], flat)
    g_theta = None
    if theta is not None:
        at = theta[latents]
        slopes = _theta_gradients(config.rule, pre, at, g, grads.n_active)
        g_theta = torch.zeros_like(theta).index_add_(0, latents, slopes)
    g *= values > 0
    rows = segments if n == 1 else segments // n
    gW_enc = segment_sum(rows, starts, g[order], h)
    gb_enc = torch.zeros_like(W_enc[:, 0]).index_add_(0, latents, g)
    gx = None
    if needs_x:
        gx = segment_sum(latents, offsets[::n].contiguous(), g, W_enc)
    return gW_enc, gb_enc, torch.zeros_like(W_dec) if gW_dec is None else gW_dec, g_theta, gx


def _dense_gradients(
    config: SparseConfig,
    h: Tensor,
    W_enc: Tensor,
    W_dec: Tensor,
    theta: Tensor | None,
    saved: Any,
    grads: GradOutputs,
    needs_x: bool,
) -> _Gradients:
    pre, z = saved[:2]
    low, full = z.dtype, h.dtype
    g, gW_dec = torch.empty_like(z), torch.zeros_like(W_dec)
    for i, group in enumerate(config.groups()):
        if grads.prefix_outs is None:
            g[:, group] = 0
            continue
        level = grads.prefix_outs[:, i].to(low)
        g[:, group] = level @ W_dec[group].T.to(low)
        gW_dec[group] = (z[:, group].T @ level).to(full)
    for more in (grads.latent_sums, grads.latent_acts):
        if more is not None:
            g += more
    g_theta = None if theta is None else _theta_gradients(config.rule, pre, theta, g, grads.n_active).sum(0, dtype=full)
    g *= z > 0
    gx = (g @ W_enc.to(low)).to(full) if needs_x else None
    return (g.T @ h.to(low)).to(full), g.sum(0, dtype=full), gW_dec, g_theta, gx


def _theta_gradients(rule: BaseRule, pre: Tensor, theta: Tensor, g: Tensor, g_active: Tensor | None) -> Tensor:
    """What each entry adds to theta's gradient: the straight-through slopes of z and of the count of active entries."""
    assert isinstance(rule, JumpReLU)
    inside = (pre - theta).abs() < rule.bandwidth / 2
    slope = -theta * g if g_active is None else -(theta * g + g_active)
    return torch.where(inside, slope / rule.bandwidth, 0.0)


def _dead_latents(pre: Tensor, k: int) -> Tensor:
    """relu of the k largest in each row, dense: dead latents are few."""
    if pre.shape[1] <= k:
        return pre.relu()
    values, at = largest(pre, k)
    return torch.zeros_like(pre).scatter_(1, at, values.relu())
