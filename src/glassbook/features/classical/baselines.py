"""Baselines for dictionaries: principal components (PCA) and k-means clusters."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbook.errors import GlassbookError, extra
from glassbook.features.coder import FixedCoder
from glassbook.features.data import Kept, about, open_rows


class Components(FixedCoder):
    """z = (x - mean) W^T for orthonormal rows W: dense codes of both signs."""

    def encode(self, x: Tensor) -> Tensor:
        """Codes [..., F] of activations x [..., d]."""
        return (self.checked(x) - self.b_dec) @ self.W_dec.T


class Clusters(FixedCoder):
    """z is 1 at the nearest of F centres and 0 elsewhere.

    Args:
        centres: [F, d].
    """

    def __init__(self, centres: Tensor) -> None:
        super().__init__(centres, torch.zeros(centres.shape[1]))

    def encode(self, x: Tensor) -> Tensor:
        """Codes [..., F] of activations x [..., d]."""
        x = self.checked(x)
        nearest = (x @ self.W_dec.T - self.W_dec.square().sum(1) / 2).argmax(-1, keepdim=True)
        return torch.zeros(*x.shape[:-1], self.width, dtype=x.dtype, device=x.device).scatter_(-1, nearest, 1.0)


@torch.no_grad()
def pca(activations: Kept, width: int) -> Components:
    """The `width` directions of largest variance, from all rows in one pass.

    Args:
        activations: [N, d], or (recording, site).
        width: number of components, at most d.
    """
    rows = open_rows(activations)
    n, total, products = 0, torch.zeros(()), torch.zeros(())
    for x in rows.chunks(65_536):
        x = x.double()
        n, total, products = n + len(x), total + x.sum(0), products + x.T @ x
    mean = total / n
    if not 1 <= width <= len(mean):
        raise GlassbookError(f"width = {width}: there are 1 to {len(mean)} principal components")
    _, vectors = torch.linalg.eigh(products / n - torch.outer(mean, mean))
    coder = Components(vectors.flip(1)[:, :width].T.float().contiguous(), mean.float())
    coder.about = about(activations)
    return coder


def kmeans(activations: Kept, width: int, *, seed: int = 0, epochs: int = 3) -> Clusters:
    """Centres by scikit-learn's mini-batch k-means.

    Args:
        activations: [N, d], or (recording, site).
        width: number of centres.
        seed: of where they start and of the order.
        epochs: times that all rows are gone through.
    """
    with extra("baselines"):
        from sklearn.cluster import MiniBatchKMeans

    rows = open_rows(activations)
    if not 1 <= width <= rows.n:
        raise GlassbookError(f"width = {width}: there can be 1 to {rows.n} centres of {rows.n} activations")
    learner = MiniBatchKMeans(width, random_state=seed, batch_size=4096, max_iter=epochs, n_init="auto")
    learner.fit(rows[torch.arange(rows.n)].numpy())
    coder = Clusters(torch.from_numpy(learner.cluster_centers_).float())
    coder.about = about(activations)
    return coder
