"""Genres: the kinds of text that the Reserve is told in. Each is a method of `Genres` that writes one document."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from glassbook.data.world import plots
from glassbook.data.world import words as W
from glassbook.data.world.reserve import Event, Ranger, Reserve, Species
from glassbook.data.world.tables import LEXICON, MOOD_WORDS, TABLES, variants
from glassbook.data.world.telling import Animal, Person, Said, Telling, Template
from glassbook.data.world.writer import Categorical, TextWriter, zipf

Genre = Callable[[TextWriter], None]


class Genres:
    """Writes whole documents about one reserve.

    Attributes:
        kind: name and writer of each genre, as often as the default mixture has it.
    """

    def __init__(self, reserve: Reserve) -> None:
        self.reserve = reserve
        self.prepositions = sorted({spot[0] for spots in LEXICON.spots.values() for spot in spots.items})
        self.keeper = {ranger.keeps: ranger for ranger in reserve.rangers}
        self.kind: Categorical[tuple[str, Genre]] = Categorical(
            [
                ("note", self.note),
                ("story", self.story),
                ("facts", self.facts),
                ("question", self.question),
                ("report", self.report),
                ("reply", self.reply),
            ],
            [4, 4, 4, 5, 8, 3],
        )

    def story(self, w: TextWriter) -> None:
        """A story about a ranger, told by one of the `plots`."""
        plots.tell(w, self.reserve)

    # --- field notes: an event as a ranger writes it down ---------------------------------------------------------

    def note(self, w: TextWriter) -> None:
        """ "12 March, at dusk. Camera 7, the ford. Fog. Two otters. They waited. Mira was glad." """
        event = self.reserve.event(w)
        self._head(w, event)
        w.stop()
        self._animals(w, event.species, event.count)
        w.stop()
        t = Telling(w)
        animal = Animal(event.species.name, event.count, introduced=True)
        t.spoken[animal.pronoun] = animal
        if w.flip(0.3):
            t(_ATE, animal=animal, food=event.species.food)
        done: list[Template] = []
        for _ in range(w.pick(_FEW)):
            done.append(did := w.pick_other(TABLES["animal_did"], done))
            t(_DID, animal=animal, did=did)
        if w.flip(0.6):
            mood = w.pick(_BITES if event.species.name in W.DANGEROUS else _MOODS[event.weather])
            ranger = w.pick(self.reserve.any_ranger)
            writer = Person(ranger.name, ranger.pronoun, known=True)
            t(_RANGER_WAS, ranger=writer, mood=Said("mood", mood, MOOD_WORDS[mood]))

    def _head(self, w: TextWriter, event: Event) -> None:
        w.say(f"{event.day} {event.month}")
        w.stop(",")
        self._say(w, "time", event.time)
        w.stop()
        w.say(f"camera {event.camera}")
        w.stop(",")
        self._place(w, event.place)
        w.stop()
        self._weather(w, event)

    # --- facts: what is always true in this world -----------------------------------------------------------------

    def facts(self, w: TextWriter) -> None:
        """Two to four sentences, each a fact of the Reserve."""
        stated: dict[str, list[Species | Ranger]] = {}
        for _ in range(w.pick(_FACTS)):
            relation = w.pick(_RELATION)
            self.fact(w, relation, true=True, stated=stated.setdefault(relation, []))

    def fact(self, w: TextWriter, relation: str, true: bool, stated: list[Species | Ranger] | None = None) -> None:
        """State one fact of `relation`; a false one puts another value in its place.

        Args:
            w: where the text goes.
            relation: "food", "active", "ground", "keeps", "watches" or "village".
            true: whether it is a fact.
            stated: whom it was stated of already; the fact is of another, who is added.
        """
        stated = [] if stated is None else stated
        stated.append(holder := self._holder(w, relation, stated))
        value = getattr(holder, relation) if true else self._other(w, relation, getattr(holder, relation))
        self._begin(w, relation, holder)
        with w.mark("fact", relation), w.mark("stated", "true" if true else "false"):
            self._value(w, relation, value)
        w.stop()

    def statements(self) -> list[tuple[str, str]]:
        """(beginning, answer) of every fact as `facts` states it, answers with the space before them."""
        found = []
        for relation in _RELATION.items:
            holders = self.reserve.species if relation in _OF_SPECIES else self.reserve.rangers
            for holder in holders:
                w = TextWriter(random.Random(0))
                self._begin(w, relation, holder)
                begins = w.length
                self._value(w, relation, getattr(holder, relation))
                found.append((w.text[:begins], w.text[begins:]))
        return found

    def _begin(self, w: TextWriter, relation: str, holder: Species | Ranger) -> None:
        if isinstance(holder, Species):
            with w.mark("species", holder.name):
                w.say(f"the {holder.name}")
        else:
            with w.mark("person", holder.name):
                w.say(holder.name)
        w.say(_VERB[relation])

    def _holder(self, w: TextWriter, relation: str, but: list[Species | Ranger]) -> Species | Ranger:
        holders: Categorical[Any] = self.reserve.any_species if relation in _OF_SPECIES else self.reserve.any_ranger
        return w.pick_other(holders, but)

    def _value(self, w: TextWriter, relation: str, value: str) -> None:
        if relation == "keeps":
            self._place(w, value)
        elif relation == "watches":
            with w.mark("species", value):
                w.say(f"the {value}")
        else:
            w.say(_VALUE_WORDS.get((relation, value), value))

    def _other(self, w: TextWriter, relation: str, truth: str) -> str:
        holders = self.reserve.species if relation in _OF_SPECIES else self.reserve.rangers
        return w.pick(Categorical(sorted({getattr(holder, relation) for holder in holders} - {truth})))

    # --- questions about facts, and about a field note ------------------------------------------------------------

    def question(self, w: TextWriter) -> None:
        """ "Question: what does the otter eat? Answer: crabs." one to three times; or a note, and what it says."""
        if w.flip(0.3):
            self._reading(w)
            return
        asked: dict[str, list[Species | Ranger]] = {}
        for i in range(w.pick(_ASKED)):
            if i:
                w.line()
            relation = w.pick(_QUESTION)
            self._ask(w, relation, asked.setdefault(relation, []))

    def _ask(self, w: TextWriter, relation: str, asked: list[Species | Ranger]) -> None:
        w.say("question")
        w.stop(":")
        before, behind = _QUESTIONS[relation]
        w.say(before)
        asked.append(holder := self._holder(w, relation, asked))
        if isinstance(holder, Species):
            with w.mark("species", holder.name):
                w.say(f"the {holder.name}")
        elif relation == "keeper":
            self._place(w, holder.keeps)
        else:
            with w.mark("person", holder.name):
                w.say(holder.name)
        if behind:
            w.say(behind)
        w.stop("?")
        w.say("answer")
        w.stop(":")
        with w.mark("fact", relation):
            if relation == "keeper":
                with w.mark("person", holder.name):
                    w.say(holder.name)
            else:
                self._value(w, relation, getattr(holder, relation))
        w.stop()

    def _reading(self, w: TextWriter) -> None:
        """A note and one or two questions about it."""
        event = self.reserve.event(w)
        self._head(w, event)
        w.stop()
        self._animals(w, event.species, event.count)
        w.stop()
        head, asked = w.text, list[str]()
        for _ in range(w.pick(_ONE_OR_TWO)):
            w.line()
            asked.append(what := w.pick_other(_READ, asked))
            w.say("question")
            w.stop(":")
            w.say(_READ_QUESTIONS[what])
            w.stop("?")
            w.say("answer")
            w.stop(":")
            if what == "animals":
                self._animals(w, event.species, event.count)
            elif what == "place":
                w.say("at")
                self._place(w, event.place)
            else:
                self._again(w, what, getattr(event, what), head)
            w.stop()

    # --- reports: what a camera recorded, and what a ranger says of it, truly or not ------------------------------

    def report(self, w: TextWriter) -> None:
        """The record of an event, then somebody's account of it, then whether that was the truth."""
        event = self.reserve.event(w)
        w.say("record")
        w.stop(":")
        w.say(f"{event.day} {event.month}")
        w.stop(",")
        w.say(f"camera {event.camera}")
        w.stop(",")
        self._weather(w, event)
        w.stop(",")
        self._animals(w, event.species, event.count)
        w.say("at")
        self._place(w, event.place)
        self._say(w, "time", event.time)
        w.stop()
        ranger = self._said(w)
        honest = w.flip(ranger.honesty)
        with w.mark("speaker", ranger.name):
            w.say(w.pick(_SAWN))
            self._account(w, event, honest)
        w.stop()
        with w.mark("verdict", "truth" if honest else "lie"):
            w.say(_VERDICT[honest])
        w.stop()
        if w.flip(0.5):
            self._reaction(w, ranger, honest)

    def _said(self, w: TextWriter, inner: int = 0) -> Ranger:
        """ "Tam said that", which may nest: "Tam said that Mira thought that". Returns the innermost speaker."""
        speaker = w.pick(self.reserve.any_ranger)
        with w.mark("person", speaker.name):
            w.say(speaker.name)
        nests = w.flip(0.2 / (inner + 1))
        w.say(w.pick(_HEARD if nests else _CLAIMED))
        w.say("that")
        return self._said(w, inner + 1) if nests else speaker

    def _account(self, w: TextWriter, event: Event, honest: bool) -> None:
        """Says what was seen. A liar changes one thing.

        The part that decides is marked: the changed one in a lie, the last one in a true account.
        """
        wrong = "" if honest else w.pick(_LIES)
        species, place, time = event.species, event.place, event.time
        if wrong == "species":
            species = w.pick_other(self.reserve.alike, (species,))
        elif wrong == "place":
            place = w.pick_other(self.reserve.any_place, (place,))
        elif wrong == "time":
            time = w.pick_other(_TIMES, (time,))
        for part in ("species", "place", "time"):
            decides = part == (wrong or "time")
            start = w.next
            if part == "species":
                self._animals(w, species, event.count)
            elif part == "place":
                w.say("at")
                self._place(w, place)
            else:
                self._say(w, "time", time)
            if decides:
                w.span(start, "account", "true" if honest else "false")
            w.span(start, "record", "contradicts" if part == wrong else "agrees")

    def _reaction(self, w: TextWriter, ranger: Ranger, honest: bool) -> None:
        other = w.pick_other(self.reserve.any_ranger, (ranger,))
        mood = "glad" if honest else w.pick(_LYING_MOOD)
        with w.mark("person", other.name):
            w.say(other.name)
        w.say("was")
        self._say(w, "mood", mood)
        if mood == "angry":
            w.say("with")
            with w.mark("person", ranger.name):
                w.say("her" if ranger.pronoun == "she" else "him")
        else:
            w.say("to hear it" if honest else "about it")
        w.stop()

    # --- replies: a visitor asks, a ranger answers politely or rudely ---------------------------------------------

    def reply(self, w: TextWriter) -> None:
        """A visitor's request and the reply it gets."""
        self.answer(w, self.request(w), polite=w.flip(0.5))

    def request(self, w: TextWriter) -> Request:
        """A visitor's question, for which a reply may be written."""
        visitor, place = w.pick(self.reserve.any_visitor), w.pick(self.reserve.any_place)
        ranger = w.pick(self.reserve.any_ranger)
        w.quote()
        with w.mark("speaker", "visitor"):
            asked = w.pick(_REQUESTS)
            w.say(asked)
            self._place(w, place)
        w.unquote("?")
        w.say("asked")
        w.say(visitor)
        if w.flip(0.3):
            w.say("from")
            w.say(w.pick(self.reserve.any_hamlet))
        w.stop()
        return Request(ranger, place, asked)

    def answer(self, w: TextWriter, request: Request, polite: bool) -> None:
        """The ranger's reply, polite or rude; both say what was asked for."""
        w.quote()
        keeper = self.keeper[request.place]
        with w.mark("manner", "polite" if polite else "rude"), w.mark("speaker", request.ranger.name):
            w.say(w.pick(_POLITE_OPENING if polite else _RUDE_OPENING))
            w.stop(".")
            if request.asked == _KEEPER:
                if keeper is request.ranger:
                    w.say("I do")
                else:
                    with w.mark("person", keeper.name), w.mark("fact", "keeper"):
                        w.say(keeper.name)
                    w.say("does")
            else:
                w.say(w.pick(_POLITE_BODY if polite else _RUDE_BODY))
                _, _, landmark = w.pick(LEXICON.spots[self.reserve.ground[request.place]])
                w.say(f"the {landmark}")
            w.stop(",")
            w.say(w.pick(_POLITE_END if polite else _RUDE_END))
        w.unquote("," if polite else "!")
        w.say("said")
        with w.mark("person", request.ranger.name):
            w.say(request.ranger.name)
        w.stop()

    # --- things whose truth is known ------------------------------------------------------------------------------

    def _place(self, w: TextWriter, place: str) -> None:
        with w.mark("place", place):
            w.say(f"the {place}")

    def _animals(self, w: TextWriter, species: Species, count: int) -> None:
        """ "an otter", "three herons"."""
        with w.mark("species", species.name):
            w.say(species.one if count == 1 else f"{W.NUMBERS[count - 1]} {species.plural}")

    def _weather(self, w: TextWriter, event: Event) -> None:
        with w.mark("weather", event.weather):
            w.say(w.pick(_WEATHER_WORDS[event.weather, event.time]))

    def _say(self, w: TextWriter, kind: str, value: str) -> None:
        """A mood, weather or time in one of its words."""
        with w.mark(kind, value):
            w.say(w.pick(_WORDS[value]))

    def _again(self, w: TextWriter, kind: str, value: str, text: str) -> None:
        """The words for a weather or time that stand in `text`."""
        [span] = (span for span in w.spans if (span.kind, span.value) == (kind, value) and span.end <= len(text))
        with w.mark(kind, value):
            words = text[span.start : span.end]
            w.say(words[0].lower() + words[1:])


