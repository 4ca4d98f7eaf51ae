"""Controls of dictionary learning: frozen random directions, and the same network with random weights."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from glassbook.features.classical import OMP, SparseCoder

M = TypeVar("M", bound=nn.Module)


def frozen_random(d_in: int, width: int, k: int, mean: Tensor, generator: torch.Generator) -> SparseCoder:
    """A dictionary of random unit directions around the mean of the activations; nothing of it is learnt.

    Orthogonal matching pursuit finds codes for it. So the rival has a better encoder than a sparse autoencoder has,
    and a lead over it is due to the learnt directions. (The encoder of an untrained sparse autoencoder, which is its
    decoder, would be no rival: k projections on overlapping directions add up to several times the activation.)

    Codes have both signs: as detectors, a direction and its negative are two units (`detect.both_signs`).

    Args:
        d_in: dimensions of the activations.
        width: number of directions.
        k: directions active on an activation: as many as in the dictionary that is compared.
        mean: [d_in], of the activations.
        generator: of the directions.

    Source: frozen random decoders as baseline of SAE evaluations: Korznikov et al. 2026, arXiv:2602.14111.
    """
    directions = normalize(torch.randn(width, d_in, generator=generator), dim=1)
    return SparseCoder(directions, mean, OMP(k))


def reinitialised(model: M, generator: torch.Generator) -> M:
    """A copy of a network in which nothing is learnt: each tensor of parameters is drawn anew.

    Each is normal with the mean and the spread that it has now, except that what never varies (the scales of norms
    that were not trained) stays. So activations keep about the size that they have in the trained network, and only
    the arrangement of the weights is lost.

    Args:
        model: the network; it stays as it is.
        generator: of the weights.

    Source: untrained transformers as baseline of SAE evaluations: Heap et al. 2025, arXiv:2501.17727.
    """
    fresh = copy.deepcopy(model)
    with torch.no_grad():
        for weights in fresh.parameters():  # shared ones come once
            spread = weights.std(correction=0)
            weights.copy_(weights.mean() + spread * torch.randn(weights.shape, generator=generator))
    return fresh
