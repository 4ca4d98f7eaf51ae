"""The score is the gradient of the log density, and the cosine with it tells right from wrong."""

import math

import torch

from glassbook.experiments.latent._points import MEANS, SPREAD, mixture, score, score_cosine


def test_the_score_is_the_gradient_of_the_log_density():
    points = mixture(200, torch.Generator().manual_seed(0)).double().requires_grad_()
    squares = (points[:, None] - MEANS.double()).square().sum(2)
    log_density = (-0.5 * squares / SPREAD**2).logsumexp(1) - math.log(3 * 2 * math.pi * SPREAD**2)
    (gradient,) = torch.autograd.grad(log_density.sum(), points)
    assert torch.allclose(score(points.detach()), gradient)


def test_the_best_denoiser_of_little_noise_points_along_the_score_and_its_opposite_against_it():
    points = mixture(500, torch.Generator().manual_seed(1))
    assert score_cosine(torch.nn.Identity(), points) < 0.5

    class Best(torch.nn.Module):
        def forward(self, x):
            return 0.01 * score(x)

    class Opposite(torch.nn.Module):
        def forward(self, x):
            return -score(x)

    assert score_cosine(Best(), points) > 0.999
    assert score_cosine(Opposite(), points) < -0.999


def test_points_are_spread_evenly_over_the_three_modes():
    points = mixture(6000, torch.Generator().manual_seed(2))
    nearest = torch.cdist(points, MEANS).argmin(1)
    assert (torch.bincount(nearest, minlength=3) / 6000 - 1 / 3).abs().max() < 0.03
