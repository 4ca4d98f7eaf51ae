"""Close frames: one large animal or none, from the stations that were asked for, the same for the same seed."""

from __future__ import annotations

import itertools

import pytest
import torch

from glassbook.data.world import World
from glassbook.data.world.frames import close_frames, draw, split
from glassbook.data.world.frames.sampling import EMPTY, SHARE, close_scenes


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.mark.parametrize("seed", [0, 5, -1])
def test_each_scene_has_one_large_animal_or_none(world, seed):
    scenes = list(itertools.islice(close_scenes(world, seed), 400))
    assert {len(scene.animals) for scene in scenes} == {0, 1}
    assert sum(not scene.animals for scene in scenes) / 400 == pytest.approx(EMPTY, abs=0.06)
    assert {scene.night for scene in scenes} == {True, False}


def test_the_animal_fills_its_share_of_the_picture(world):
    scenes = list(itertools.islice(close_scenes(world, 1), 40))
    frames = draw(scenes, 64, torch.Generator().manual_seed(0))
    clear = frames.visible > 0.95
    assert clear.sum() > 5
    assert (frames.boxes[clear, 2] * frames.boxes[clear, 3]).min() > SHARE / 2


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_stations_are_those_that_were_asked_for(world, part):
    places = split(world)[part]
    scenes = itertools.islice(close_scenes(world, -1, places), 60)
    assert {scene.trigger.station.place for scene in scenes} <= set(places)


def test_the_same_seed_gives_the_same_frames(world):
    first, again, other = (close_frames(world, 4, 32, seed) for seed in (-3, -3, -4))
    assert first.shape == (4, 3, 32, 32)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
