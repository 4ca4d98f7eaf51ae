"""Corruptions: how much they change, where, and what they refuse."""

import pytest
import torch

from glassbook.data.corruption import Gaussian, Masking, SaltAndPepper
from glassbook.errors import GlassbookError


def grey(n: int = 4) -> torch.Tensor:
    return torch.full((n, 3, 64, 64), 0.5)


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_gaussian_noise_has_its_spread_and_no_mean():
    added = Gaussian(0.3)(grey(), drawn()) - grey()
    assert added.std() == pytest.approx(0.3, rel=0.02)
    assert abs(float(added.mean())) < 0.01
    assert torch.equal(Gaussian(0.0)(grey(), drawn()), grey())


def test_masking_puts_out_whole_pixels_with_its_probability():
    masked = Masking(0.2)(grey(), drawn())
    out = masked == 0
    assert torch.equal(out[:, 0], out[:, 2])
    assert out.double().mean() == pytest.approx(0.2, abs=0.02)
    assert torch.equal(masked[~out], grey()[~out])
    assert bool((Masking(1.0)(grey(), drawn()) == 0).all())


def test_salt_and_pepper_are_equally_likely():
    seasoned = SaltAndPepper(0.3)(grey(), drawn())
    assert (seasoned == 1).double().mean() == pytest.approx(0.15, abs=0.02)
    assert (seasoned == 0).double().mean() == pytest.approx(0.15, abs=0.02)
    assert torch.equal(seasoned[:, 0], seasoned[:, 1])
    assert torch.equal(SaltAndPepper(0.0)(grey(), drawn()), grey())


def test_the_same_generator_gives_the_same_noise_and_another_another():
    for corruption in (Gaussian(0.1), Masking(0.5), SaltAndPepper(0.5)):
        assert torch.equal(corruption(grey(), drawn(1)), corruption(grey(), drawn(1)))
        assert not torch.equal(corruption(grey(), drawn(1)), corruption(grey(), drawn(2)))


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf")])
def test_noise_of_no_meaning_is_refused(sigma):
    with pytest.raises(GlassbookError, match="sigma"):
        Gaussian(sigma)


@pytest.mark.parametrize("kind", [Masking, SaltAndPepper])
@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_probabilities_of_no_meaning_are_refused(kind, p):
    with pytest.raises(GlassbookError, match="probability"):
        kind(p)
