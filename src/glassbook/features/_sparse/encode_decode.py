"""One training step of a dictionary that pays for the active latents only.

The encoder's matmul is the one dense operation. It goes through the batch in pieces, so that all pre-activations never
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

from glassbook.features._sparse.csr import Encoder, by_bag, by_latent, pick
from glassbook.features._sparse.segments import dots, total
from glassbook.features.sparsity import BaseRule, JumpReLU, Matryoshka, SparsityRule, TopK, base_rule, largest


class Pass(NamedTuple):
    """What `encode_decode` returns.

    Attributes:
        xh: [B, d_out], the reconstruction by all latents.
        levels: [B, n, d_out], those by each of n prefixes of the latents; None without prefixes.
        aux: [B, d_out], what dead latents would add (without bias); None if no latent is dead.
        mass: [F], sum of each latent's codes over the batch.
        active: number of active entries in the batch. Only theta has a gradient from it.
        z: [B, F], the codes as a matrix, where they were too dense to be ragged; else None, and instead:
        values: of the ragged codes of all rows, one row after another (`z` given: None; so too what follows).
        latents: the latent of each value.
        begin: where each bag begins: one for each row, with prefixes one for each row and group of latents.
    """

    xh: Tensor
    levels: Tensor | None
    aux: Tensor | None
    mass: Tensor
    active: Tensor
    z: Tensor | None
    values: Tensor | None
    latents: Tensor | None
    begin: Tensor | None

    def fires(self, least: float) -> Tensor:
        """Which latents [F] exceed `least` for some row of the batch."""
        if self.z is not None:
            return self.z.amax(0) > least
        assert self.latents is not None
        assert self.values is not None
        fires = torch.zeros_like(self.mass, dtype=torch.bool)
        return fires.index_fill_(0, self.latents[self.values > least], True)


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
) -> Pass:
    """z = rule(W_enc (x - b_dec) + b_enc) and xh = z W_dec + b_dec + W_skip x, differentiable and sparse.

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
        dead: indices of dead latents; the `k_aux` most active of them in each row make `aux`.
        k_aux: see dead.
        fast: choose the active latents by bfloat16 pre-activations, then compute the chosen ones in full precision;
            where whole matrices are used instead, their products are of bfloat16.
    """
    prefixes = rule.prefixes if isinstance(rule, Matryoshka) else (len(W_enc),)
    how = _How(base_rule(rule), prefixes, subtract, k_aux, fast)  # pyright: ignore[reportArgumentType]
    levels, *rest = _Pass.apply(x, W_enc, b_enc, W_dec, b_dec, theta, dead, how)
    if W_skip is not None:
        levels = levels + linear(x, W_skip)[:, None]
    return Pass(levels[:, -1], levels if len(prefixes) > 1 else None, *rest)


class _How(NamedTuple):
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


class _Pass(torch.autograd.Function):
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
        how: _How,
    ) -> tuple[Tensor | None, ...]:
        h = x - b_dec if how.subtract else x
        picked = pick(Encoder(h, W_enc, b_enc, how.fast), how.rule, theta)
        n = len(how.prefixes)
        z = values = latents = begin = None
        if picked is None:
            low = torch.bfloat16 if how.fast else h.dtype
            pre = torch.addmm(b_enc.to(low), h.to(low), W_enc.T.to(low))
            z = how.rule.dense(pre, theta).to(low)
            added = torch.stack([z[:, group] @ W_dec[group].to(low) for group in how.groups()], 1).to(h.dtype)
            mass, active = z.sum(0, dtype=h.dtype), (z > 0).sum()
            pre = pre if isinstance(how.rule, JumpReLU) else None
        else:
            entries, begin = by_bag(picked, how.group(h.device), n, ordered=not isinstance(how.rule, TopK))
            pre, latents = entries.pre, entries.latents
            if how.fast:
                pre = dots(h.repeat_interleave(n, 0) if n > 1 else h, W_enc, latents, begin, b_enc[latents])
            values = torch.where(pre > theta[latents], pre, 0.0) if theta is not None else pre.relu()
            added = total(latents, begin, values, W_dec).view(len(h), n, -1)
            mass, active = torch.zeros_like(b_enc).index_add_(0, latents, values), (values > 0).sum()
        levels = added.cumsum_(1).add_(b_dec) if n > 1 else added.add_(b_dec)
        aux = z_dead = None
        if dead is not None and len(dead):
            z_dead = _dead_codes(torch.addmm(b_enc[dead], h, W_enc[dead].T), how.k_aux)
            aux = z_dead @ W_dec[dead]
        ctx.save_for_backward(h, W_enc, W_dec, theta, dead, z_dead, pre, z, values, latents, begin)
        ctx.how = how
        ctx.mark_non_differentiable(*[t for t in (latents, begin) if t is not None])
        ctx.set_materialize_grads(False)
        return levels, aux, mass, active.to(h.dtype), z, values, latents, begin

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        h, W_enc, W_dec, theta, dead, z_dead, *codes = ctx.saved_tensors
        g_levels, g_aux, g_mass, g_active, g_z, g_values, _, _ = grads
        if g_levels is not None and g_levels.shape[1] > 1:  # a latent is in its own level and all later ones
            g_levels = g_levels.flip(1).cumsum(1).flip(1)
        given = _Given(g_levels, g_mass, g_active, g_z if g_values is None else g_values)
        wanted = ctx.needs_input_grad[0]
        gradients = _dense if codes[1] is not None else _ragged
        gW_enc, gb_enc, gW_dec, g_theta, gx = gradients(ctx.how, h, W_enc, W_dec, theta, codes, given, wanted)
        if g_aux is not None:
            g_dead = (g_aux @ W_dec[dead].T) * (z_dead > 0)
            gW_dec.index_add_(0, dead, z_dead.T @ g_aux)
            gW_enc.index_add_(0, dead, g_dead.T @ h)
            gb_enc.index_add_(0, dead, g_dead.sum(0))
            gx = gx if gx is None else gx + g_dead @ W_enc[dead]
        gb_dec = W_dec.new_zeros(W_dec.shape[1]) if g_levels is None else g_levels[:, 0].sum(0)
        if ctx.how.subtract:
            gb_dec = gb_dec - gb_enc @ W_enc  # sum over the batch first: one vector instead of B
        return gx, gW_enc, gb_enc, gW_dec, gb_dec, g_theta, None, None


class _Given(NamedTuple):
    """Gradients that came back: of the levels (summed from each group's on), mass, active, and the codes' values."""

    levels: Tensor | None
    mass: Tensor | None
    active: Tensor | None
    codes: Tensor | None


_Gradients = tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None]
"""Of W_enc, b_enc, W_dec, theta, x."""


def _ragged(
    how: _How, h: Tensor, W_enc: Tensor, W_dec: Tensor, theta: Tensor | None, codes: Any, given: _Given, wanted: bool
) -> _Gradients:
    pre, _, values, latents, begin = codes
    width, n = len(W_enc), len(how.prefixes)
    g = torch.zeros_like(values) if given.codes is None else given.codes.clone()
    if given.mass is not None:
        g += given.mass[latents]
    bags, order, starts = by_latent(latents, begin, width)
    gW_dec = None
    if given.levels is not None:
        flat = given.levels.reshape(-1, W_dec.shape[1])
        g += dots(flat, W_dec, latents, begin)
        gW_dec = total(bags, starts, values[order], flat)
    g_theta = None
    if theta is not None:
        at = theta[latents]
        slopes = _slopes(how.rule, pre, at, g, given.active)
        g_theta = torch.zeros_like(theta).index_add_(0, latents, slopes)
    g *= values > 0
    rows = bags if n == 1 else bags // n
    gW_enc = total(rows, starts, g[order], h)
    gb_enc = torch.zeros_like(W_enc[:, 0]).index_add_(0, latents, g)
    gx = None
    if wanted:
        gx = total(latents, begin[::n].contiguous(), g, W_enc)
    return gW_enc, gb_enc, torch.zeros_like(W_dec) if gW_dec is None else gW_dec, g_theta, gx


def _dense(
    how: _How, h: Tensor, W_enc: Tensor, W_dec: Tensor, theta: Tensor | None, codes: Any, given: _Given, wanted: bool
) -> _Gradients:
    pre, z = codes[:2]
    low, full = z.dtype, h.dtype
    g, gW_dec = torch.empty_like(z), torch.zeros_like(W_dec)
    for i, group in enumerate(how.groups()):
        if given.levels is None:
            g[:, group] = 0
            continue
        level = given.levels[:, i].to(low)
        g[:, group] = level @ W_dec[group].T.to(low)
        gW_dec[group] = (z[:, group].T @ level).to(full)
    for more in (given.mass, given.codes):
        if more is not None:
            g += more
    g_theta = None if theta is None else _slopes(how.rule, pre, theta, g, given.active).sum(0, dtype=full)
    g *= z > 0
    gx = (g @ W_enc.to(low)).to(full) if wanted else None
    return (g.T @ h.to(low)).to(full), g.sum(0, dtype=full), gW_dec, g_theta, gx


def _slopes(rule: BaseRule, pre: Tensor, theta: Tensor, g: Tensor, g_active: Tensor | None) -> Tensor:
    """What each entry adds to theta's gradient: the straight-through slopes of z and of the count of active entries."""
    assert isinstance(rule, JumpReLU)
    inside = (pre - theta).abs() < rule.bandwidth / 2
    slope = -theta * g if g_active is None else -(theta * g + g_active)
    return torch.where(inside, slope / rule.bandwidth, 0.0)


def _dead_codes(pre: Tensor, k: int) -> Tensor:
    """relu of the k largest in each row, dense: dead latents are few."""
    if pre.shape[1] <= k:
        return pre.relu()
    values, at = largest(pre, k)
    return torch.zeros_like(pre).scatter_(1, at, values.relu())
