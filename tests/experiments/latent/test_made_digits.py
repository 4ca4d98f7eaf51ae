"""Mosaics are made of halves of two digits each, and copies are told from what is new."""

import torch
import torch.nn.functional as F
from torch import Tensor

from glassbook.experiments.latent._digits import Reader
from glassbook.experiments.latent._made_digits import mosaics, share_copied


def test_mosaics_are_halves_of_neighbours():
    pictures = torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    made = mosaics(pictures)
    assert torch.equal(made[1, :, :, :3], pictures[1, :, :, :3])
    assert torch.equal(made[1, :, :, 3:], pictures[0, :, :, 3:])
    assert not any(torch.equal(m, p) for m in made for p in pictures)


def strokes(n: int, seed: int) -> Tensor:
    """Pictures of 28 pixels that are dark at the border, each of a few smooth spots."""
    spots = torch.rand(n, 1, 6, 6, generator=torch.Generator().manual_seed(seed)).square()
    return F.pad(F.interpolate(spots, (22, 22), mode="bilinear"), (3,) * 4)


def test_copies_are_nearer_to_what_they_were_made_of_and_others_half_of_the_time():
    torch.manual_seed(0)
    judge, train, unseen = Reader().eval(), strokes(300, 1), strokes(300, 2)
    for moved in ((0, 0), (1, -1), (0, 1)):
        assert share_copied(judge, 0.7 * train.roll(moved, (-2, -1)), train, unseen) > 0.95, moved
        assert share_copied(judge, 0.7 * unseen.roll(moved, (-2, -1)), train, unseen) < 0.05, moved
    assert abs(share_copied(judge, strokes(2000, 4), train, unseen) - 0.5) < 0.1
