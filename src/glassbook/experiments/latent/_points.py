"""Points in the plane of a known density, and a denoiser of them whose residual is compared with the score."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from glassbook import charts
from glassbook.experiments import kit
from glassbook.notebook import Run

MEANS = torch.tensor([[-1.0, -0.6], [1.0, -0.6], [0.0, 1.1]])
SPREAD = 0.35
"""Standard deviation of each of the three normal distributions, which are equally likely."""
NOISES = (0.1, 0.3, 1.0)
"""Standard deviations of the noise on points."""
POINTS = 2048
"""Points in a step."""


def mixture(n: int, generator: torch.Generator) -> Tensor:
    """n points [n, 2] of the mixture."""
    which = torch.randint(0, len(MEANS), (n,), generator=generator)
    return MEANS[which] + SPREAD * torch.randn(n, 2, generator=generator)


def score(points: Tensor, sigma: float = 0.0) -> Tensor:
    """The gradient of the log density of the mixture with noise of `sigma` added, at points [n, 2]."""
    away, variance = MEANS - points[:, None], SPREAD**2 + sigma**2
    shares = (-0.5 * away.square().sum(2) / variance).softmax(1)
    return (shares[..., None] * away).sum(1) / variance


def rivals(points: Tensor, sigma: float) -> dict[str, Tensor]:
    """What others would take the score of noisy points [n, 2] for, each of them right for some amount of noise.

    "the density without noise" is its score at the noisy points, times what makes it fit best; "one normal
    distribution" has the mean and the covariance of the noisy points; "the nearest mean" is where a point comes from.
    """
    true, clean, away = score(points, sigma), score(points), MEANS - points[:, None]
    nearest = away[torch.arange(len(points)), away.square().sum(2).argmin(1)]
    return {
        "the density without noise": clean * ((clean * true).sum() / clean.square().sum()),
        "one normal distribution": -(points - points.mean(0)) @ torch.linalg.inv(torch.cov(points.T)),
        "the nearest mean": nearest / (SPREAD**2 + sigma**2),
    }


def denoiser_of_points(run: Run, label: str, sigma: float, steps: int, other_targets: bool) -> nn.Module:
    """A network from noisy points of the mixture to minus their noise, in standard deviations of it.

    So its answer is the same size for all noises, and divided by `sigma` it is an estimate of the score.
    """
    rng = run.rng(label)

    def batch(step: int) -> dict[str, Tensor]:
        generator = rng.child(str(step)).torch()
        clean = mixture(POINTS, generator)
        corrupted = clean + sigma * torch.randn(clean.shape, generator=generator)
        return {"clean": clean.roll(1, 0) if other_targets else clean, "corrupted": corrupted}

    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(2, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 2))

    def objective(model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        noise = (batch["corrupted"] - batch["clean"]) / sigma
        return (model(batch["corrupted"]) + noise).square().mean(), {}

    seed = run.rng("weights").seed
    return kit.train_model(run, label, make, objective, batch, steps=steps, lr=3e-3, seed=seed, ema=0.99)


def score_error(estimate: Tensor, points: Tensor, sigma: float) -> float:
    """Mean squared error of an estimate [n, 2] of the score of noisy points, as a share of its mean square."""
    true = score(points, sigma)
    return float((estimate - true).square().mean() / true.square().mean())


def scores(run: Run, steps: int, other_targets: bool) -> dict[str, float]:
    """How far what a denoiser adds to points is from the score of noisy points, and how far its rivals are."""
    errors: dict[str, list[float]] = {}
    rows: list[dict[str, Any]] = []
    for sigma in NOISES:
        label = f"noise of {sigma:g}"
        model = denoiser_of_points(run, label, sigma, steps, other_targets)
        generator = run.rng(f"test points, {label}").torch()
        points = mixture(10_000, generator)
        points = points + sigma * torch.randn(points.shape, generator=generator)
        with torch.no_grad():
            estimates = {"denoiser": model(points) / sigma, **rivals(points, sigma)}
        for name, estimate in estimates.items():
            errors.setdefault(name, []).append(score_error(estimate, points, sigma))
        rows += arrows(model, sigma)
    run.chart("field", charts.lines(rows, "x", "y", "arrows", apart="arrow", order="step", facet="noise"))
    columns = [f"noise of {sigma:g}" for sigma in NOISES]
    run.table("scores", [{"score": name, **dict(zip(columns, found, strict=True))} for name, found in errors.items()])
    ours = errors.pop("denoiser")
    return {
        "worst_score_error": max(ours), "score_error_of_little_noise": ours[0],
        "score_error_of_much_noise": ours[-1], "best_rival_error": min(max(found) for found in errors.values()),
    }  # fmt: skip


@torch.no_grad()
def arrows(model: nn.Module, sigma: float) -> list[dict[str, Any]]:
    """Lines from a grid of the plane: where the denoiser moves a point, and beside it where the true score says.

    All lengths of one noise are shortened or stretched alike, so that the longest of the true ones is a step long.
    """
    ticks = torch.linspace(-2, 2, 13)
    grid = torch.cartesian_prod(ticks, ticks)
    true = sigma**2 * score(grid, sigma)
    stretched = (ticks[1] - ticks[0]) / true.norm(dim=1).max()
    return [
        {
            "noise": f"noise of {sigma:g}",
            "arrows": kind,
            "arrow": f"{kind} {i}",
            "step": step,
            "x": float(x),
            "y": float(y),
        }
        for kind, moves in (("true score", true), ("denoiser", sigma * model(grid)))
        for step, at in ((0, grid), (1, grid + stretched * moves))
        for i, (x, y) in enumerate(at)
    ]
