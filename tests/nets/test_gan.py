"""GANs: losses at known points, penalties against their formulas."""

import math

import pytest
import torch
from torch import nn

from glassbook.nets.gan import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    pictures_gan,
    points_gan,
    r1_penalty,
)


def test_shapes():
    for gan, shape in ((points_gan(), (2,)), (pictures_gan(), (1, 28, 28)), (pictures_gan(32, 3), (3, 32, 32))):
        made = gan(5)
        assert made.shape == (5, *shape)
        assert gan.discriminator(made).shape == (5,)
    assert pictures_gan()(3).abs().max() <= 1


def test_a_discriminator_that_cannot_tell_loses_two_bits():
    none = torch.zeros(4)
    assert discriminator_loss(none, none).item() == pytest.approx(2 * math.log(2))
    assert generator_loss(none).item() == pytest.approx(math.log(2))
    assert discriminator_loss(none + 9, none - 9) < 1e-3
    assert generator_loss(none - 9).item() == pytest.approx(9, abs=1e-3)


def test_r1_of_a_linear_discriminator_is_half_its_squared_weight():
    line = nn.Sequential(nn.Flatten(), nn.Linear(12, 1), nn.Flatten(0))
    real = torch.randn(7, 3, 2, 2)
    weight = line[1].weight
    torch.testing.assert_close(r1_penalty(line, real), 0.5 * weight.square().sum())
    r1_penalty(line, real).backward()
    torch.testing.assert_close(weight.grad, weight.detach())


def test_the_penalty_of_a_wasserstein_gan_wants_a_gradient_of_one():
    line = nn.Sequential(nn.Linear(4, 1, bias=False), nn.Flatten(0))
    g = torch.Generator().manual_seed(0)
    for length in (1.0, 3.0):
        with torch.no_grad():
            line[0].weight.copy_(torch.full((1, 4), length / 2))
        found = gradient_penalty(line, torch.randn(5, 4), torch.randn(5, 4), g)
        assert found.item() == pytest.approx((length - 1) ** 2, abs=1e-5)
