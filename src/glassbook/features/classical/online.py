"""Online dictionary learning (Mairal et al. 2010): atoms for sparse codes, learnt from one mini-batch after another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Unpack

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from glassbook.errors import GlassbookError
from glassbook.features.classical.lasso import Lasso, fista
from glassbook.features.classical.matching_pursuit import OMP
from glassbook.features.classical.sparse_coder import SparseCoder
from glassbook.features.data import Batches, Source, about
from glassbook.measure.compute import Flop
from glassbook.measure.flops import Meter
from glassbook.train import LoopOptions, resumable
from glassbook.train.checkpoints import Tensors, under

UNUSED = 1e-6
"""An atom whose share of all squared codes is below this is unused, and starts again as a sample."""


def learn_atoms(
    activations: Source,
    width: int,
    solver: Lasso | OMP,
    *,
    steps: int = 500,
    batch: int = 512,
    passes: int = 1,
    solver_steps: int = 15,
    centre: bool = True,
    seed: int = 0,
    **loop: Unpack[LoopOptions],
) -> SparseCoder:
    """Learn atoms of norm at most 1 for which sparse codes rebuild the activations best.

    Each step solves for the codes of a batch with the atoms as they are, adds z z^T and z x^T to two running sums, and
    moves each atom in turn to the least-squares place for those sums. Older batches, coded with worse atoms, are
    forgotten step by step.

    Args:
        activations: see `fit`.
        width: number of atoms F.
        solver: how codes are solved for.
        steps: mini-batches.
        batch: samples in one.
        passes: rounds over the atoms in a step.
        solver_steps: at most so many FISTA steps for a batch; while the atoms move, exact codes are wasted.
        centre: take the samples' mean off.
        seed: of the order, and of the samples that the atoms start as.
        loop: `run`, `label`, `checkpoint`, ... (see `LoopOptions`). Logged are explained_variance and l0 of the last
            batch, and unused (share of the atoms).

    Raises:
        GlassbookError: settings that cannot work; a checkpoint that does not fit; activations that are not finite.
        KeyboardInterrupt: Ctrl-C, after a checkpoint.

    Source: Mairal et al. 2010, "Online learning for matrix factorization and sparse coding", algorithms 1 and 2, with
    the rescaling of past data of section 3.4.2.
    """
    if min(width, steps, batch, passes, solver_steps) < 1:
        raise GlassbookError("width, steps, batch, passes and solver_steps must be at least 1")
    learner = _AtomsLearner(
        Batches(activations, batch, seed, steps), width, solver, steps, passes, solver_steps, centre
    )
    settings = {"width": width, "solver": repr(solver), "batch": batch, "passes": passes, "solver_steps": solver_steps}
    options: LoopOptions = {"checkpoint_every": 100, "log_every": 20, **loop}
    resumable(
        learner,
        steps,
        title="atoms",
        settings={**settings, "centre": centre, "seed": seed},
        **options,
    )
    coder = SparseCoder(learner.atoms, learner.mean, solver)
    coder.about = {**about(activations), "trained_on": steps * batch}
    return coder


@dataclass
class _AtomsLearner:
    """The atoms [F, d], and the running sums of z z^T [F, F] and z x^T [F, d] that they are moved by."""

    batches: Batches
    width: int
    solver: Lasso | OMP
    steps: int
    passes: int
    solver_steps: int
    centre: bool
    atoms: Tensor = field(init=False)
    mean: Tensor = field(init=False)
    zz: Tensor = field(init=False)
    zx: Tensor = field(init=False)
    meter: Meter = field(default_factory=Meter)

    counted = "codes as in the first step, counted there; the rest by formula"

    def _setup(self) -> None:
        """Atoms start as samples."""
        sample = self.batches.sample(max(4 * self.width, 8192))
        if not bool(torch.isfinite(sample).all()):
            raise GlassbookError("the activations hold values that are not finite; record them again")
        self.mean = sample.mean(0) if self.centre else torch.zeros(sample.shape[1])
        chosen = torch.randint(len(sample), (self.width,), generator=torch.Generator().manual_seed(self.batches.seed))
        self.atoms = normalize(sample[chosen] - self.mean, dim=1).contiguous()
        self.zz, self.zx = torch.zeros(self.width, self.width), torch.zeros(self.width, sample.shape[1])

    @torch.no_grad()
    def step(self, step: int) -> None:
        if step == 0:
            self._setup()
        x, atoms, zz, zx = self.batches(step) - self.mean, self.atoms, self.zz, self.zx
        with self.meter.step(f"{len(x)} samples") as counting:
            counting.thrown_away(lambda: _codes(x, atoms, self.solver, self.solver_steps))
        z = _codes(x, atoms, self.solver, self.solver_steps)
        retained = max(0.0, 1 - 1 / (step + 1)) ** 2  # weighs a batch by its age: t^2 in all
        zz.mul_(retained).addmm_(z.T, z, alpha=1 / len(x))
        zx.mul_(retained).addmm_(z.T, x, alpha=1 / len(x))
        _update(atoms.numpy(), zz.numpy(), zx.numpy(), self.passes)
        sums, moves = len(x) * (self.width + x.shape[1]), self.passes * self.width * x.shape[1]
        self.meter.add(Flop(2.0 * self.width * (sums + moves)))
        used = zz.diagonal()
        unused = torch.nonzero(used <= UNUSED * used.sum())[:, 0]
        if len(unused) and step < self.steps - 1:
            errors = (x - z @ atoms).square().sum(1)
            worst = x[errors.topk(min(len(unused), len(x))).indices]
            unused = unused[: len(worst)]
            atoms[unused] = normalize(worst, dim=1)
            zz[unused], zz[:, unused], zx[unused] = 0.0, 0.0, 0.0
        self.x, self.z, self.unused = x, z, len(unused)

    def flop(self) -> Flop:
        return self.meter.total

    def metrics(self, done: int) -> tuple[dict[str, float], dict[str, float]]:
        x, z = self.x, self.z
        explained = 1 - float((x - z @ self.atoms).square().sum() / (x - x.mean(0)).square().sum())
        numbers = {"explained_variance": explained, "l0": float((z != 0).sum()) / len(z)}
        return numbers | {"unused": self.unused / self.width}, {"explained_variance": explained}

    def state(self) -> Tensors:
        meter = {f"meter/{name}": t for name, t in self.meter.state().items()}
        return {"atoms": self.atoms, "mean": self.mean, "zz": self.zz, "zx": self.zx, **meter}

    def load(self, tensors: Tensors) -> None:
        self.atoms, self.mean, self.zz, self.zx = (tensors[name].clone() for name in ("atoms", "mean", "zz", "zx"))
        self.meter.load(under("meter/", tensors))


def _codes(x: Tensor, atoms: Tensor, solver: Lasso | OMP, steps: int) -> Tensor:
    if isinstance(solver, Lasso):
        return fista(x, atoms, solver.l1, positive=solver.positive, steps=steps, tolerance=1e-3)
    return solver.solve(x, atoms)


def _update(atoms: np.ndarray, zz: np.ndarray, zx: np.ndarray, passes: int) -> None:
    """Block coordinate descent over the atoms [F, d], in place (algorithm 2). NumPy's small products start at once."""
    for _ in range(passes):
        for j, weight in enumerate(np.diagonal(zz)):
            if weight > 0:
                moved = atoms[j] + (zx[j] - zz[j] @ atoms) / weight
                atoms[j] = moved / max(1.0, np.sqrt(moved @ moved))