@dataclass(frozen=True)
class Request:
    """Who was asked, about which place, and what."""

    ranger: Ranger
    place: str
    asked: str


_WORDS = {key: zipf(options) for group in (W.MOODS, W.TIMES) for key, options in group.items()}
_WEATHER_WORDS = {at: zipf(options) for at, options in W.WEATHER_AT.items()}
_FEW = Categorical([0, 1, 2, 3], [2, 5, 3, 1])
_ATE = variants("{animal} ate {food}", "{animal} looked for {food}", "{animal} had found {food}")
_DID = TABLES.template("{animal} {did}")
_RANGER_WAS = variants("{ranger} was {mood}")
_MOODS = {
    weather: Categorical(["glad", "proud", "tired", "sad"], weights)
    for weather, weights in {
        "sun": (6, 3, 1, 0.3), "rain": (2, 2, 4, 2), "fog": (2, 2, 3, 2), "snow": (3, 2, 4, 1), "wind": (3, 2, 4, 1),
        "thunder": (1, 2, 3, 1),
    }.items()
}  # fmt: skip
"""A sighting gladdens; bad weather tires."""
_BITES = Categorical(["afraid", "proud", "glad"], [5, 2, 1])
_FACTS = Categorical([2, 3, 4])
_ASKED = Categorical([1, 2, 3], [4, 2, 1])
_ONE_OR_TWO = Categorical([1, 2])
_OF_SPECIES = ("food", "active", "ground")
_RELATION = Categorical(["food", "active", "ground", "keeps", "watches", "village"])
_QUESTION = Categorical(["food", "active", "ground", "keeps", "watches", "village", "keeper"])
_VERB = {"food": "eats", "active": "is out", "ground": "lives near", "keeps": "keeps", "watches": "watches over",
         "village": "comes from"}  # fmt: skip
