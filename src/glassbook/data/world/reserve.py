"""The Reserve itself: who keeps which place, what each species eats, and the events that happen there.

Facts depend on the world's seed alone. An `Event` is what a camera saw; notes and reports are written about it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from glassbook.data.world import grammar
from glassbook.data.world import words as W
from glassbook.data.world.writer import Categorical, TextWriter, zipf


@dataclass(frozen=True)
class Species:
    """An animal of the Reserve. `active` is day, dusk or night; `size` is in metres."""

    name: str
    active: str
    food: str
    ground: str
    size: float

    @property
    def one(self) -> str:
        """ "an otter"."""
        return f"{grammar.article(self.name)} {self.name}"

    @property
    def plural(self) -> str:
        """Its name for several."""
        return grammar.plural(self.name)


@dataclass(frozen=True)
class Ranger:
    """Someone who works in the Reserve, and what is true of them."""

    name: str
    pronoun: str
    village: str
    keeps: str
    watches: str
    honesty: float

    @property
    def possessive(self) -> str:
        """ "his" or "her"."""
        return "her" if self.pronoun == "she" else "his"


@dataclass(frozen=True)
class Event:
    """What one camera station saw at one moment."""

    species: Species
    count: int
    place: str
    camera: int
    month: str
    day: int
    time: str
    weather: str


# When an animal of each activity is seen: weights over the times of day, in the order of words.TIMES.
_HOURS = {"day": (1, 5, 5, 5, 1, 0.2), "dusk": (5, 1, 0.3, 1, 6, 2), "night": (2, 0.3, 0.2, 0.3, 3, 9)}
# Weather by season, in the order of words.WEATHERS: sun, rain, fog, snow, wind, thunder.
_SKY = {"winter": (2, 1, 2, 5, 2, 0.1), "spring": (4, 4, 1, 0.3, 2, 0.5),
        "summer": (7, 1, 0.5, 0.01, 1, 2), "autumn": (2, 4, 4, 0.5, 4, 0.5)}  # fmt: skip
_SEASONS = ["winter"] * 2 + ["spring"] * 3 + ["summer"] * 3 + ["autumn"] * 3 + ["winter"]


class Reserve:
    """The facts of one world.

    Args:
        seed: decides every fact; two reserves of one seed are equal.
    """

    def __init__(self, seed: int = 0) -> None:
        rng = random.Random(f"reserve-{seed}")
        self.species = [Species(name, *rest[:3], size=rest[3]) for name, rest in W.SPECIES.items()]
        self.places = [place for places in W.PLACES.values() for place in places]
        self.ground = {place: kind for kind, places in W.PLACES.items() for place in places}
        self.camera = dict(zip(self.places, rng.sample(range(1, 41), len(self.places)), strict=True))
        villages, keeps = rng.sample(W.VILLAGES, 24), rng.sample(self.places, 24)
        watches = rng.sample([s.name for s in self.species], 24)
        self.rangers = [
            Ranger(name, pronoun, villages[i], keeps[i], watches[i], honesty=rng.choice([0.9, 0.7, 0.3]))
            for i, (name, pronoun) in enumerate(W.RANGERS.items())
        ]
        self.visitors = rng.sample([a + b for a in W.NAME_STARTS for b in W.NAME_ENDS], 320)
        self.hamlets = rng.sample([a + b for a in W.HAMLET_STARTS for b in W.HAMLET_ENDS], 160)
        self._tables()

    def _tables(self) -> None:
        self.any_species = zipf(self.species, 0.8)
        self.alike = Categorical(self.species)
        self.any_ranger = zipf(self.rangers, 0.5)
        self.any_visitor = zipf(self.visitors)
        self.any_hamlet = zipf(self.hamlets)
        self.any_place = Categorical(self.places)
        self.other_places = {place: Categorical([p for p in self.places if p != place]) for place in self.places}
        self.at_home = {ground: zipf([s for s in self.species if s.ground == ground], 0.5) for ground in W.PLACES}
        self.day = Categorical(range(1, 29))
        self.month = Categorical(W.MONTHS)
        self.count = Categorical(range(1, 7), [12, 5, 3, 1.5, 1, 0.5])
        self.hours = {active: Categorical(W.TIMES, weights) for active, weights in _HOURS.items()}
        self.sky = {season: Categorical(W.WEATHERS, weights) for season, weights in _SKY.items()}
        # Four sightings in five are on the ground that a species likes.
        self.where = {
            ground: Categorical(self.places, [4.0 if self.ground[p] == ground else 1 / 3 for p in self.places])
            for ground in W.PLACES
        }

    def event(self, w: TextWriter) -> Event:
        """Draw an event, charging its cost to `w`, whose text must then state every field."""
        species = w.pick(self.any_species)
        place = w.pick(self.where[species.ground])
        month = w.pick(self.month)
        season = _SEASONS[W.MONTHS.index(month)]
        return Event(
            species=species,
            count=w.pick(self.count),
            place=place,
            camera=self.camera[place],
            month=month,
            day=w.pick(self.day),
            time=w.pick(self.hours[species.active]),
            weather=w.pick(self.sky[season]),
        )
