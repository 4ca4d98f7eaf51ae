"""Corruptions of pictures, as values: noise of the sensor, missing pixels, salt and pepper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from glassbook.errors import GlassbookError

Corruption = Callable[[Tensor, torch.Generator], Tensor]
"""(pictures [B, C, H, W] in values from 0 to 1, where to draw from) -> corrupted pictures of the same shape."""


@dataclass(frozen=True)
class Gaussian:
    """Adds independent normal noise of the standard deviation `sigma` to every value; values may leave 0 to 1."""

    sigma: float

    def __post_init__(self) -> None:
        if not 0 <= self.sigma < float("inf"):
            raise GlassbookError(f"sigma is {self.sigma}; it must be a finite number that is not negative")

    def __call__(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """See `Corruption`."""
        return pictures + self.sigma * torch.randn(pictures.shape, generator=generator)


@dataclass(frozen=True)
class Masking:
    """Sets each pixel, in all its channels, to 0 with probability `p`. Source: Vincent et al. 2008, section 2.3."""

    p: float

    def __post_init__(self) -> None:
        _check_probability(self.p)

    def __call__(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """See `Corruption`."""
        return pictures * (_per_pixel(pictures, generator) >= self.p)


@dataclass(frozen=True)
class SaltAndPepper:
    """Sets each pixel, in all its channels, to 0 or 1 with probability `p` / 2 each."""

    p: float

    def __post_init__(self) -> None:
        _check_probability(self.p)

    def __call__(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """See `Corruption`."""
        draw = _per_pixel(pictures, generator)
        return torch.where(draw < self.p, (draw < self.p / 2).to(pictures.dtype), pictures)


def _check_probability(p: float) -> None:
    if not 0 <= p <= 1:
        raise GlassbookError(f"a probability of {p} makes no sense; give one from 0 to 1")


def _per_pixel(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """A uniform number for each pixel, [B, 1, H, W]."""
    return torch.rand(len(pictures), 1, *pictures.shape[2:], generator=generator)
