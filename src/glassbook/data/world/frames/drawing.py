"""Frames of camera traps: scenes painted as pictures, with masks and boxes, in batches."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from glassbook.data.world import words as W
from glassbook.data.world.frames.looks import body
from glassbook.data.world.frames.painting import Painted, bodies, paint
from glassbook.data.world.frames.scenes import Animal, Scene
from glassbook.data.world.frames.stations import FAR, Station, View, view
from glassbook.data.world.reserve import _SEASONS

CHUNK = 128
"""Frames that are painted at once."""
SEEN = 0.25
"""Coverage of a pixel from which it counts as animal."""


class Frames(NamedTuple):
    """N frames of size S, and what is on them.

    The A animals of all frames stand in one list, the farthest of each frame first.
    """

    images: Tensor
    """uint8 [N, 3, S, S]."""
    masks: Tensor
    """bool [N, S, S], where an animal is seen."""
    frame: Tensor
    """[A], which frame each animal is on."""
    boxes: Tensor
    """[A, 4]: left, top, width and height of what is seen of it, as shares of the frame; zeros if nothing is."""
    visible: Tensor
    """[A], share of its pixels in the frame that nothing hides."""


def draw(scenes: Sequence[Scene], size: int, generator: torch.Generator) -> Frames:
    """Paint scenes.

    Args:
        scenes: what to paint.
        size: pixels of a side.
        generator: of the sensor's noise, rain and snow.
    """
    if not scenes:
        raise ValueError("there is no scene to draw")
    parts = [_draw(scenes[i : i + CHUNK], size, generator) for i in range(0, len(scenes), CHUNK)]
    starts = [i * CHUNK for i in range(len(parts))]
    return Frames(
        torch.cat([part.images for part in parts]),
        torch.cat([part.masks for part in parts]),
        torch.cat([part.frame + start for part, start in zip(parts, starts, strict=True)]),
        torch.cat([part.boxes for part in parts]),
        torch.cat([part.visible for part in parts]),
    )


def _draw(scenes: Sequence[Scene], size: int, generator: torch.Generator) -> Frames:
    views = {s.trigger.station: _view(s.trigger.station, size) for s in scenes}
    here = [views[s.trigger.station] for s in scenes]
    canvas = _Canvas(
        torch.stack([v.colour for v in here]),
        torch.stack([v.depth for v in here]),
        torch.stack([v.distance for v in here]),
        _swaying(scenes, here),
    )
    animals = [(i, rank, animal) for i, s in enumerate(scenes) for rank, animal in enumerate(s.animals)]
    boxes, visible = torch.zeros(len(animals), 4), torch.zeros(len(animals))
    for rank in range(max((rank for _, rank, _ in animals), default=-1) + 1):  # the farthest of every frame first
        for side in sorted({16, 32, size}):
            chosen = [
                n for n, (i, r, animal) in enumerate(animals)
                if r == rank and _side(scenes[i].trigger.station, animal, size) == side
            ]  # fmt: skip
            if chosen:
                boxes[chosen], visible[chosen] = canvas.add(
                    [animals[n][0] for n in chosen], [animals[n][2] for n in chosen], scenes, min(side, size)
                )
    canvas.finish()
    images = _photograph(scenes, canvas, size, generator)
    return Frames(
        images, canvas.mask > SEEN, torch.tensor([i for i, _, _ in animals], dtype=torch.long), boxes, visible
    )


@lru_cache(maxsize=256)
def _view(s: Station, size: int) -> View:
    return view(s, size)


def extent(s: Station, animal: Animal) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of an animal in its frame, shares of the frame."""
    scale = s.scale(animal.distance) * animal.species.size
    parts = body(animal.look, animal.pose)
    xs = [x for c in parts for x in (c.ax - c.ra, c.ax + c.ra, c.bx - c.rb, c.bx + c.rb)]
    ys = [y for c in parts for y in (c.ay - c.ra, c.ay + c.ra, c.by - c.rb, c.by + c.rb)]
    sides = [animal.across + animal.heading * animal.turn * scale * x for x in (min(xs), max(xs))]
    foot = s.foot(animal.distance)
    return min(sides), foot - scale * max(ys), max(sides), foot - scale * min(ys)


def _side(s: Station, animal: Animal, size: int) -> int:
    """The smallest window that an animal fits into, pixels."""
    left, top, right, bottom = (min(max(x, 0.0), 1.0) * size for x in extent(s, animal))
    needed = max(right - left, bottom - top) + 4
    return next((side for side in (16, 32) if needed <= side < size), size)


