"""Sparse coding with fixed atoms: a dictionary whose codes are solved for, not computed by an encoder."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbook.features.classical.lasso import Lasso
from glassbook.features.classical.matching_pursuit import OMP
from glassbook.features.coder import FixedCoder

CHUNK = 4096
"""Samples solved for at once."""


class SparseCoder(FixedCoder):
    """x ~ z W_dec + b_dec, with z the solution of a `Lasso` or an `OMP` for each x.

    Args:
        atoms: [F, d], the directions. Those of a learnt dictionary will do: `SparseCoder(d.W_dec, d.b_dec, solver)`
            shows what a better encoder could make of them.
        mean: [d], taken off first.
        solver: how to solve for codes.
    """

    def __init__(self, atoms: Tensor, mean: Tensor, solver: Lasso | OMP) -> None:
        super().__init__(atoms, mean)
        self.solver = solver

    def encode(self, x: Tensor) -> Tensor:
        """Codes [..., F] of activations x [..., d]."""
        flat = (self.checked(x) - self.b_dec).reshape(-1, self.d_in)
        codes = [self.solver.solve(part, self.W_dec) for part in flat.split(CHUNK)]
        return torch.cat([flat.new_zeros(0, self.width), *codes]).reshape(*x.shape[:-1], self.width)
