"""A dictionary whose codes are solved for."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbook.features.classical.lasso import Lasso
from glassbook.features.classical.pursuit import Pursuit
from glassbook.features.coder import Coder

ROWS = 4096
"""Samples that are solved for at once."""


class SparseCoder(Coder):
    """x ~ z W_dec + b_dec, with z the solution of a `Lasso` or a `Pursuit` for each x.

    Args:
        atoms: [F, d], the directions. Those of a learnt dictionary will do: `SparseCoder(d.W_dec, d.b_dec, code)`
            asks what a better encoder could make of them.
        mean: [d], taken off first.
        code: how to solve.
    """

    def __init__(self, atoms: Tensor, mean: Tensor, code: Lasso | Pursuit) -> None:
        super().__init__()
        self.W_dec, self.b_dec = (torch.nn.Buffer(t.detach().clone()) for t in (atoms, mean))
        self.width, self.d_in = atoms.shape
        self.d_out, self.code = self.d_in, code
        self.about = {}

    def encode(self, x: Tensor) -> Tensor:
        """Codes [..., F] of activations x [..., d]."""
        self.check(x)
        flat = (x - self.b_dec).reshape(-1, self.d_in)
        codes = [self.code.solve(part, self.W_dec) for part in flat.split(ROWS)]
        return torch.cat([flat.new_zeros(0, self.width), *codes]).reshape(*x.shape[:-1], self.width)