class _Canvas:
    """The colours of N frames before there is light, and what is where."""

    def __init__(self, colour: Tensor, depth: Tensor, distance: Tensor, near: Tensor) -> None:
        self.colour, self.depth, self.distance, self.near = colour, depth.clone(), distance, near
        self.mask, self.eyes = torch.zeros(2, *depth.shape)

    def add(
        self, at: Sequence[int], animals: Sequence[Animal], scenes: Sequence[Scene], side: int
    ) -> tuple[Tensor, Tensor]:
        """Paint animals, each into its own frame; their boxes [A, 4] and visible shares [A]."""
        size = self.mask.shape[1]
        rows, columns, places = [], [], []
        for i, animal in zip(at, animals, strict=True):
            s = scenes[i].trigger.station
            left, top, right, bottom = (x * size for x in extent(s, animal))
            rows.append(_window(top, bottom, side, size))
            columns.append(_window(left, right, side, size))
            scale = s.scale(animal.distance) * animal.species.size
            exposure = 0.09 if scenes[i].night else 0.02
            smear = animal.speed * exposure * s.scale(animal.distance) * size
            places.append(
                (animal.across, s.foot(animal.distance), animal.heading * animal.turn * scale, scale, smear,
                 animal.distance)
            )  # fmt: skip
        across, foot, wide, high, smear, distance = torch.tensor(places).unbind(1)
        y = torch.tensor(rows)[:, None] + torch.arange(side)
        x = torch.tensor(columns)[:, None] + torch.arange(side)
        u = ((x + 0.5) / size - across[:, None]) / wide[:, None]
        v = (foot[:, None] - (y + 0.5) / size) / high[:, None]
        painted = paint(bodies([(a.look, body(a.look, a.pose)) for a in animals]), u, v, 1 / (size * high))
        painted = _smeared(painted, smear)
        frame = torch.tensor(at)[:, None, None]
        where = (frame, y[:, :, None], x[:, None, :])
        seen = painted.alpha * (distance[:, None, None] < self.distance[where])
        spread = (frame[:, None], torch.arange(3)[:, None, None], y[:, None, :, None], x[:, None, None, :])
        below = self.colour[spread]
        self.colour[spread] = below + (painted.colour - below) * seen[:, None]
        self.depth[where] = torch.where(seen > 0.5, distance[:, None, None], self.depth[where])
        self.mask[where] = torch.maximum(self.mask[where], seen)
        self.eyes[where] = torch.maximum(self.eyes[where] * (1 - seen), painted.eye * seen)
        clear = seen * (1 - self.near[:, 3][where])
        return _boxes(clear, y, x, size), clear.sum((1, 2)) / painted.alpha.sum((1, 2)).clamp(min=1e-6)

    def finish(self) -> None:
        """Hang what is close to the lens before it."""
        cover = self.near[:, 3]
        self.colour += (self.near[:, :3] - self.colour) * cover[:, None]
        self.mask *= 1 - cover
        self.eyes *= 1 - cover
        self.depth = torch.where(cover > 0.5, 0.5, self.depth)


