"""Synthetic activations whose true features are known, to check a method before it is believed.

The generators take their own `torch.Generator`: a truth drawn from the same seed as a learner's initial weights makes
any learner look perfect.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class SparseWorld:
    """Activations that are sums of a few directions out of many.

    Attributes:
        directions: [features, d] unit vectors, the truth.
        probabilities: [features], how often each is active.
    """

    directions: Tensor
    probabilities: Tensor

    def sample(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`n` samples.

        Returns:
            strengths [n, features], uniform on [0, 1] where a feature is active and 0 elsewhere, and the activations
            [n, d] they make.
        """
        draw = torch.rand((2, n, len(self.probabilities)), generator=generator)
        strengths = draw[0] * (draw[1] < self.probabilities)
        return strengths, strengths @ self.directions


def sharkey_world(
    features: int = 512, d: int = 256, active: float = 5.0, decay: float = 0.99, *, generator: torch.Generator
) -> SparseWorld:
    """More features than dimensions, the i-th active with probability proportional to decay^i.

    Args:
        features: how many true directions.
        d: dimensions they share.
        active: features active in a sample, on average.
        decay: ratio of one feature's frequency to that of the one before.
        generator: of the directions.

    Source: Sharkey, Braun and Millidge 2022, "Taking features out of superposition with sparse autoencoders".
    """
    directions = torch.nn.functional.normalize(torch.randn(features, d, generator=generator), dim=1)
    weights = decay ** torch.arange(features, dtype=torch.float32)
    return SparseWorld(directions, (active * weights / weights.sum()).clamp(max=1.0))


def elhage_inputs(shape: tuple[int, int, int], density: Tensor, generator: torch.Generator) -> Tensor:
    """Inputs of the toy models of superposition: uniform on [0, 1] with probability `density`, else 0.

    Args:
        shape: models, samples, features.
        density: [models], one minus the sparsity S of the paper.
        generator: of the samples.

    Returns:
        [models, samples, features].

    Source: Elhage et al. 2022, "Toy models of superposition", section 2.
    """
    draw = torch.rand((2, *shape), generator=generator)
    return draw[0] * (draw[1] < density[:, None, None])
