"""Two-phase training of a generative adversarial network, and points in the plane that it learns to make."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from glassbook.experiments import kit
from glassbook.nets.gan import GAN, discriminator_loss, generator_loss, r1_penalty
from glassbook.notebook import Run
from glassbook.train import Phase
from glassbook.train.optimisers import adamw
from glassbook.train.schedules import constant

SPREAD = 0.05
"""Standard deviation of each mode."""
MODES: dict[Literal["ring", "grid"], Tensor] = {
    "ring": torch.tensor([[2 * math.cos(i * math.pi / 4), 2 * math.sin(i * math.pi / 4)] for i in range(8)]),
    "grid": torch.tensor([[float(x), float(y)] for x in range(-2, 3) for y in range(-2, 3)]),
}
"""Where the modes lie, [modes, 2]."""


def adversarial(
    run: Run, label: str, weights: str, make: Callable[[], GAN], batches: Callable[[int], dict[str, Tensor]],
    **settings: Any,
) -> GAN:  # fmt: skip
    """A network whose discriminator and generator are trained in turn, both on the batch of a step.

    A batch holds `real` samples, `noise` [B, noise] and, in a step with R1, its weight as `penalty` [B]. Networks that
    are compared begin with the same weights: those that `weights` names.

    Returns:
        the network with an average of its parameters over the last few hundred steps; where the generator normalises by
        batches, the means and variances are those that the averaged parameters give.
    """
    how: dict[str, Any] = {"schedule": constant(), "clip": None}
    how["optimiser"] = adamw(betas=(0.5, 0.99), weight_decay=0.0)
    phases, seed = adversarial_phases(), run.rng(f"weights of {weights}").seed
    gan = kit.train_model(run, label, make, phases, batches, seed=seed, ema=0.995, **how, **settings)
    update_batch_norm(gan, run.rng(f"batches of {weights}").torch())
    return gan


def update_batch_norm(gan: GAN, generator: torch.Generator, batches: int = 50, rows: int = 64) -> None:
    """Recompute the means and variances of a generator's batch normalisation, as averages over batches of noise.

    Those that came with averaged parameters belong to the parameters of the last steps.
    """
    noise = (torch.randn(rows, gan.noise, generator=generator) for _ in range(batches))
    update_bn(noise, gan.generator)


def with_penalty(batch: dict[str, Tensor], weight: float) -> dict[str, Tensor]:
    """The batch of a step whose discriminator is penalised by R1 of that weight; 0 leaves it out, and its cost too."""
    return batch | {"penalty": torch.full((len(batch["real"]),), weight)} if weight else batch


def adversarial_phases() -> list[Phase]:
    """The two phases of a step, see `adversarial`."""

    def discriminate(model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        gan, weight = cast(GAN, model), batch["penalty"][0] if "penalty" in batch else None
        with torch.no_grad():
            fake = gan.generator(batch["noise"])
        loss = discriminator_loss(gan.discriminator(batch["real"]), gan.discriminator(fake))
        return (loss if weight is None else loss + weight * r1_penalty(gan.discriminator, batch["real"])), {}

    def generate(model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        gan = cast(GAN, model)
        return generator_loss(gan.discriminator(gan.generator(batch["noise"]))), {}

    return [
        Phase("discriminator", discriminate, "discriminator.*"),
        Phase("generator", generate, "generator.*"),
    ]


def on_great_circle(start: Tensor, end: Tensor, n: int) -> Tensor:
    """n draws of noise [n, noise] from one to another, whose lengths lie between theirs, as those of noise do.

    Half way on a straight line noise is shorter than any that is drawn: by a factor of the root of 2.

    Source: White 2016, arXiv:1609.04468, section 2 (spherical interpolation).
    """
    angle = torch.acos(torch.cosine_similarity(start, end, 0).clamp(-1, 1))
    share = torch.linspace(0, 1, n)[:, None]
    return (torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * end) / torch.sin(angle)


def covered(points: Tensor, modes: Tensor) -> dict[str, float]:
    """Modes with at least a quarter of their even share of the points, and the share of points on a mode.

    A point [n, 2] is on its nearest mode if it lies within four standard deviations of it.
    """
    distance, nearest = torch.cdist(points, modes).min(1)
    on = distance < 4 * SPREAD
    counts = torch.bincount(nearest[on], minlength=len(modes))
    return {"modes": float((counts >= len(points) / len(modes) / 4).sum()), "share": float(on.double().mean())}
