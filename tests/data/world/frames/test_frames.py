"""Frames of camera traps: what is on them is what the scenes say."""

import itertools
import math
import random

import pytest
import torch

from glassbook.data.world import World
from glassbook.data.world import words as W
from glassbook.data.world.frames import Captions, draw, long_tail, split, stations, triggers
from glassbook.data.world.frames.looks import LOOKS, Pose, body, individual
from glassbook.data.world.frames.stations import view


@pytest.fixture(scope="module")
def world():
    return World()


def taken(world, n, seed=0, size=48, **options):
    scenes = [trigger.scene(1) for trigger in itertools.islice(triggers(world, seed, **options), n)]
    return scenes, draw(scenes, size, torch.Generator().manual_seed(seed % 2**31))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(world):
    _, one = taken(world, 20)
    _, again = taken(World(), 20)
    _, other = taken(world, 20, seed=-1)
    assert all(map(torch.equal, one, again))
    assert not torch.equal(one.images, other.images)


def test_seven_triggers_in_ten_show_nothing(world):
    found = list(itertools.islice(triggers(world, 0), 4000))
    assert sum(trigger.event is None for trigger in found) / 4000 == pytest.approx(0.7, abs=0.03)
    scenes, frames = taken(world, 12, empty=1.0)
    assert not any(s.animals for s in scenes)
    assert not frames.masks.any()
    assert len(frames.boxes) == len(frames.frame) == 0


def test_masks_and_boxes_are_of_the_animals(world):
    scenes, frames = taken(world, 150, empty=0.0, size=64)
    assert frames.frame.tolist() == [i for i, s in enumerate(scenes) for _ in s.animals]
    assert ((frames.visible >= 0) & (frames.visible <= 1 + 1e-5)).all()
    covered = total = 0
    for i in range(len(scenes)):
        boxes = (frames.boxes[frames.frame == i] * 64).round().int().tolist()
        inside = torch.zeros(64, 64, dtype=torch.bool)
        for left, top, width, height in boxes:
            assert 0 <= left <= left + width <= 64
            assert 0 <= top <= top + height <= 64
            inside[top : top + height, left : left + width] = True
        covered += int((frames.masks[i] & inside).sum())
        total += int(frames.masks[i].sum())
    assert total > 5000
    assert covered >= 0.99 * total
    hidden = frames.boxes[frames.visible < 1e-3]
    assert not hidden.any()


def test_what_is_nearer_hides_what_is_behind_it(world):
    _, frames = taken(world, 300, empty=0.0)
    assert (frames.visible < 0.9).float().mean() > 0.05
    assert (frames.visible > 0.97).float().mean() > 0.5


def test_frames_of_a_burst_differ_by_more_than_noise(world):
    for trigger in itertools.islice(triggers(world, 5, empty=0.0), 8):
        images = draw(trigger.burst, 48, torch.Generator().manual_seed(0)).images.float()
        again = draw([trigger.scene(0)] * 2, 48, torch.Generator().manual_seed(0)).images.float()
        assert not torch.equal(images[0], images[1])
        assert (again[0] - again[1]).abs().mean() > 0  # the sensor's noise alone
    moved = [
        trigger for trigger in itertools.islice(triggers(world, 6, empty=0.0), 60) if trigger.scene(0).animals[0].speed
    ]
    for trigger in moved:
        first, last = (trigger.scene(k).animals[0] for k in (0, 2))
        assert (last.across - first.across) * first.heading > 0


def test_nights_are_grey_and_days_are_not(world):
    scenes, frames = taken(world, 80, empty=0.0)
    colourful = (frames.images.float().std(1)).mean((1, 2))
    night = torch.tensor([s.night for s in scenes])
    assert night.any()
    assert (colourful[night] == 0).all()
    assert (colourful[~night] > 1).all()


def test_splits_by_station_share_no_place_and_have_every_ground(world):
    found = split(world)
    assert {name: len(places) for name, places in found.items()} == {"train": 16, "dev": 4, "test": 4}
    assert sorted(itertools.chain(*found.values())) == sorted(world.reserve.places)
    for places in found.values():
        assert {world.reserve.ground[place] for place in places} == set(W.PLACES)
    only = [t.station.place for t in itertools.islice(triggers(world, 0, found["test"]), 50)]
    assert set(only) <= set(found["test"])


def test_species_are_drawn_as_often_as_asked(world):
    names, ratio = ("deer", "fox", "heron"), 9.0
    assert long_tail(3, ratio) == pytest.approx([1, 1 / 3, 1 / 9])
    assert long_tail(1, ratio) == [1]
    stream = triggers(world, 0, species=names, weights=long_tail(3, ratio), empty=0.0)
    seen = [t.event.species.name for t in itertools.islice(stream, 1500)]
    shares = [seen.count(name) / 1500 for name in names]
    assert shares == pytest.approx([9 / 13, 3 / 13, 1 / 13], abs=0.04)


def test_a_place_that_is_none_is_refused(world):
    with pytest.raises(ValueError, match="none of"):
        next(triggers(world, 0, ["the moon"]))
    with pytest.raises(ValueError, match="no scene"):
        draw([], 32, torch.Generator())


@pytest.mark.parametrize("name", list(W.SPECIES))
def test_every_species_has_a_look_that_stands_on_the_ground(name):
    for pose in (Pose(), Pose(step=1.0, stride=0.4, down=1.0)):
        parts = body(LOOKS[name], pose)
        assert all(math.isfinite(x) for part in parts for x in part[:6])
        lowest = min(min(part.ay - part.ra, part.by - part.rb) for part in parts)
        if not LOOKS[name].wings:
            assert -0.2 < lowest < 0.1
        highest = max(max(part.ay + part.ra, part.by + part.rb) for part in parts)
        assert highest < (2.8 if LOOKS[name].wings else 1.3)
    rng = random.Random(0)
    assert individual(LOOKS[name], rng) != individual(LOOKS[name], rng)


def test_looks_are_told_apart_by_shape_not_by_colour():
    coats = torch.tensor([look.coat for look in LOOKS.values()])
    near = torch.cdist(coats, coats).fill_diagonal_(9).amin(1)
    assert (near < 0.12).float().mean() > 0.75  # most have a species of nearly their colour beside them


def test_captions_say_what_the_scene_holds(world):
    captions = Captions(world.reserve)
    for trigger in itertools.islice(triggers(world, 2, empty=0.3), 60):
        said = captions.caption(trigger)
        spans = {span.kind: span.value for span in said.spans}
        assert spans["place"] == trigger.station.place
        assert spans["time"] == trigger.time
        assert spans["weather"] == trigger.weather
        assert int(spans["count"]) == len(trigger.scene(0).animals)
        assert spans.get("species") == (trigger.event.species.name if trigger.event else None)
        assert said == captions.caption(trigger)
        assert said.text.startswith("Nothing at") == (trigger.event is None)


def test_each_station_has_a_view_of_its_own_at_any_size(world):
    found = stations(world)
    assert len({s.camera for s in found}) == 24
    small = [view(s, 32).colour for s in found]
    assert all(torch.equal(view(s, 32).colour, one) for s, one in zip(found[:3], small, strict=False))
    flat = torch.stack(small).flatten(1)
    assert torch.cdist(flat, flat).fill_diagonal_(9).min() > 1
    large = view(found[0], 65)
    assert large.colour.shape == (3, 65, 65)
    assert large.depth.min() > 0
