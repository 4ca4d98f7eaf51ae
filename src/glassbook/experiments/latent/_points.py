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


def mixture(n: int, generator: torch.Generator) -> Tensor:
    """n points [n, 2] of the mixture."""
    which = torch.randint(0, len(MEANS), (n,), generator=generator)
    return MEANS[which] + SPREAD * torch.randn(n, 2, generator=generator)


def score(points: Tensor, sigma: float = 0.0) -> Tensor:
    """The gradient of the log density of the mixture with noise of `sigma` added, at points [n, 2]."""
    away, variance = MEANS - points[:, None], SPREAD**2 + sigma**2
    shares = (-0.5 * away.square().sum(2) / variance).softmax(1)
    return (shares[..., None] * away).sum(1) / variance


def nearest_mean(points: Tensor, sigma: float) -> Tensor:
    """The same if each point came from the mean that it lies nearest to."""
    away = MEANS - points[:, None]
    chosen = away.square().sum(2).argmin(1)
    return away[torch.arange(len(points)), chosen] / (SPREAD**2 + sigma**2)


def denoiser_of_points(run: Run, label: str, sigma: float, steps: int, other_targets: bool) -> nn.Module:
    """A network that takes normal noise from points of the mixture."""
    rng = run.rng(label)

    def batch(step: int) -> dict[str, Tensor]:
        generator = rng.child(str(step)).torch()
        clean = mixture(512, generator)
        corrupted = clean + sigma * torch.randn(clean.shape, generator=generator)
        return {"clean": clean.roll(1, 0) if other_targets else clean, "corrupted": corrupted}

    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(2, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 2))

    def objective(model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        residual = batch["corrupted"] + model(batch["corrupted"]) - batch["clean"]
        return residual.square().mean() / sigma**2, {}

    return kit.train_model(run, label, make, objective, batch, steps=steps, lr=3e-3, seed=run.rng("weights").seed)


def score_error(estimate: Tensor, points: Tensor, sigma: float) -> float:
    """Mean squared error of an estimate [n, 2] of the score of noisy points, as a share of its mean square."""
    true = score(points, sigma)
    return float((estimate - true).square().mean() / true.square().mean())


def scores(run: Run, steps: int, other_targets: bool) -> dict[str, float]:
    """How far what a denoiser adds to points is from the score of noisy points, as it has to be multiplied."""
    errors, rivals, rows = {}, {}, []
    for sigma in NOISES:
        label = f"noise of {sigma:g}"
        model = denoiser_of_points(run, label, sigma, steps, other_targets)
        generator = run.rng(f"test points, {label}").torch()
        points = mixture(2000, generator)
        points = points + sigma * torch.randn(points.shape, generator=generator)
        with torch.no_grad():
            errors[sigma] = score_error(model(points) / sigma**2, points, sigma)
        rivals[sigma] = min(score_error(other, points, sigma) for other in (nearest_mean(points, sigma), score(points)))
        rows += arrows(model, label)
    run.chart("field", charts.lines(rows, "x", "y", "arrow", order="step", facet="model"))
    return {
        "worst_score_error": max(errors.values()), "score_error_of_little_noise": errors[NOISES[0]],
        "score_error_of_much_noise": errors[NOISES[-1]], "best_rival_error": rivals[NOISES[-1]],
    }  # fmt: skip


@torch.no_grad()
def arrows(model: nn.Module, name: str) -> list[dict[str, Any]]:
    """Short lines on a grid of the plane, each in the direction in which the denoiser moves a point."""
    ticks = torch.linspace(-2, 2, 13)
    grid = torch.cartesian_prod(ticks, ticks)
    ends = grid + 0.25 * torch.nn.functional.normalize(model(grid))
    return [
        {"model": name, "arrow": f"{i}", "step": step, "x": float(at[i, 0]), "y": float(at[i, 1])}
        for i in range(len(grid)) for step, at in ((0, grid), (1, ends))
    ]  # fmt: skip
