"""Close frames: single frames with one animal, large enough to be seen at few pixels, or with none."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator

import torch
from torch import Tensor

from glassbook.data.world import World
from glassbook.data.world.frames.drawing import draw, extent
from glassbook.data.world.frames.scenes import Animal, Scene, triggers
from glassbook.data.world.frames.stations import Station

EMPTY = 0.1
"""Share of close frames without an animal, nearly."""
SHARE = 0.1
"""Least share of a close frame that the box around an animal takes."""
KEPT = 0.2
"""Share of triggers with animals that show one large one, nearly: so many more are drawn to make up for it."""


def close_scenes(world: World, seed: int, places: Collection[str] | None = None) -> Iterator[Scene]:
    """The middle scenes of bursts, without end: those of one large animal, and some of none.

    Args:
        world: whose cameras they are of.
        seed: of the stream; by convention training uses 0 and up, held-out frames -1 and down.
        places: those of these places only.
    """
    for trigger in triggers(world, seed, places, empty=EMPTY * KEPT / (1 - EMPTY + EMPTY * KEPT)):
        scene = trigger.scene(1)
        sizes = [_share(trigger.station, animal) for animal in scene.animals]
        if not sizes or (len(sizes) == 1 and sizes[0] >= SHARE):
            yield scene


def close_frames(world: World, n: int, size: int, seed: int, places: Collection[str] | None = None) -> Tensor:
    """The first n frames of `close_scenes`, bytes [n, 3, size, size]; the same seed gives the same ones."""
    scenes = list(itertools.islice(close_scenes(world, seed, places), n))
    return draw(scenes, size, torch.Generator().manual_seed(seed % 2**31)).images


def _share(where: Station, animal: Animal) -> float:
    """Share of the frame that the box around an animal takes."""
    left, top, right, bottom = (min(max(x, 0.0), 1.0) for x in extent(where, animal))
    return (right - left) * (bottom - top)
