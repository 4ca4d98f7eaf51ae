"""Feature absorption: a general feature is silent where a more specific one fires in its place (Chanin et al. 2024)."""

from __future__ import annotations

from typing import Any

import torch

from glassbook.measure.arrays import to_tensor
from glassbook.measure.matching import cosines, f1


def absorption(latents: Any, directions: Any, parents: Any, active: Any, *, cosine: float = 0.1) -> float:
    """Mean over the parents of the share of their samples on which another latent has taken their latent's place.

    A parent's latent is the one whose firing predicts it best (F1). It is absorbed on a sample where the parent is
    present, its latent is silent, and another latent fires whose direction has at least `cosine` with the parent's
    and which carries at least 0.4 of what the sample has along it.

    Args:
        latents: [N, m], not negative.
        directions: [m, d] of the latents.
        parents: [n, d] true directions of the general features.
        active: [N, n], how strongly each parent is present; 0 is absent.
        cosine: least cosine with the parent's direction that counts.

    Returns:
        0 (no absorption) to 1; NaN if no parent is ever present.

    Source: the full absorption rate of Chanin et al. 2024, arXiv:2409.14507, with the true direction for a probe's.
    """
    z, s = to_tensor(latents, torch.float32), to_tensor(active, torch.float32)
    along = cosines(parents, directions).float() * to_tensor(directions, torch.float32).norm(dim=1)
    near = cosines(parents, directions) >= cosine
    rates = []
    for i in range(s.shape[1]):
        present = s[:, i] > 0
        if not present.any():
            continue
        main = int(f1(z > 0, present[:, None].expand(-1, z.shape[1])).argmax())
        silent = present & (z[:, main] <= 0)
        carried = (z[silent] * along[i]).where(near[i], torch.zeros(())).amax(1)
        rates.append(float((carried >= 0.4 * s[silent, i]).sum() / present.sum()))
    return sum(rates) / len(rates) if rates else float("nan")
