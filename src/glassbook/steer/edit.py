"""Trace edits behind `steer`: a change at the positions of a rule, and the rows of a positional vector."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.steer.where import Where, everywhere
from glassbook.trace import At

Change = Callable[[Tensor, Tensor], Tensor]
Gate = Callable[[At], Tensor]
"""Which rows of the batch are steered, [B] bool; see `When`."""


class Masked:
    """fn(x, at) for trace: a change at the positions of a rule, in the rows that a gate lets through.

    Everything goes by absolute positions, so that a cached decode step (x is the newest token) and generation
    without a cache (x is the whole text again) give the same result.

    Args:
        rows: the second argument of `change`, [n, d] or [d]; they move to the model's device and dtype once.
        change: (x [..., d], rows) -> the new x.
        where: the rule.
        gate: the condition, if any.
    """

    def __init__(self, rows: Tensor, change: Change, where: Where, gate: Gate | None = None) -> None:
        self.rows, self.change, self.where, self.gate = rows, change, where, gate
        # Whether every token after the prompt is changed; None if that depends on its position.
        self.steady = where.steady(None)

    def __call__(self, x: Tensor, at: At) -> Tensor:
        """x is [B, T, d]; in a model that reads no tokens [..., d], or a feature map [B, C, H, W]."""
        if at.phase == "decode" and x.shape[1] == 1 and self.steady is not None and self.gate is None:
            return self._changed(x) if self.steady else x  # the hot path: one new token, which is never a pad
        rows, put_back = at.rows_of(x)
        if at.forward is None and self.where == everywhere() and self.gate is None:
            return put_back(self._changed(rows))  # no tokens: a picture's patches or pixels, an autoencoder's latents
        pos, real, prompt = positions(x, at)
        if at.phase == "prefill":
            self.steady = self.where.steady(prompt)
        mask = self.where.mask(pos, real, prompt)
        if self.gate is not None:
            mask = mask & self.gate(at)[:, None]
        return torch.where(mask[..., None], self._changed(x), x)

    def _changed(self, x: Tensor) -> Tensor:
        self.rows = _fitting(self.rows, x)
        return self.change(x, self.rows)


class Rows:
    """Adds the rows of a positional vector, each to its own position."""

    def __init__(self, rows: Tensor, where: Where, gate: Gate | None = None) -> None:
        self.rows, self.where, self.gate = rows, where, gate

    def __call__(self, x: Tensor, at: At) -> Tensor:
        """x is [B, T, d]."""
        if at.phase == "decode" and x.shape[1] == 1 and at.prompt is not None:
            return x  # the hot path: one new token, and the rows all lie in the prompt
        at.check_rows(x)
        pos, real, prompt = positions(x, at)
        self.rows = _fitting(self.rows, x)
        index = pos - self.where.place(len(self.rows), prompt)
        inside = real & (index >= 0) & (index < len(self.rows))
        if self.gate is not None:
            inside = inside & self.gate(at)[:, None]
        # mask * row is exactly 0 or the row, so addcmul leaves every other position bitwise as it was.
        return torch.addcmul(x, inside[..., None].to(x), self.rows[index.clamp(0, len(self.rows) - 1)])


def positions(x: Tensor, at: At) -> tuple[Tensor, Tensor, Tensor | None]:
    """(pos [B, T], real [B, T], prompt [B] or None) of an edit of x [B, T, d] in a language model."""
    forward = at.tokens(x)
    return forward.pos, forward.real, at.prompt


def _fitting(rows: Tensor, x: Tensor) -> Tensor:
    if rows.shape[-1] != x.shape[-1]:
        raise GlassbookError(
            f"the vector has {rows.shape[-1]} dimensions, the activations have {x.shape[-1]}; is it this model's?"
        )
    return rows.to(x)
