"""Orientation and extent of atoms learnt from images: how many look like Gabor functions."""

from __future__ import annotations

import torch
from torch import Tensor


def orientation(atoms: Tensor, size: int) -> Tensor:
    """How far an element's power lies along one direction of the frequency plane [F]: 0 (round) to 1 (one grating).

    |sum_f P(f) e^{2 i angle(f)}| / sum_f P(f) over the power spectrum P of each element [F, size * size].
    """
    spectrum = torch.fft.fft2(atoms.reshape(-1, size, size), s=(4 * size, 4 * size)).abs().square()
    f = torch.fft.fftfreq(4 * size)
    angle = torch.atan2(f[:, None], f[None, :])
    turn = torch.polar(torch.ones_like(angle), 2 * angle)
    return (spectrum * turn).sum((1, 2)).abs() / spectrum.sum((1, 2)).clamp(min=1e-12)


def extent(atoms: Tensor, size: int) -> Tensor:
    """Smallest share of an element's pixels that holds 80 % of its energy [F]: small if it is local."""
    energy = atoms.reshape(-1, size * size).square()
    energy = energy.sort(1, descending=True).values.cumsum(1) / energy.sum(1, keepdim=True).clamp(min=1e-12)
    return ((energy < 0.8).sum(1) + 1) / size**2


def is_gabor(atoms: Tensor, size: int) -> float:
    """Share of the elements [F, size * size] that are both oriented (`orientation` of at least 0.5) and local
    (`extent` of at most 0.25), as Gabor functions are.

    An even grating over the whole patch holds 80 % of its energy in half of the pixels, white noise in a third.
    """
    return float(((orientation(atoms, size) >= 0.5) & (extent(atoms, size) <= 0.25)).float().mean())
