"""Mosaics are made of halves of two digits each, and copies are told from what is new."""

import torch
from torch import Tensor

from glassbook.experiments.latent._digits import Reader
from glassbook.experiments.latent._made_digits import mosaics, share_copied


def test_mosaics_are_halves_of_neighbours():
    pictures = torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    made = mosaics(pictures)
    assert torch.equal(made[1, :, :, :3], pictures[1, :, :, :3])
    assert torch.equal(made[1, :, :, 3:], pictures[0, :, :, 3:])
    assert not any(torch.equal(m, p) for m in made for p in pictures)


def pictures(n: int, seed: int) -> Tensor:
    return torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


def test_copies_are_nearer_to_what_they_were_made_of_and_others_half_of_the_time():
    torch.manual_seed(0)
    judge, train, unseen = Reader().eval(), pictures(400, 1), pictures(400, 2)
    blurred = train + 0.02 * pictures(400, 3)
    assert share_copied(judge, blurred, train, unseen) > 0.95
    assert share_copied(judge, unseen + 0.02 * pictures(400, 3), train, unseen) < 0.05
    assert abs(share_copied(judge, pictures(2000, 4), train, unseen) - 0.5) < 0.06
