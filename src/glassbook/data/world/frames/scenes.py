"""What camera traps of the Reserve are triggered by, and the three scenes of each burst.

Most triggers are wind or light and show no animal. The others are `Event`s, of which notes and reports also tell.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from glassbook.data.world import World
from glassbook.data.world import words as W
from glassbook.data.world.frames.looks import LOOKS, Look, Pose, individual
from glassbook.data.world.frames.stations import Station, station
from glassbook.data.world.reserve import Event, Species
from glassbook.data.world.writer import TextWriter

EMPTY = 0.7
"""Share of triggers that no animal set off."""
BURST = 3
"""Frames of a trigger."""
PAUSE = 0.6
"""Seconds between two of them."""


@dataclass(frozen=True)
class Trigger:
    """One time that a camera was set off.

    Args:
        station: the camera.
        event: what was there; None if nothing was.
        month, day, time, weather: when, and in which weather.
        seed: of everything else that its frames show.
    """

    station: Station
    event: Event | None
    month: str
    day: int
    time: str
    weather: str
    seed: str

    def scene(self, k: int) -> Scene:
        """The k-th frame of its burst, k from 0 to 2."""
        return Scene(self, k)

    @property
    def burst(self) -> list[Scene]:
        """All three."""
        return [self.scene(k) for k in range(BURST)]


@dataclass(frozen=True)
class Animal:
    """An animal in front of a camera.

    Args:
        species: its species.
        look: its own look.
        pose: how it holds itself.
        across: where its feet are, as a share of the frame's width.
        distance: metres from the camera.
        heading: 1 if it heads to the right, -1 to the left.
        turn: how long it looks from the camera's side, 1 when seen from the side.
        speed: metres a second.
    """

    species: Species
    look: Look
    pose: Pose
    across: float
    distance: float
    heading: int
    turn: float
    speed: float


@dataclass(frozen=True)
class Scene:
    """What stands in front of a camera in one frame of a burst."""

    trigger: Trigger
    k: int

    @property
    def night(self) -> bool:
        """Whether the frame is taken in infrared light."""
        return self.trigger.time == "night"

    @cached_property
    def animals(self) -> tuple[Animal, ...]:
        """The animals, the farthest first."""
        event, where = self.trigger.event, self.trigger.station
        if event is None:
            return ()
        rng = random.Random(self.trigger.seed)
        size = event.species.size
        nearest = where.height * where.focal / (0.99 - where.horizon)
        distance = max(nearest, min(size * math.exp(rng.uniform(0.3, 1.3)), 12.0))
        heading, speed = rng.choice((-1, 1)), (0.25 + size) * rng.choice((0.0, 0.25, 0.6, 1.0)) * rng.uniform(0.6, 1.3)
        first = rng.uniform(0.22, 0.78)
        found = []
        for i in range(event.count):
            own = random.Random(f"{self.trigger.seed}-{i}")
            at = distance if i == 0 else max(nearest, distance * math.exp(own.gauss(0.1, 0.22)))
            across = first if i == 0 else first + own.choice((-1, 1)) * own.uniform(0.5, 1.3) * size * where.scale(at)
            walks = speed * own.uniform(0.8, 1.2)
            facing = heading if own.random() < 0.85 else -heading
            since = (self.k - 1) * PAUSE
            pose = Pose(
                step=own.uniform(0, 2 * math.pi) + since * 5 * walks / (0.3 + size),
                stride=min(0.5, 0.15 + walks / (1 + size)) if walks else 0.06,
                down=0.0 if walks else max(0.0, own.uniform(-0.8, 1.0)) if own.random() < 0.8 else own.random(),
            )
            found.append(
                Animal(
                    event.species, individual(LOOKS[event.species.name], own), pose,
                    across + facing * since * walks * where.scale(at), at, facing, own.uniform(0.68, 1.0), walks,
                )
            )  # fmt: skip
        return tuple(sorted(found, key=lambda animal: -animal.distance))


def stations(world: World) -> list[Station]:
    """The Reserve's camera stations, one for each place."""
    reserve = world.reserve
    return [station(world.seed, place, reserve.ground[place], reserve.camera[place]) for place in reserve.places]


def split(world: World) -> dict[str, list[str]]:
    """Places for training (16), development (4) and test (4): every kind of ground is in each, no place in two."""
    rng = random.Random(f"split-{world.seed}")
    found: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    for places in W.PLACES.values():
        mixed = rng.sample(places, len(places))
        found["dev"].append(mixed[0])
        found["test"].append(mixed[1])
        found["train"] += mixed[2:]
    return found


def triggers(
    world: World,
    seed: int,
    places: Collection[str] | None = None,
    species: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
    empty: float = EMPTY,
) -> Iterator[Trigger]:
    """Triggers without end; the same seed gives the same ones.

    Args:
        world: whose cameras they are of.
        seed: of the stream; by convention training uses 0 and up, held-out frames -1 and down.
        places: those of these places only.
        species: events of these species only.
        weights: how often each of `species` is drawn, in proportion; without it as often as events have them.
        empty: share of triggers without an animal.
    """
    rng = random.Random(f"triggers-{world.seed}-{seed}")
    cameras = {s.place: s for s in stations(world) if places is None or s.place in places}
    if not cameras:
        raise ValueError(f"none of {sorted(places or ())} is a place of the Reserve")
    while True:
        wanted = None if species is None or weights is None else rng.choices(species, weights)[0]
        event = _event(world, rng, cameras, species if wanted is None else (wanted,))
        name = f"trigger-{world.seed}-{seed}-{rng.getrandbits(48)}"
        gone = rng.random() < empty
        yield Trigger(
            cameras[event.place], None if gone else event, event.month, event.day, event.time, event.weather, name
        )


def _event(world: World, rng: random.Random, places: Collection[str], species: Sequence[str] | None) -> Event:
    """The next event at one of some places, of one of some species."""
    while True:
        event = world.reserve.event(TextWriter(rng))
        if event.place in places and (species is None or event.species.name in species):
            return event


def long_tail(n: int, ratio: float) -> list[float]:
    """Weights of n classes that fall geometrically, the first `ratio` times as frequent as the last."""
    return [ratio ** (-i / max(n - 1, 1)) for i in range(n)]
