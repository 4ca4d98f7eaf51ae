"""The score of noisy points is the gradient of their log density, and the error tells right from wrong."""

import math

import pytest
import torch

from glassbook.experiments.latent._points import MEANS, SPREAD, mixture, nearest_mean, score, score_error


def noisy(n: int, sigma: float, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    points = mixture(n, generator)
    return points + sigma * torch.randn(points.shape, generator=generator)


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0])
def test_the_score_is_the_gradient_of_the_log_density(sigma):
    points, variance = noisy(200, sigma).double().requires_grad_(), SPREAD**2 + sigma**2
    squares = (points[:, None] - MEANS.double()).square().sum(2)
    log_density = (-0.5 * squares / variance).logsumexp(1) - math.log(3 * 2 * math.pi * variance)
    (gradient,) = torch.autograd.grad(log_density.sum(), points)
    assert torch.allclose(score(points.detach(), sigma), gradient)


@pytest.mark.parametrize("sigma", [0.1, 1.0])
def test_the_mean_of_clean_points_is_reached_by_the_score(sigma):
    """Tweedie's formula: E[clean | noisy] = noisy + sigma^2 times the score, by Bayes' rule on many clean points."""
    clean = mixture(200_000, torch.Generator().manual_seed(3)).double()
    for point in noisy(4, sigma, seed=4).double():
        weights = (-0.5 * (clean - point).square().sum(1) / sigma**2).softmax(0)
        assert weights @ clean == pytest.approx((point + sigma**2 * score(point[None], sigma)[0]), abs=0.02)


def test_the_error_of_the_score_itself_is_none_of_nothing_all_and_of_others_much():
    points = noisy(2000, 1.0)
    assert score_error(score(points, 1.0), points, 1.0) == 0
    assert score_error(torch.zeros_like(points), points, 1.0) == pytest.approx(1)
    assert score_error(-score(points, 1.0), points, 1.0) == pytest.approx(4)
    assert score_error(score(points), points, 1.0) > 10
    assert 0.2 < score_error(nearest_mean(points, 1.0), points, 1.0) < 0.3
    close = noisy(2000, 0.1)
    assert score_error(nearest_mean(close, 0.1), close, 0.1) < 0.05


def test_points_are_spread_evenly_over_the_three_modes():
    points = mixture(6000, torch.Generator().manual_seed(2))
    nearest = torch.cdist(points, MEANS).argmin(1)
    assert (torch.bincount(nearest, minlength=3) / 6000 - 1 / 3).abs().max() < 0.03
