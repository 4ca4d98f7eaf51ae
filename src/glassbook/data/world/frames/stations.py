"""Camera stations of the Reserve: what each camera looks at, and how it is mounted.

A station's view depends on the world's seed and the camera's number alone. It is painted once for each size: the ground
of its place (water, wood, rock or grass), eight to fourteen things that stand there, and what hangs into the picture.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from glassbook.data.world.frames.looks import Colour

FAR = 60.0
"""Metres at which things melt into the horizon."""


@dataclass(frozen=True)
class Station:
    """How a camera is mounted.

    Args:
        place: where it stands.
        ground: the kind of that place.
        camera: its number.
        horizon: height of the horizon, as a share of the frame's height from the top.
        height: of the camera above the ground, metres.
        focal: size of one metre at a distance of one metre, as a share of the frame's height.
        vignette: how much darker the corners are.
        warm: red against blue of its sensor; 1 is neutral.
        seed: of everything else about its view.
    """

    place: str
    ground: str
    camera: int
    horizon: float
    height: float
    focal: float
    vignette: float
    warm: float
    seed: str

    def scale(self, distance: float) -> float:
        """Size of a metre at a distance, as a share of the frame's height."""
        return self.focal / distance

    def foot(self, distance: float) -> float:
        """Where the ground is at a distance, as a share of the frame's height from the top."""
        return self.horizon + self.height * self.scale(distance)


class View(NamedTuple):
    """What a station sees when nobody is there, painted at one size. Colours are 0 to 1, linear enough to shade."""

    colour: Tensor
    """[3, H, W]."""
    distance: Tensor
    """[H, W] metres to whatever stands there and hides what is behind it; ground and sky hide nothing and are inf."""
    depth: Tensor
    """[H, W] metres, of the ground as well, for fog and for light that fades."""
    near: Tensor
    """[4, H, W], colour and coverage of what hangs into the picture and moves in the wind."""


def station(world: int, place: str, ground: str, camera: int) -> Station:
    """The station of a place."""
    seed = f"station-{world}-{camera}"
    rng = random.Random(seed)
    return Station(
        place, ground, camera, horizon=rng.uniform(0.24, 0.42), height=rng.uniform(0.55, 1.1),
        focal=rng.uniform(0.85, 1.15), vignette=rng.uniform(0.12, 0.38), warm=rng.uniform(0.93, 1.07), seed=seed,
    )  # fmt: skip


_SKY: dict[str, Colour] = {
    "water": (0.7, 0.78, 0.84), "wood": (0.42, 0.5, 0.4), "rock": (0.68, 0.75, 0.85), "grass": (0.68, 0.78, 0.88),
}  # fmt: skip
_GROUND: dict[str, tuple[Colour, Colour]] = {
    "water": ((0.42, 0.44, 0.34), (0.36, 0.46, 0.52)),
    "wood": ((0.36, 0.29, 0.2), (0.3, 0.33, 0.19)),
    "rock": ((0.5, 0.48, 0.44), (0.42, 0.41, 0.33)),
    "grass": ((0.43, 0.5, 0.25), (0.53, 0.51, 0.29)),
}
_THINGS = {
    "water": ("reeds", "reeds", "reeds", "stone", "bush", "trunk"),
    "wood": ("trunk", "trunk", "trunk", "trunk", "bush", "fern"),
    "rock": ("stone", "stone", "stone", "bush", "stone", "grass"),
    "grass": ("grass", "grass", "bush", "stone", "grass", "trunk"),
}