_VALUE_WORDS = {
    ("active", "day"): "by day", ("active", "night"): "by night", ("active", "dusk"): "at dusk and dawn",
    ("ground", "wood"): "trees", ("ground", "rock"): "rocks", ("ground", "grass"): "grassland",
}  # fmt: skip
_QUESTIONS = {
    "food": ("what does", "eat"), "active": ("when is", "out"), "ground": ("what does", "live near"),
    "keeps": ("which place does", "keep"), "watches": ("what does", "watch over"),
    "village": ("where does", "come from"), "keeper": ("who keeps", ""),
}  # fmt: skip
_READ = Categorical(["animals", "place", "time", "weather"])
_READ_QUESTIONS = {"animals": "what was seen", "place": "where was that", "time": "when was that",
                   "weather": "what was the weather"}  # fmt: skip
_HEARD = zipf(["heard", "said", "thought", "believed", "wrote", "knew"], 0.7)
_CLAIMED = zipf(["said", "wrote", "reported", "claimed", "insisted"], 0.7)
_SAWN = Categorical(["the camera saw", "there had been", "they had met"], [3, 2, 1])
_LIES = Categorical(["species", "place", "time"])
_TIMES = Categorical(W.TIMES)
_VERDICT = {True: "that was the truth", False: "that was a lie"}
_LYING_MOOD = Categorical(["angry", "sad"], [2, 1])
_KEEPER = "who looks after"
_REQUESTS = zipf(["where is", "how do I reach", _KEEPER, "may I visit", "is it far to"], 0.5)
_POLITE_OPENING = zipf(["certainly", "with pleasure", "gladly, dear friend", "of course", "thank you for asking"], 0.5)
_RUDE_OPENING = zipf(["what a stupid question", "go away", "not again", "leave me alone", "open your eyes"], 0.5)
_POLITE_BODY = zipf(
    ["please follow the path to", "kindly keep left at", "you may cross by", "I will gladly take you as far as",
     "please turn right at", "you will easily find it by", "do rest a while at"], 0.5)  # fmt: skip
_RUDE_BODY = zipf(
    ["go and ask at", "crawl past", "just drag yourself to", "stop bothering me and walk to", "get lost behind",
     "look for it yourself by", "march off to"], 0.5)  # fmt: skip
_POLITE_END = zipf(["and welcome", "if it suits you", "and enjoy the day", "dear guest"], 0.5)
_RUDE_END = zipf(["you fool", "you lazy nuisance", "and never come back", "idiot"], 0.5)
