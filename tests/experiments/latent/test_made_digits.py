"""Mosaics are made of halves of two digits each."""

import torch

from glassbook.experiments.latent._made_digits import mosaics


def test_mosaics_are_halves_of_neighbours():
    pictures = torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    made = mosaics(pictures)
    assert torch.equal(made[1, :, :, :3], pictures[1, :, :, :3])
    assert torch.equal(made[1, :, :, 3:], pictures[0, :, :, 3:])
    assert not any(torch.equal(m, p) for m in made for p in pictures)
