"""Random-dictionary control: frozen random directions, as rival of a trained sparse autoencoder."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from glassbook.features.classical import OMP, Lasso, SparseCoder
from glassbook.features.coder import Coder
from glassbook.features.dictionary import Dictionary
from glassbook.features.sparsity import SparsityRule


@torch.no_grad()
def frozen_random(
    d_in: int, width: int, rule: SparsityRule | OMP | Lasso, mean: Tensor, generator: torch.Generator
) -> Coder:
    """A dictionary of random unit directions around the mean of the activations; nothing of it is learnt.

    The rule decides how fair a rival it is. `OMP(k)` (orthogonal matching pursuit) solves for the best latents that
    k random directions can have, so the rival has a better encoder than the method: a lead over it is due to the learnt
    directions. With a sparsity rule it is an untrained `Dictionary` whose encoder is its decoder; the projections of a
    TopK on overlapping directions add up to several times the activation, so its reconstruction is bad whatever the
    method has learnt, and it serves as control of detection and of matching only.

    Args:
        d_in: dimensions of the activations.
        width: number of directions.
        rule: `OMP(k)` or `Lasso`, or a sparsity rule such as TopK(k).
        mean: [d_in], of the activations.
        generator: of the directions.

    Source: frozen random decoders as baseline of SAE evaluations: Korznikov et al. 2026, arXiv:2602.14111.
    """
    directions = normalize(torch.randn(width, d_in, generator=generator), dim=1)
    if isinstance(rule, (OMP, Lasso)):
        return SparseCoder(directions, mean, rule)
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are replaced
        d = Dictionary(d_in, width, rule)
    d.W_dec.copy_(directions)
    d.W_enc.copy_(directions)
    d.b_dec.copy_(mean)
    return d.requires_grad_(False)
