"""Two-phase training of a generative adversarial network, and points in the plane that it learns to make."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

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
        the network with an average of its parameters over the last few hundred steps.
    """
    how: dict[str, Any] = {"schedule": constant(), "clip": None}
    how["optimiser"] = adamw(betas=(0.5, 0.99), weight_decay=0.0)
    phases, seed = adversarial_phases(), run.rng(f"weights of {weights}").seed
    return kit.train_model(run, label, make, phases, batches, seed=seed, ema=0.995, **how, **settings)


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


def covered(points: Tensor, modes: Tensor) -> dict[str, float]:
    """Modes with at least a quarter of their even share of the points, and the share of points on a mode.

    A point [n, 2] is on its nearest mode if it lies within four standard deviations of it.
    """
    distance, nearest = torch.cdist(points, modes).min(1)
    on = distance < 4 * SPREAD
    counts = torch.bincount(nearest[on], minlength=len(modes))
    return {"modes": float((counts >= len(points) / len(modes) / 4).sum()), "share": float(on.double().mean())}
