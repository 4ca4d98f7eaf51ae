"""LISTA: a network that unrolls a few steps of sparse coding and learns to reach the same codes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.features.classical.lasso import fista
from glassbook.features.coder import Coder
from glassbook.features.data import Batches, Source, about
from glassbook.notebook import Run
from glassbook.train.going import progress


class Lista(Coder):
    """z_0 = shrink(W x, theta_0), z_t = shrink(W x + S z_{t-1}, theta_t). One layer is a two-sided ReLU encoder.

    As made, W = D / L, S = 1 - D D^T / L and theta = l1 / L with L = ||D||^2: the first steps of ISTA for the LASSO.

    Args:
        atoms: D, [F, d].
        mean: [d], taken off first.
        l1: weight of the penalty.
        layers: number of steps.

    Source: Gregor and LeCun 2010, "Learning fast approximations of sparse coding".
    """

    def __init__(self, atoms: Tensor, mean: Tensor, l1: float, layers: int) -> None:
        super().__init__()
        if layers < 1 or not l1 > 0:
            raise GlassbookError(f"layers = {layers} must be at least 1, and l1 = {l1} above 0")
        self.W_dec, self.b_dec = (nn.Buffer(t.detach().clone()) for t in (atoms, mean))
        self.width, self.d_in = atoms.shape
        self.d_out, self.l1, self.about = self.d_in, l1, {}
        size = torch.linalg.matrix_norm(self.W_dec, 2) ** 2
        self.W = nn.Parameter(self.W_dec / size)
        self.S = nn.Parameter(torch.eye(self.width) - self.W_dec @ self.W_dec.T / size)
        self.theta = nn.Parameter((l1 / size).expand(layers, self.width).clone())

    def encode(self, x: Tensor) -> Tensor:
        """Codes [..., F] of activations x [..., d]."""
        self.check(x)
        seen = (x - self.b_dec) @ self.W.T
        z = _shrink(seen, self.theta[0])
        for theta in self.theta[1:]:
            z = _shrink(seen + z @ self.S.T, theta)
        return z


def learn_lista(
    atoms: Tensor,
    mean: Tensor,
    activations: Source,
    l1: float,
    *,
    layers: int = 3,
    steps: int = 1000,
    batch: int = 512,
    lr: float = 1e-3,
    seed: int = 0,
    run: Run | None = None,
) -> Lista:
    """Teach a `Lista` the LASSO codes of activations: mean squared error to FISTA's solution.

    Args:
        atoms: [F, d].
        mean: [d].
        activations: see `fit`.
        l1: weight of the penalty.
        layers: steps of the network.
        steps: optimiser steps.
        batch: samples in a step.
        lr: of Adam, falling to zero.
        seed: of the order.
        run: where metrics and progress go.
    """
    net, batches = Lista(atoms, mean, l1, layers), Batches(activations, batch, seed, steps)
    adam = torch.optim.Adam(net.parameters(), lr=lr, fused=True)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    with progress(run, steps, "LISTA", 0) as advance:
        for step in range(steps):
            x = batches(step)
            wanted = fista(x - net.b_dec, net.W_dec, l1, steps=200, tolerance=1e-3)
            loss = (net.encode(x) - wanted).square().sum(1).mean()
            loss.backward()
            adam.step()
            adam.zero_grad()
            fall.step()
            if run is not None and (step % 50 == 49 or step == steps - 1):
                run.log(step + 1, code_error=float(loss.detach()))
            advance(1)
    net.about = {**about(activations), "trained_on": steps * batch}
    return net.eval()


def _shrink(x: Tensor, theta: Tensor) -> Tensor:
    return x.sign() * (x.abs() - theta).relu()
