"""Orthogonal matching pursuit (OMP): k atoms for each sample, chosen one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from glassbook.errors import GlassbookError


@dataclass(frozen=True)
class OMP:
    """k atoms for each sample, chosen greedily, with the least-squares code on them."""

    k: int

    def __post_init__(self) -> None:
        if self.k < 1:
            raise GlassbookError(f"k = {self.k}: at least one atom must be used")

    @torch.no_grad()
    def solve(self, x: Tensor, atoms: Tensor) -> Tensor:
        """Codes [N, F] of x [N, d] for atoms [F, d] of any norm; k is at most min(F, d).

        Each step takes the atom most correlated with what is left, then refits all. All samples go forward together;
        each keeps the Cholesky factor of its chosen atoms' products, which grows by a row in each step. A sample stops
        early when nothing is left that an atom could explain.

        Source: Pati et al. 1993; batched Cholesky: Rubinstein et al. 2008, "Efficient implementation of K-SVD".
        """
        k, n, (width, d) = self.k, len(x), atoms.shape
        if not 1 <= k <= min(width, d):
            raise GlassbookError(
                f"k = {k}: matching pursuit takes 1 to {min(width, d)} of {width} atoms in {d} dimensions"
            )
        norms = torch.linalg.vector_norm(atoms, dim=1).clamp(min=1e-12)
        unit = atoms / norms[:, None]
        row = torch.arange(n, device=x.device)
        factor = torch.eye(k, dtype=x.dtype, device=x.device).repeat(n, 1, 1)
        support = torch.zeros(n, k, dtype=torch.int64, device=x.device)
        correlations = torch.zeros(n, k, dtype=x.dtype, device=x.device)  # of the chosen atoms with x
        selected = torch.zeros(n, width, dtype=torch.bool, device=x.device)
        active = torch.ones(n, dtype=torch.bool, device=x.device)
        code, residual = correlations[:, :0], x
        tolerance = 1e-6 * torch.linalg.vector_norm(x, dim=1)
        for j in range(k):
            scores = (residual @ unit.T).abs_().masked_fill_(selected, -1.0)
            size, best = scores.max(1)
            atom = unit[best]
            active &= size > tolerance
            if j:
                overlap = (unit[support[:, :j]] @ atom[:, :, None]).masked_fill_(~active[:, None, None], 0.0)
                new = torch.linalg.solve_triangular(factor[:, :j, :j], overlap, upper=False)[:, :, 0]
                rest = 1 - new.square().sum(1)
                active &= rest > 1e-6  # else the atom is a sum of those it would join
                factor[:, j, :j] = torch.where(active[:, None], new, 0.0)
                factor[:, j, j] = torch.where(active, rest, 1.0).sqrt()
            support[:, j] = best
            selected[row, best] = True
            correlations[:, j] = torch.where(active, torch.linalg.vecdot(atom, x), 0.0)
            code = torch.cholesky_solve(correlations[:, : j + 1, None], factor[:, : j + 1, : j + 1])[:, :, 0]
            residual = x - embedding_bag(support[:, : j + 1], unit, mode="sum", per_sample_weights=code)
        return torch.zeros(n, width, dtype=x.dtype, device=x.device).scatter_(1, support, code / norms[support])
