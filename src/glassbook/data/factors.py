"""Sprites: small pictures with independent factors, to test whether a code has found them.

The factors are independent of each other and evenly spread: shape, place across and down, size, angle and shade.
After dSprites (Matthey et al. 2017), with a shade and soft edges.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

FACTORS = ("shape", "x", "y", "size", "angle", "shade")
SHAPES = ("ellipse", "square", "heart")


class Sprites(NamedTuple):
    """Pictures [N, 1, size, size] with values from 0 to 1, and the factors [N, 6] that made them (see FACTORS)."""

    images: Tensor
    factors: Tensor


def sprites(n: int, size: int, generator: torch.Generator) -> Sprites:
    """`n` sprites of random factors.

    Args:
        n: how many.
        size: pixels of a side.
        generator: of the factors.

    Returns:
        Sprites; shape is 0, 1 or 2 (see SHAPES), x and y are the middle in shares of the picture, size half the extent
        in the same unit, angle is in radians from 0 to a quarter turn, shade the brightness.
    """
    draw = torch.rand(n, len(FACTORS), generator=generator)
    low = torch.tensor([0.0, 0.25, 0.25, 0.12, 0.0, 0.4])
    high = torch.tensor([3.0, 0.75, 0.75, 0.24, math.pi / 2, 1.0])
    factors = low + draw * (high - low)
    factors[:, 0] = factors[:, 0].floor().clamp(max=2)
    shape, x, y, extent, angle, shade = (f[:, None, None] for f in factors.unbind(1))
    middle = (torch.arange(size) + 0.5) / size
    across, down = middle[None, None] - x, middle[None, :, None] - y
    u = (across * angle.cos() + down * angle.sin()) / extent
    v = (down * angle.cos() - across * angle.sin()) / extent
    ellipse = (u.square() + (2 * v).square()).sqrt() - 1
    square = torch.maximum(u.abs(), v.abs()) / 0.8 - 1
    lobe = 1.2 * v + 0.25 - 0.7 * (u.abs() + 1e-6).sqrt()  # the upper edge of a heart dents in the middle
    heart = (u.square() + lobe.square()).sqrt() - 0.9
    distance = torch.where(shape == 0, ellipse, torch.where(shape == 1, square, heart)) * extent * size
    return Sprites((shade * (0.5 - distance).clamp(0, 1))[:, None], factors)
