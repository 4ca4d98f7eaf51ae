"""Online dictionary learning: atoms for sparse codes, learnt from one mini-batch after another."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from glassbook.errors import GlassbookError
from glassbook.features.classical.lasso import Lasso, fista
from glassbook.features.classical.pursuit import Pursuit
from glassbook.features.classical.solved import SparseCoder
from glassbook.features.data import Batches, Source, about
from glassbook.notebook import Run
from glassbook.train.going import progress

UNUSED = 1e-6
"""An atom whose share of all squared codes is below this is unused, and starts again as a sample."""


@torch.no_grad()
def learn_atoms(
    activations: Source,
    width: int,
    code: Lasso | Pursuit,
    *,
    steps: int = 500,
    batch: int = 512,
    passes: int = 1,
    solver_steps: int = 15,
    centre: bool = True,
    seed: int = 0,
    run: Run | None = None,
) -> SparseCoder:
    """Learn atoms of norm at most 1 for which sparse codes rebuild the activations best.

    Each step solves for the codes of a batch with the atoms as they are, adds z z^T and z x^T to two running sums, and
    moves each atom in turn to the least-squares place for those sums. Older batches, coded with worse atoms, are
    forgotten step by step.

    Args:
        activations: see `fit`.
        width: number of atoms F.
        code: how codes are solved for.
        steps: mini-batches.
        batch: samples in one.
        passes: rounds over the atoms in a step.
        solver_steps: at most so many FISTA steps for a batch; while the atoms move, exact codes are wasted.
        centre: take the samples' mean off.
        seed: of the order, and of the samples that the atoms start as.
        run: where progress goes.

    Raises:
        GlassbookError: settings that cannot work; activations that are not finite.

    Source: Mairal et al. 2010, "Online learning for matrix factorization and sparse coding", algorithms 1 and 2, with
    the rescaling of past data of section 3.4.2.
    """
    if min(width, steps, batch, passes, solver_steps) < 1:
        raise GlassbookError("width, steps, batch, passes and solver_steps must be at least 1")
    batches = Batches(activations, batch, seed, steps)
    sample = batches.sample(max(4 * width, 8192))
    if not bool(torch.isfinite(sample).all()):
        raise GlassbookError("the activations hold values that are not finite; record them again")
    mean = sample.mean(0) if centre else torch.zeros(sample.shape[1])
    draws = torch.Generator().manual_seed(seed)
    atoms = normalize(sample[torch.randint(len(sample), (width,), generator=draws)] - mean, dim=1).contiguous()
    zz, zx = torch.zeros(width, width), torch.zeros(width, sample.shape[1])
    with progress(run, steps, "atoms", 0) as advance:
        for step in range(steps):
            x = batches(step) - mean
            z = _codes(x, atoms, code, solver_steps)
            keep = max(0.0, 1 - 1 / (step + 1)) ** 2  # weighs a batch by its age: t^2 in all
            zz.mul_(keep).addmm_(z.T, z, alpha=1 / len(x))
            zx.mul_(keep).addmm_(z.T, x, alpha=1 / len(x))
            _update(atoms.numpy(), zz.numpy(), zx.numpy(), passes)
            used = zz.diagonal()
            unused = torch.nonzero(used <= UNUSED * used.sum())[:, 0]
            if len(unused) and step < steps - 1:
                left = (x - z @ atoms).square().sum(1)
                worst = x[left.topk(min(len(unused), len(x))).indices]
                unused = unused[: len(worst)]
                atoms[unused] = normalize(worst, dim=1)
                zz[unused], zz[:, unused], zx[unused] = 0.0, 0.0, 0.0
            advance(1)
    coder = SparseCoder(atoms, mean, code)
    coder.about = {**about(activations), "trained_on": steps * batch}
    return coder


def _codes(x: Tensor, atoms: Tensor, code: Lasso | Pursuit, steps: int) -> Tensor:
    if isinstance(code, Lasso):
        return fista(x, atoms, code.l1, positive=code.positive, steps=steps, tolerance=1e-3)
    return code.solve(x, atoms)


def _update(atoms: np.ndarray, zz: np.ndarray, zx: np.ndarray, passes: int) -> None:
    """Block coordinate descent over the atoms [F, d], in place (algorithm 2). NumPy's small products start at once."""
    for _ in range(passes):
        for j, weight in enumerate(np.diagonal(zz)):
            if weight > 0:
                moved = atoms[j] + (zx[j] - zz[j] @ atoms) / weight
                atoms[j] = moved / max(1.0, np.sqrt(moved @ moved))