def _window(low: float, high: float, side: int, size: int) -> int:
    """Where a window of `side` pixels begins that holds what lies between low and high in a frame of `size`."""
    middle = (max(low, 0) + min(high, size)) / 2
    return min(max(math.floor(middle) - side // 2, 0), size - side)


def _boxes(seen: Tensor, y: Tensor, x: Tensor, size: int) -> Tensor:
    """[A, 4] boxes around what is seen in windows [A, side, side] at rows y and columns x."""
    inside = seen > SEEN
    boxes = torch.zeros(len(seen), 4)
    for axis, (at, other) in enumerate(((x, 1), (y, 2))):
        there = inside.any(other)
        low = torch.where(there, at, size).amin(1)
        high = torch.where(there, at + 1, 0).amax(1)
        boxes[:, axis], boxes[:, axis + 2] = low / size, (high - low).clamp(min=0) / size
    return boxes * inside.any(2).any(1)[:, None]


def _smeared(painted: Painted, widths: Tensor) -> Painted:
    """Moving animals, blurred along the rows by some pixels each."""
    moving = (widths >= 1.5).nonzero()[:, 0]
    if not len(moving):
        return painted
    colour, alpha, eye = (t.clone() for t in painted)
    reach = int(widths.max().ceil())
    kernel = (torch.arange(-reach, reach + 1).abs()[None] <= widths[moving][:, None] / 2).float()
    kernel = (kernel / kernel.sum(1, keepdim=True))[:, None, None]

    def blur(t: Tensor) -> Tensor:
        return F.conv2d(t[None], kernel, padding=(0, reach), groups=len(moving))[0]

    solid = blur(alpha[moving])
    for c in range(3):
        colour[moving, c] = blur(colour[moving, c] * alpha[moving]) / solid.clamp(min=1e-4)
    alpha[moving], eye[moving] = solid, blur(eye[moving])
    return Painted(colour, alpha, eye)


def _swaying(scenes: Sequence[Scene], views: Sequence[View]) -> Tensor:
    """What hangs before the lens, moved by the wind."""
    found = []
    for scene, seen in zip(scenes, views, strict=True):
        rng = random.Random(f"{scene.trigger.seed}-sway-{scene.k}")
        reach = 0.05 if scene.trigger.weather in ("wind", "thunder") or scene.trigger.event is None else 0.015
        found.append(seen.near.roll(round(rng.gauss(0, reach) * seen.near.shape[2]), dims=2))
    return torch.stack(found)


# --- light and weather --------------------------------------------------------------------------------------------

_LIGHT = {
    "dawn": (0.78, 0.68, 0.66), "morning": (1.0, 0.98, 0.94), "noon": (1.1, 1.1, 1.08), "afternoon": (1.05, 1.0, 0.9),
    "dusk": (0.74, 0.58, 0.5), "night": (1.0, 1.0, 1.0),
}  # fmt: skip
"""Red, green and blue of the light."""
_DIM = {"sun": 1.08, "rain": 0.8, "fog": 0.92, "snow": 0.95, "wind": 0.98, "thunder": 0.58}
_SEASON = {"winter": (0.96, 0.94, 0.98), "spring": (0.97, 1.04, 0.94), "summer": (1.0, 1.0, 0.96),
           "autumn": (1.08, 0.97, 0.84)}  # fmt: skip


def _photograph(scenes: Sequence[Scene], canvas: _Canvas, size: int, generator: torch.Generator) -> Tensor:
    """The pictures that a sensor takes of a canvas, uint8 [N, 3, S, S]."""
    night = torch.tensor([scene.night for scene in scenes])
    gains, fog, falls, mounts = [], [], [], []
    for scene in scenes:
        trigger = scene.trigger
        rng = random.Random(f"{trigger.seed}-light")
        level = _DIM[trigger.weather] * math.exp(rng.gauss(0, 0.12)) * (1 + 0.03 * (scene.k - 1) * rng.gauss(0, 1))
        light, season = _LIGHT[trigger.time], _SEASON[_SEASONS[W.MONTHS.index(trigger.month)]]
        warm = (trigger.station.warm, 1.0, 2 - trigger.station.warm)
        gains.append([(a * b * level) ** 0.6 * c for a, b, c in zip(light, season, warm, strict=True)])  # exposed
        thick = (
            rng.uniform(3.5, 9) if trigger.weather == "fog" else 26.0 if trigger.weather in ("rain", "snow") else 1e4
        )
        fog.append(thick)
        falls.append([trigger.weather in ("rain", "thunder"), trigger.weather == "snow"])
        mounts.append(trigger.station.vignette)
    colour = canvas.colour
    snowy = torch.tensor([fall[1] for fall in falls])
    if snowy.any():  # it lies on the ground
        lies = ((canvas.depth < FAR * 0.98) & (canvas.mask < 0.5) & (canvas.distance == math.inf)).float()
        lies = (lies * 0.55 * snowy[:, None, None])[:, None]
        colour = colour + (0.86 - colour) * lies
    haze = (1 - torch.exp(-canvas.depth / torch.tensor(fog)[:, None, None]))[:, None]
    colour = colour + (torch.tensor((0.74, 0.76, 0.77))[:, None, None] - colour) * haze
    colour = colour * torch.tensor(gains)[:, :, None, None]
    if night.any():
        colour[night] = _infrared(colour[night], canvas.depth[night], canvas.eyes[night], torch.tensor(gains)[night])
    colour = _falling(colour, torch.tensor(falls), night, generator)
    colour = colour * _vignette(size, torch.tensor(mounts))[:, None]
    sigma = torch.where(night, 0.045, 0.014)[:, None, None, None]
    noise = torch.randn(colour.shape, generator=generator)
    noise = torch.where(night[:, None, None, None], noise[:, :1], noise)
    return ((colour + sigma * noise).clamp_(0, 1) * 255).round_().to(torch.uint8)


def _infrared(colour: Tensor, depth: Tensor, eyes: Tensor, gains: Tensor) -> Tensor:
    """Grey pictures by the light of the camera itself, which fades with distance; eyes shine."""
    grey = (colour / gains.mean(1)[:, None, None, None] * torch.tensor((0.42, 0.4, 0.18))[:, None, None]).sum(1)
    light = (0.7 + 0.4 * gains.mean(1))[:, None, None] * torch.exp(-depth / 9)
    lit = 0.02 + (0.1 + 1.05 * grey) * light
    return (lit + eyes * (1.6 - lit))[:, None].expand(-1, 3, -1, -1)


def _falling(colour: Tensor, falls: Tensor, night: Tensor, generator: torch.Generator) -> Tensor:
    """Rain in streaks, snow in flakes."""
    size = colour.shape[2]
    for kind, (share, shape, strength) in enumerate(((0.006, (max(size // 12, 3), 1), 0.22), (0.005, (2, 2), 0.75))):
        chosen = falls[:, kind].nonzero()[:, 0]
        if not len(chosen):
            continue
        drops = (torch.rand(len(chosen), 1, size, size, generator=generator) < share).float()
        high, wide = shape
        drops = F.max_pool2d(F.pad(drops, (wide - 1, 0, high - 1, 0)), shape, stride=1)
        bright = torch.where(night[chosen], 0.7, 0.8)[:, None, None, None]
        colour[chosen] = colour[chosen] + (bright - colour[chosen]) * drops * strength
    return colour


def _vignette(size: int, strength: Tensor) -> Tensor:
    """[N, S, S], darker towards the corners."""
    at = (torch.arange(size) + 0.5) / size * 2 - 1
    return 1 - strength[:, None, None] * (at[:, None] ** 2 + at[None] ** 2) / 2