def view(s: Station, size: int) -> View:
    """Paint what a station sees, size x size pixels."""
    rng = random.Random(s.seed + "-view")
    generator = torch.Generator().manual_seed(rng.getrandbits(60))
    y = ((torch.arange(size) + 0.5) / size)[:, None].expand(size, size)
    x = ((torch.arange(size) + 0.5) / size)[None].expand(size, size)
    below = y - s.horizon
    depth = (s.height * s.focal / below.clamp(min=s.height * s.focal / FAR)).clamp(max=FAR)
    first, second = (torch.tensor(colour)[:, None, None] for colour in _GROUND[s.ground])
    mixed = _clouds(generator, size, 5, stretch=3.0)
    grain = _clouds(generator, size, size // 2, stretch=1.5)
    ground = first + (second - first) * (1.6 * mixed - 0.3).clamp(0, 1)
    if s.ground == "water":  # a pool that lies before the far bank
        edge, reach = rng.uniform(5, 9), rng.uniform(2.0, 3.2)
        wet = ((depth > reach) & (depth < edge)).float() * ((mixed - 0.25) * 8).clamp(0, 1)
        shine = torch.tensor(_SKY["water"])[:, None, None] * (0.62 + 0.25 * _clouds(generator, size, 9, stretch=9.0))
        ground = ground + (shine - ground) * wet
    ground = ground * (0.78 + 0.42 * grain)
    sky = torch.tensor(_SKY[s.ground])[:, None, None] * (0.88 + 0.2 * _clouds(generator, size, 3, stretch=3.0))
    hills = s.horizon - 0.04 - 0.1 * _ridge(rng, x)
    sky = torch.where(y > hills, sky * torch.tensor([0.62, 0.68, 0.6])[:, None, None], sky)
    colour = torch.where(below > 0, ground, sky)
    away = (depth / FAR).clamp(0, 1) ** 0.7
    colour = colour + (torch.tensor(_SKY[s.ground])[:, None, None] - colour) * (away * 0.35 * (below > 0))
    distance = torch.full((size, size), math.inf)
    things = sorted((_thing(rng, s) for _ in range(rng.randint(8, 14))), key=lambda thing: -thing[2])
    for kind, at, metres in things:
        cover, paint = _standing(kind, rng, s, at, metres, x, y, generator)
        haze = 0.3 * min(1.0, metres / FAR * 2)
        paint = paint + (torch.tensor(_SKY[s.ground])[:, None, None] - paint) * haze
        colour = colour + (paint - colour) * cover
        distance = torch.where(cover > 0.5, metres, distance)
        depth = torch.where(cover > 0.5, metres, depth)
    return View(colour.clamp(0, 1), distance, depth, _hanging(rng, x, y))


def _clouds(generator: torch.Generator, size: int, cells: int, stretch: float) -> Tensor:
    """Smooth noise between 0 and 1, [size, size], wider than high."""
    rough = torch.rand(1, 1, max(cells, 2), max(int(cells / stretch), 2), generator=generator)
    return torch.nn.functional.interpolate(rough, (size, size), mode="bicubic", align_corners=False)[0, 0].clamp(0, 1)


def _ridge(rng: random.Random, x: Tensor) -> Tensor:
    """Hills along the horizon, 0 to 1."""
    waves = sum(rng.uniform(0.2, 1) * torch.sin(x * k * 3 + rng.uniform(0, 6)) / k for k in (1, 2, 3, 5))
    return (0.5 + 0.35 * torch.as_tensor(waves)).clamp(0, 1)


def _thing(rng: random.Random, s: Station) -> tuple[str, float, float]:
    """Kind, place across the frame and distance of a thing; what is near stands at the sides."""
    metres = rng.uniform(1.6, 5) if rng.random() < 0.45 else rng.uniform(5, 25)
    side = rng.choice((-1, 1))
    across = 0.5 + side * rng.uniform(0.25, 0.55) if metres < 4 else rng.uniform(0, 1)
    return rng.choice(_THINGS[s.ground]), across, metres


def _standing(
    kind: str, rng: random.Random, s: Station, at: float, metres: float, x: Tensor, y: Tensor, g: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Coverage [H, W] and colour [3, H, W] of a thing that stands on the ground."""
    scale, foot, pixel = s.scale(metres), s.foot(metres), 1 / len(y)
    shade = rng.uniform(0.75, 1.15)

    def painted(colour: Colour, light: Tensor) -> Tensor:
        return torch.tensor(colour)[:, None, None] * (shade * light)

    if kind == "trunk":
        width, lean = rng.uniform(0.07, 0.2) * scale, rng.uniform(-0.06, 0.06)
        across = (x - at - lean * (foot - y)) / width
        cover = ((1 - across.abs()) * width / pixel).clamp(0, 1) * (y < foot)
        bark = 0.75 + 0.35 * torch.sin(x * 160 + y * 9).mul(0.3).add(0.3) - 0.25 * across
        return cover, painted(rng.choice(((0.3, 0.25, 0.2), (0.42, 0.38, 0.33), (0.36, 0.27, 0.19))), bark)
    if kind == "stone":
        wide, high = rng.uniform(0.2, 0.6) * scale, rng.uniform(0.15, 0.4) * scale
        inside = 1 - ((x - at) / wide) ** 2 - ((y - foot) / high) ** 2
        inside = inside + 0.25 * (_clouds(g, len(y), 8, 1.0) - 0.5)
        cover = (inside * min(wide, high) / pixel * 0.7).clamp(0, 1) * (y < foot + 0.15 * high)
        return cover, painted((0.47, 0.46, 0.44), 0.75 + 0.35 * ((foot - y) / high).clamp(0, 1))
    if kind == "bush":
        wide, high = rng.uniform(0.3, 0.7) * scale, rng.uniform(0.3, 0.8) * scale
        inside = 1 - ((x - at) / wide) ** 2 - ((y - foot + high * 0.5) / high) ** 2
        leaves = _clouds(g, len(y), max(len(y) // 3, 4), 1.0)
        cover = ((inside + 0.9 * (leaves - 0.5)) * 3).clamp(0, 1) * (y < foot)
        return cover, painted((0.25, 0.35, 0.17), 0.6 + 0.7 * leaves)
    blades = {"reeds": (22, 1.0, (0.5, 0.49, 0.28)), "grass": (26, 0.4, (0.45, 0.52, 0.24))}
    n, tall, colour = blades.get(kind, (12, 0.6, (0.24, 0.4, 0.18)))
    cover = torch.zeros_like(x)
    for _ in range(n):
        root = at + rng.gauss(0, 0.22) * scale
        top, lean = tall * rng.uniform(0.5, 1.1) * scale, rng.gauss(0, 0.25)
        thick = max(rng.uniform(0.008, 0.02) * scale, 0.3 * pixel)
        rise = ((foot - y) / top).clamp(0, 1)
        across = (x - root - lean * top * rise**2).abs()
        blade = ((thick * (1 - 0.8 * rise) - across) / pixel + 0.5).clamp(0, 1) * ((y < foot) & (y > foot - top))
        cover = torch.maximum(cover, blade)
    return cover, painted(colour, 0.8 + 0.4 * torch.rand(1, len(y), generator=g).expand_as(x))


def _hanging(rng: random.Random, x: Tensor, y: Tensor) -> Tensor:
    """Colour and coverage [4, H, W] of blades and twigs close to the lens."""
    cover, pixel = torch.zeros_like(x), 1 / len(y)
    from_below = rng.random() < 0.6
    for _ in range(rng.randint(2, 7)):
        root, reach = rng.choice((rng.uniform(0, 0.3), rng.uniform(0.7, 1))), rng.uniform(0.12, 0.42)
        lean, thick = rng.gauss(0, 0.5), rng.uniform(0.006, 0.018)
        rise = ((1 - y) if from_below else y) / reach
        across = (x - root - lean * reach * rise**2).abs()
        blade = ((thick * (1 - 0.7 * rise.clamp(0, 1)) - across) / pixel * 0.7 + 0.5).clamp(0, 1) * (rise < 1)
        cover = torch.maximum(cover, blade)
    green = torch.tensor((0.3, 0.36, 0.17)) * rng.uniform(0.6, 1.1)
    return torch.cat((green[:, None, None].expand(3, *x.shape), cover[None]))
