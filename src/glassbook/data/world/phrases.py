"""Phrases that every genre is made of: noun phrases with recursion, verb phrases, pronouns that refer."""

from __future__ import annotations

from dataclasses import dataclass

from glassbook.data.world import words as W
from glassbook.data.world.grammar import article, ing, past, plural
from glassbook.data.world.reserve import Event, Ranger, Reserve, Species
from glassbook.data.world.writer import Categorical, TextWriter, zipf


@dataclass
class Referent:
    """Somebody a text speaks of: how to name them, and the pronoun that may stand for them."""

    kind: str  # the kind of the truth spans: "person" or "species"
    value: str
    name: str
    pronoun: str


class Theme:
    """The words that colour a story: tables of nouns, past verbs, adjectives and roles."""

    def __init__(self, name: str) -> None:
        nouns, verbs, adjectives, roles = (group.split() for group in W.THEMES[name])
        self.name = name
        self.nouns: Categorical[str] = zipf(nouns, 0.7)
        self.verbs: Categorical[str] = zipf([past(v) for v in verbs], 0.7)
        self.adjectives: Categorical[str] = zipf(adjectives, 0.7)
        self.roles: Categorical[str] = zipf(roles, 0.7)


class Phrases:
    """Writes phrases about one reserve; holds the tables, no state of any text."""

    def __init__(self, reserve: Reserve) -> None:
        self.reserve = reserve
        self.adjective: Categorical[str] = zipf(W.ADJECTIVES)
        self.noun: Categorical[str] = zipf(list(dict.fromkeys(W.NOUNS)))
        self.person_past = zipf([past(v) for v in W.PERSON_VERBS])
        self.person_base = zipf(W.PERSON_VERBS)
        self.person_ing = zipf([ing(v) for v in W.PERSON_VERBS])
        self.animal_past = zipf([past(v) for v in W.ANIMAL_VERBS])
        self.adverb, self.preposition = zipf(W.ADVERBS), zipf(W.PREPOSITIONS, 0.5)
        self.mood = Categorical(W.MOODS)
        self.synonyms = {
            key: zipf(options) for group in (W.MOODS, W.WEATHERS, W.TIMES) for key, options in group.items()
        }
        self.themes = [Theme(name) for name in W.THEMES]

    # Names of things whose truth is known -------------------------------------------------------------------

    def place(self, w: TextWriter, place: str) -> None:
        """ "the north ridge"."""
        with w.mark("place", place):
            w.say(f"the {place}")

    def time(self, w: TextWriter, time: str) -> None:
        """ "at dusk"."""
        with w.mark("time", time):
            w.say(w.pick(self.synonyms[time]))

    def weather(self, w: TextWriter, weather: str) -> None:
        """ "thick fog"."""
        with w.mark("weather", weather):
            w.say(w.pick(self.synonyms[weather]))

    def animals(self, w: TextWriter, species: Species, count: int) -> None:
        """ "an otter", "three herons"."""
        with w.mark("species", species.name):
            if count == 1:
                w.say(f"{article(species.name)} {species.name}")
            else:
                w.say(f"{W.NUMBERS[count - 1]} {species.plural}")

    def feeling(self, w: TextWriter, mood: str) -> None:
        """ "delighted"."""
        with w.mark("mood", mood):
            w.say(w.pick(self.synonyms[mood]))

    def refer(self, w: TextWriter, who: Referent, again: bool) -> None:
        """Name `who`; if just spoken of (`again`), mostly by a pronoun, which is marked as the name would be."""
        with w.mark(who.kind, who.value):
            w.say(who.pronoun if again and w.flip(0.7) else who.name)

    def ranger(self, ranger: Ranger) -> Referent:
        """`ranger` as somebody to speak of."""
        return Referent("person", ranger.name, ranger.name, ranger.pronoun)

    def animal(self, species: Species) -> Referent:
        """One animal of `species` as something to speak of."""
        return Referent("species", species.name, f"the {species.name}", "it")

    # Phrases that recurse -----------------------------------------------------------------------------------

    def thing(self, w: TextWriter, theme: Theme | None = None, depth: int = 0) -> None:
        """A noun phrase: "the old lamp", "a bell by the gate that the marten watched"; nests without bound."""
        themed = theme is not None and w.flip(0.75)
        table = theme.nouns if themed and theme else self.noun
        described = w.flip(0.35)
        adjective = w.pick(theme.adjectives if themed and theme else self.adjective) if described else ""
        noun = w.pick(table)
        determiner = "the" if w.flip(0.6) else article(adjective or noun)
        w.say(" ".join(filter(None, (determiner, adjective, noun))))
        if w.flip(0.22 / (depth + 1)):
            w.say(w.pick(self.preposition))
            self.thing(w, theme, depth + 1)
        elif w.flip(0.16 / (depth + 1)):
            self.relative(w, theme, depth + 1)

    def relative(self, w: TextWriter, theme: Theme | None, depth: int) -> None:
        """A relative clause: "that the heron watched", "that stood near the mill that ..."."""
        with w.mark("syntax", "relative clause"):
            w.say("that")
            if w.flip(0.5):
                species = w.pick(self.reserve.any_species)
                with w.mark("species", species.name):
                    w.say(f"the {species.name}")
                w.say(w.pick(_SAW))
            else:
                w.say(w.pick(_STOOD))
                w.say(w.pick(self.preposition))
                self.thing(w, theme, depth + 1)

    def deed(self, w: TextWriter, who: Referent, theme: Theme | None = None) -> None:
        """A verb phrase in the past tense that suits `who`, with what it was done to, where and how."""
        if who.kind == "species":
            w.say(w.pick(self.animal_past))
            if w.flip(0.5):
                w.say(w.pick(self.preposition))
                self.thing(w, theme)
        else:
            themed = theme is not None and w.flip(0.6)
            if themed and theme:
                w.say(w.pick(theme.verbs))
                self.thing(w, theme)
            else:
                self._plain_deed(w, theme)
        if w.flip(0.25):
            w.say(w.pick(self.adverb))

    def _plain_deed(self, w: TextWriter, theme: Theme | None) -> None:
        form = w.pick(_FORMS)
        if form == "past":
            w.say(w.pick(self.person_past))
        elif form == "ing":
            w.say(w.pick(_KEPT))
            w.say(w.pick(self.person_ing))
        else:
            w.say(w.pick(_TRIED))
            w.say(w.pick(self.person_base))
        link = w.pick(_LINKS)
        if link:
            w.say(w.pick(self.preposition))
            self.thing(w, theme)

    def said(self, w: TextWriter, speakers: Categorical[Ranger], inner: int = 0) -> Ranger:
        """ "Tam said that", which may nest: "Tam said that Mira thought that". Returns the innermost speaker."""
        speaker = w.pick(speakers)
        with w.mark("person", speaker.name):
            w.say(speaker.name)
        w.say(w.pick(_SAID))
        w.say("that")
        return self.said(w, speakers, inner + 1) if w.flip(0.3 / (inner + 1)) else speaker

    def sighting(self, w: TextWriter, event: Event) -> None:
        """ "three herons at the ford at dawn", all of which the event decides."""
        self.animals(w, event.species, event.count)
        w.say("at")
        self.place(w, event.place)
        self.time(w, event.time)


_SAW = zipf(["watched", "found", "followed", "left", "knew", "feared", "guarded"], 0.7)
_STOOD = zipf(["stood", "lay", "waited", "hung", "rested"], 0.7)
_FORMS = Categorical(["past", "ing", "base"], [6, 2, 2])
_KEPT = zipf(["kept", "began", "stopped", "went on"], 0.7)
_TRIED = zipf(["tried to", "wanted to", "had to", "forgot to", "liked to", "came to"], 0.7)
_LINKS = Categorical([True, False], [6, 4])
_SAID = zipf(["said", "thought", "believed", "wrote", "heard", "dreamed"], 0.7)
