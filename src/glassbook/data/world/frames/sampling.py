"""Close frames: single frames on which an animal, where there is one, is large enough to be seen at few pixels."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator

import torch
from torch import Tensor

from glassbook.data.world import World
from glassbook.data.world.frames.drawing import draw, extent
from glassbook.data.world.frames.scenes import Scene, triggers

EMPTY = 0.2
"""Share of close frames without an animal."""
SHARE = 0.08
"""Least share of a close frame that the box around an animal takes."""


def close_scenes(world: World, seed: int, places: Collection[str] | None = None) -> Iterator[Scene]:
    """The middle scenes of bursts, without end: those with a large animal, and some without any.

    Args:
        world: whose cameras they are of.
        seed: of the stream; by convention training uses 0 and up, held-out frames -1 and down.
        places: those of these places only.
    """
    # Of all triggers with animals about half show a large one; twice as many animals are drawn to make up for it.
    for trigger in triggers(world, seed, places, empty=EMPTY / (2 - EMPTY)):
        scene = trigger.scene(1)
        if not scene.animals or _largest(scene) >= SHARE:
            yield scene


def close_frames(world: World, n: int, size: int, seed: int, places: Collection[str] | None = None) -> Tensor:
    """The first n frames of `close_scenes`, bytes [n, 3, size, size]; the same seed gives the same ones."""
    scenes = list(itertools.islice(close_scenes(world, seed, places), n))
    return draw(scenes, size, torch.Generator().manual_seed(seed % 2**31)).images


def _largest(scene: Scene) -> float:
    """Share of the frame that the box around its largest animal takes."""
    where = scene.trigger.station
    shares = []
    for animal in scene.animals:
        left, top, right, bottom = (min(max(x, 0.0), 1.0) for x in extent(where, animal))
        shares.append((right - left) * (bottom - top))
    return max(shares)
