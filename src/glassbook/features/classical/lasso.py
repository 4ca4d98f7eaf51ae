"""Sparse codes by the LASSO, solved with FISTA."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from glassbook.errors import GlassbookError

CHECK_EVERY = 8
"""Steps between two tests for convergence."""


@dataclass(frozen=True)
class Lasso:
    """z = argmin 1/2 ||x - z D||^2 + l1 ||z||_1, in the activations' own units.

    Args:
        l1: weight of the penalty; more is sparser.
        positive: allow no negative codes.
    """

    l1: float
    positive: bool = False

    def __post_init__(self) -> None:
        if not self.l1 > 0:
            raise GlassbookError(f"l1 = {self.l1}: the weight of the penalty must be above 0")

    def solve(self, x: Tensor, atoms: Tensor) -> Tensor:
        """Codes [N, F] of x [N, d] for atoms [F, d]."""
        return fista(x, atoms, self.l1, positive=self.positive)


@torch.no_grad()
def fista(
    x: Tensor,
    atoms: Tensor,
    l1: float,
    *,
    positive: bool = False,
    steps: int = 1000,
    tolerance: float = 1e-4,
) -> Tensor:
    """LASSO codes: argmin over z of 1/2 ||x - z D||^2 + l1 ||z||_1, row by row.

    Proximal gradient steps with Nesterov's momentum, which a row starts again whenever it points uphill.

    Args:
        x: [N, d].
        atoms: D, [F, d].
        l1: weight of the penalty.
        positive: allow no negative codes.
        steps: at most so many steps.
        tolerance: stop when no code moves by more than this times the largest code in a step.

    Returns:
        [N, F].

    Source: Beck and Teboulle 2009, "A fast iterative shrinkage-thresholding algorithm"; restarts: O'Donoghue and
    Candes 2015, arXiv:1204.3982.
    """
    n, (width, d) = len(x), atoms.shape
    lipschitz = float(torch.linalg.eigvalsh(atoms.T @ atoms if d < width else atoms @ atoms.T)[-1].clamp(min=1e-12))
    threshold = l1 / lipschitz
    # y - gradient / lipschitz is computed from the smaller of the two: the atoms' Gram matrix, or the residual.
    gram_step, offset = None, x
    if width <= 2 * d:
        gram_step = (atoms @ atoms.T).div_(-lipschitz)
        gram_step.diagonal().add_(1)
        offset = x @ atoms.T / lipschitz
    z = torch.zeros(n, width, dtype=x.dtype, device=x.device)
    y, t = z.clone(), torch.ones(n, 1, dtype=x.dtype, device=x.device)
    for step in range(steps):
        if gram_step is not None:
            new = torch.addmm(offset, y, gram_step)
        else:
            new = torch.addmm(y, torch.addmm(x, y, atoms, beta=-1), atoms.T, alpha=-1 / lipschitz)
        new = new.sub_(threshold).relu_() if positive else torch.nn.functional.softshrink(new, threshold)
        change = new - z
        uphill = torch.linalg.vecdot(y.sub_(new), change)[:, None] > 0
        t = torch.where(uphill, 1.0, t)
        t_next = (1 + (1 + 4 * t * t).sqrt()) / 2
        y = torch.addcmul(new, change, (t - 1) / t_next, out=y)
        z, t = new, t_next
        if step % CHECK_EVERY == CHECK_EVERY - 1 and change.abs().max() <= tolerance * z.abs().max():
            break
    return z


def lasso_objective(x: Tensor, z: Tensor, atoms: Tensor, l1: float) -> float:
    """Mean over rows of 1/2 ||x - z D||^2 + l1 ||z||_1, for x [N, d], codes z [N, F] and atoms D [F, d]."""
    return float(((x - z @ atoms).square().sum(1) / 2 + l1 * z.abs().sum(1)).mean())
