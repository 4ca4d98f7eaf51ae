"""Random-dictionary control: frozen random directions, as rival of a trained sparse autoencoder."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from glassbook.features.classical import OMP, SparseCoder


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
