"""Painting of animals: tapered capsules by signed distance, many animals at once, in torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from glassbook.data.world.frames.looks import EYE, Capsule, Look

PATTERNS = ("plain", "spots", "stripes", "speckles", "patches")


class Bodies(NamedTuple):
    """A animals of at most P capsules, in their own frames (see `looks`); short ones are filled up with nothing."""

    shapes: Tensor
    """[A, P, 6]: ax, ay, bx, by, ra, rb."""
    paints: Tensor
    """[A, P, 5]: red, green, blue, how much of the pattern shows, whether it is an eye."""
    marks: Tensor
    """[A, 3], the colours of the patterns."""
    patterns: Tensor
    """[A], places in `PATTERNS`."""


class Painted(NamedTuple):
    """A animals on grids of H x W."""

    colour: Tensor
    """[A, 3, H, W], 0 to 1, lit from above; what it is outside the animal does not matter."""
    alpha: Tensor
    """[A, H, W], the share of each pixel that is animal."""
    eye: Tensor
    """[A, H, W], the share that is an eye."""


def bodies(animals: Sequence[tuple[Look, Sequence[Capsule]]]) -> Bodies:
    """Animals as tensors."""
    most = max(len(capsules) for _, capsules in animals)
    nothing = [0.0, 0.0, 0.0, 0.0, -1e3, -1e3]
    shapes = [[[*c[:6]] for c in capsules] + [nothing] * (most - len(capsules)) for _, capsules in animals]
    paints = [
        [[*c.colour, c.patterned, float(c.colour is EYE)] for c in capsules] + [[0.0] * 5] * (most - len(capsules))
        for _, capsules in animals
    ]
    return Bodies(
        torch.tensor(shapes),
        torch.tensor(paints),
        torch.tensor([look.mark for look, _ in animals]),
        torch.tensor([PATTERNS.index(look.pattern) for look, _ in animals]),
    )


def paint(animals: Bodies, u: Tensor, v: Tensor, pixel: Tensor) -> Painted:
    """Paint each animal over the places of a grid.

    Args:
        animals: A animals.
        u: [A, W], the x of each column in the animal's own frame.
        v: [A, H], the y of each row.
        pixel: [A], the width of a pixel there.

    Returns:
        Painted.
    """
    u, v, pixel = u[:, None, :], v[:, :, None], pixel[:, None, None]
    n, height, width = len(u), v.shape[1], u.shape[2]
    alpha, light = torch.zeros(2, n, height, width)
    layers = torch.zeros(n, 5, height, width)
    for shape, given in zip(animals.shapes.unbind(1), animals.paints.unbind(1), strict=True):
        ax, ay, bx, by, ra, rb = shape[:, :, None, None].unbind(1)
        dx, dy = bx - ax, by - ay
        along = (((u - ax) * dx + (v - ay) * dy) / (dx * dx + dy * dy + 1e-9)).clamp_(0, 1)
        up = v - ay - along * dy
        radius = ra + along * (rb - ra)
        distance = torch.hypot(u - ax - along * dx, up).sub_(radius)
        here = (0.5 - distance / pixel).clamp_(0, 1)
        light.lerp_((up / radius.abs()).clamp_(-1, 1), here)
        layers.lerp_(given[:, :, None, None].expand_as(layers), here[:, None])
        alpha = torch.maximum(alpha, here)
    shown = layers[:, 3] * pattern(animals.patterns, u, v)
    colour = layers[:, :3]
    colour = colour + (animals.marks[:, :, None, None] - colour) * shown[:, None]
    return Painted((colour * (0.86 + 0.24 * light)[:, None]).clamp(0, 1), alpha, layers[:, 4])


def pattern(kind: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """[A, H, W], how dark the pattern of each of A coats is at the places (u, v) of the animal's own frame."""
    made = {
        "spots": ((u * 55).sin() * (v * 55 + (u * 19).sin() * 2).sin() - 0.35).mul_(4),
        "stripes": ((u * 48 + (v * 14).sin() * 1.5).sin() - 0.2).mul_(3).expand(-1, v.shape[1], -1),
        "speckles": ((u * 97 + (v * 61).sin() * 2).sin() * (v * 83 + (u * 71).sin() * 2).sin() - 0.1).mul_(2),
        "patches": ((u * 36).sin() - 0.15).mul_(5).expand(-1, v.shape[1], -1),
    }
    out = torch.zeros(len(kind), v.shape[1], u.shape[2])
    for name, values in made.items():
        chosen = kind == PATTERNS.index(name)
        if chosen.any():
            out[chosen] = values[chosen].clamp(0, 1)
    return out
