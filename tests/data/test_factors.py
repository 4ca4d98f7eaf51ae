"""Sprites show their factors: each can be read back from the pixels."""

import pytest
import torch

from glassbook.data.factors import FACTORS, sprites


@pytest.fixture(scope="module")
def drawn():
    return sprites(2000, 32, torch.Generator().manual_seed(3))


def factor(drawn, name):
    return drawn.factors[:, FACTORS.index(name)]


def test_pictures_have_values_from_0_to_1_and_the_same_generator_draws_the_same(drawn):
    images, factors = drawn
    assert images.shape == (2000, 1, 32, 32)
    assert (images.amin(), images.amax() <= 1) == (0, True)
    again = sprites(2000, 32, torch.Generator().manual_seed(3))
    assert torch.equal(again.images, images)
    assert torch.equal(again.factors, factors)


def test_the_middle_of_a_sprite_is_where_its_factors_say(drawn):
    mass = drawn.images[:, 0] / drawn.images.sum((1, 2, 3))[:, None, None]
    middle = (torch.arange(32) + 0.5) / 32
    assert (((mass.sum(1) * middle).sum(1)) - factor(drawn, "x")).abs().max() < 0.06
    assert (((mass.sum(2) * middle).sum(1)) - factor(drawn, "y")).abs().max() < 0.06


def test_the_brightest_pixel_has_the_shade(drawn):
    assert (drawn.images.amax((1, 2, 3)) - factor(drawn, "shade")).abs().max() < 1e-5


def test_a_sprite_grows_with_its_size(drawn):
    area = (drawn.images > 0).double().sum((1, 2, 3))
    for shape in range(3):
        one = factor(drawn, "shape") == shape
        both = torch.stack([area[one], factor(drawn, "size")[one].double()])
        assert both.corrcoef()[0, 1] > 0.95


def test_turning_an_ellipse_moves_its_extent_from_across_to_down(drawn):
    ellipses = factor(drawn, "shape") == 0
    across, down = ((drawn.images[ellipses, 0] > 0).any(axis).double().sum(1) for axis in (1, 2))
    angle = factor(drawn, "angle")[ellipses].double()
    assert torch.stack([across - down, angle]).corrcoef()[0, 1] < -0.9


def test_factors_are_independent(drawn):
    correlations = drawn.factors.T.corrcoef()
    assert (correlations - torch.eye(len(FACTORS))).abs().max() < 0.08
