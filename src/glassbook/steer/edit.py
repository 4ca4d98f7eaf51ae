"""The edit that steering makes at one site: which rows are added to which tokens."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.steer.where import Where
from glassbook.trace import At


class Addition:
    """fn(x, at) for trace: rows added at one site by one rule; they move to the model's device and dtype once.

    Everything goes by absolute positions, so that a cached decode step (x is the newest token) and generation
    without a cache (x is the whole text again) give the same result.
    """

    def __init__(self, rows: Tensor, positional: bool, where: Where) -> None:
        self.rows, self.positional, self.where = rows, positional, where
        # Whether every token after the prompt gets the row; None if that depends on its position.
        self.steady = False if positional else where.steady(None)

    def __call__(self, x: Tensor, at: At) -> Tensor:
        """The steered activation; x is [B, T, d]."""
        self.rows = self.rows.to(x)
        if at.phase == "decode" and x.shape[1] == 1 and self.steady is not None:
            return x + self.rows if self.steady else x  # the hot path: one new token, which is never a pad
        pos, real, prompt = at.pos, at.real, at.prompt
        if pos is None or real is None:
            raise GlassbookError(f"{at.site} has no token positions to steer at; steer a language model's blocks")
        if self.rows.shape[1] != x.shape[-1]:
            raise GlassbookError(
                f"the vector has {self.rows.shape[1]} dimensions, {at.site} has {x.shape[-1]}; is it this model's?"
            )
        if at.phase == "prefill" and not self.positional:
            self.steady = self.where.steady(prompt)
        # mask * row is exactly 0 or the row, so addcmul leaves every other position bitwise as it was.
        if not self.positional:
            return torch.addcmul(x, self.where.mask(pos, real, prompt)[..., None].to(x), self.rows)
        index = pos - self.where.start(len(self.rows), prompt)
        inside = real & (index >= 0) & (index < len(self.rows))
        return torch.addcmul(x, inside[..., None].to(x), self.rows[index.clamp(0, len(self.rows) - 1)])
