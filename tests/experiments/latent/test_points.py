"""The score of noisy points is the gradient of their log density, and the error tells right from wrong."""

import math

import pytest
import torch

from glassbook.experiments.latent._points import MEANS, NOISES, SPREAD, arrows, mixture, rivals, score, score_error


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


def test_each_rival_is_right_for_some_noise_and_none_for_all():
    errors = {}
    for sigma in (*NOISES, 5.0):
        points = noisy(20_000, sigma)
        for name, estimate in rivals(points, sigma).items():
            errors.setdefault(name, {})[sigma] = score_error(estimate, points, sigma)
    assert errors["the density without noise"][0.1] < 0.01
    assert errors["the nearest mean"][0.1] < 0.05
    assert errors["one normal distribution"][5.0] < 0.01
    assert all(max(found[sigma] for sigma in NOISES) > 0.15 for found in errors.values())


def test_arrows_of_the_true_score_are_those_of_a_network_that_is_right():
    class Right(torch.nn.Module):
        def forward(self, points):
            return 0.3 * score(points, 0.3)

    rows = arrows(Right(), 0.3)
    ends: dict[str, dict[str, tuple[float, float]]] = {"true score": {}, "denoiser": {}}
    for row in rows:
        if row["step"]:
            ends[row["arrows"]][row["arrow"].split()[-1]] = (row["x"], row["y"])
    for arrow, end in ends["true score"].items():
        assert ends["denoiser"][arrow] == pytest.approx(end, abs=1e-5)
    starts = {row["arrow"]: (row["x"], row["y"]) for row in rows if not row["step"]}
    longest = max(math.dist(starts[row["arrow"]], (row["x"], row["y"])) for row in rows if row["step"])
    assert longest == pytest.approx(4 / 12, rel=1e-4)


def test_points_are_spread_evenly_over_the_three_modes():
    points = mixture(6000, torch.Generator().manual_seed(2))
    nearest = torch.cdist(points, MEANS).argmin(1)
    assert (torch.bincount(nearest, minlength=3) / 6000 - 1 / 3).abs().max() < 0.03
