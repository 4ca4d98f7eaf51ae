"""Geometry of the features in a toy model of superposition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def geometry(w: Tensor, density: float, loss: float) -> dict[str, Any]:
    """What one model made of its features; columns of w [hidden, features] are their directions.

    A feature is represented if ||W_i||^2 > 1/2, and in superposition if the others' interference with it,
    sum_{j != i} (W^_i . W_j)^2, exceeds 0.1. Its dimensionality is ||W_i||^2 / sum_j (W^_i . W_j)^2.
    """
    norms = w.norm(dim=0)
    overlap = ((w / norms.clamp(min=1e-6)).mT @ w) ** 2
    represented = norms**2 > 0.5
    interference = overlap.sum(1) - overlap.diagonal()
    superposed = represented & (interference > 0.1)
    dimensionality = norms**2 / overlap.sum(1).clamp(min=1e-6)
    return {
        "density": density,
        "loss": loss,
        "represented": int(represented.sum()),
        "superposed": float(superposed.sum() / represented.sum().clamp(min=1)),
        "dimensionality": [round(float(v), 4) for v in dimensionality],
        "norm": [round(float(v), 4) for v in norms],
    }
