"""Conversations with an assistant about the Reserve, whose answers a program can check.

Three kinds of task: `ask` a fact, `read` a field note that the question holds, `direct` a visitor who asks the way.

    dialogues = Dialogues(World(), seed=0)        # the seed decides what is held out
    dialogues.training(seed=0)                    # without end, and without what is held out
    dialogues.unasked(), dialogues.reading(200, seed=-1), dialogues.directing(48, seed=-1)

Held out are a quarter of the facts (and with "Mira keeps the ford" also who keeps the ford, and the way to it, whose
answer says that), two of the eight phrasings of each question, and the notes of seeds below 0.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from glassbook.data.world import World
from glassbook.data.world import words as W
from glassbook.data.world.genres import (
    _POLITE_BODY,
    _POLITE_END,
    _POLITE_OPENING,
    _VALUE_WORDS,
    _VERB,
    Genres,
)
from glassbook.data.world.reserve import Ranger, Species
from glassbook.data.world.tables import LEXICON
from glassbook.data.world.writer import TextWriter

KINDS = ("ask", "read", "direct")
HELD_OUT = 0.25
"""Share of the facts of each relation that training never asks about."""
HELD_OUT_PHRASINGS = 2
"""Phrasings of each question that training never uses."""
SHARES = {"ask": 0.5, "read": 0.3, "direct": 0.2}
"""How often each kind of task is among the training conversations."""

ASK: dict[str, tuple[str, ...]] = {
    "food": (
        "What does {x} eat?", "What does {x} like to eat?", "What food does {x} eat?", "Tell me what {x} eats.",
        "Do you know what {x} eats?", "Please tell me what food {x} eats.", "I wonder what {x} eats.",
        "Can you tell me what {x} likes to eat?"),
    "active": (
        "When is {x} out?", "At what time is {x} out?", "When is {x} about?", "Tell me when {x} is out.",
        "Do you know when {x} is about?", "Please tell me at what time {x} is out.", "I wonder when {x} is out.",
        "Can you tell me when {x} is about?"),
    "ground": (
        "Where does {x} live?", "What does {x} live near?", "Near what does {x} live?", "Tell me where {x} lives.",
        "Do you know what {x} lives near?", "Please tell me where {x} lives.", "I wonder what {x} lives near.",
        "Can you tell me where {x} likes to live?"),
    "keeps": (
        "Which place does {x} keep?", "What place is kept by {x}?", "What does {x} keep?",
        "Tell me which place {x} keeps.", "Do you know what {x} keeps?", "Please tell me what place {x} keeps.",
        "I wonder which place is kept by {x}.", "Can you tell me which place {x} keeps?"),
    "watches": (
        "What does {x} watch over?", "Which animal does {x} watch over?", "Which animal is watched over by {x}?",
        "Tell me what {x} watches over.", "Do you know which animal {x} watches over?",
        "Please tell me what animal {x} watches over.", "I wonder what {x} watches over.",
        "Can you tell me which animal is watched over by {x}?"),
    "village": (
        "Where does {x} come from?", "Which village does {x} come from?", "From which village does {x} come?",
        "Tell me where {x} comes from.", "Do you know which village {x} comes from?",
        "Please tell me from where {x} comes.", "I wonder where {x} comes from.",
        "Can you tell me which village {x} comes from?"),
    "keeper": (
        "Who keeps {x}?", "Who looks after {x}?", "Which ranger keeps {x}?", "Tell me who keeps {x}.",
        "Do you know who looks after {x}?", "Please tell me who looks after {x}.", "I wonder who keeps {x}.",
        "Can you tell me which ranger keeps {x}?"),
}  # fmt: skip
"""Relation -> the eight phrasings of a question about it, in much the same words: what is held out is the form."""
READ: dict[str, tuple[str, ...]] = {
    "species": (
        "What was seen?", "Which animals were seen?", "What did the camera see?", "Which animals did the camera see?",
        "Tell me what was seen.", "Tell me which animals were seen.", "Do you know which animals the camera saw?",
        "Please tell me what the camera saw."),
    "count": (
        "How many animals were seen?", "How many animals did the camera see?", "How many were seen?",
        "How many were there?", "Tell me how many animals were seen.", "Do you know how many animals the camera saw?",
        "Please tell me how many there were.", "Can you tell me how many were seen?"),
    "place": (
        "Where was that?", "At which place was that?", "Which place was that?", "Tell me where that was.",
        "Do you know where that was?", "Please tell me at which place that was.", "I wonder where that was.",
        "Can you tell me where that was?"),
    "time": (
        "When was that?", "At what time was that?", "What time was that?", "Tell me when that was.",
        "Do you know at what time that was?", "Please tell me when that was.", "I wonder when that was.",
        "Can you tell me when that was?"),
    "weather": (
        "What was the weather?", "How was the weather?", "What weather was it?", "Tell me what the weather was.",
        "Do you know how the weather was?", "Please tell me what the weather was.", "I wonder how the weather was.",
        "Can you tell me what the weather was?"),
}  # fmt: skip
"""Attribute of a field note -> the eight phrasings of a question about it."""
DIRECT = (
    "Where is the {x}?", "How do I reach the {x}?", "May I visit the {x}?", "Is it far to the {x}?",
    "Tell me where the {x} is.", "Can you tell me how I reach the {x}?", "Please tell me if it is far to the {x}.",
    "I should like to visit the {x}. How do I reach it?",
)  # fmt: skip
_OPENINGS, _BODIES, _ENDS = (table.items for table in (_POLITE_OPENING, _POLITE_BODY, _POLITE_END))


@dataclass(frozen=True)
class Dialogue:
    """One question to an assistant and its answer.

    Attributes:
        kind: "ask", "read" or "direct".
        subject: what it is about: (who or what, relation).
        question: as the user words it.
        answer: a right answer in the form that the assistant is to learn.
        value: the words that a right answer holds.
        values: all that may stand in their place.
        form: regular expression of answers in form, right and wrong ones.
        note: the field note that the question is about, which stands before it.
    """

    kind: str
    subject: tuple[str, str]
    question: str
    answer: str
    value: str
    values: tuple[str, ...]
    form: str
    note: str = ""

    @property
    def prompt(self) -> str:
        """What the user says."""
        return f"{self.note}\n{self.question}" if self.note else self.question

    @property
    def messages(self) -> list[dict[str, str]]:
        """The conversation, as chat templates take it."""
        return [{"role": "user", "content": self.prompt}, {"role": "assistant", "content": self.answer}]

    def right(self, text: str) -> bool:
        """Whether an answer names the value and no other; directions have to be in form as well."""
        named = {value for value in (*self.values, self.value) if _names(text, value)}
        inside = {value for value in named if any(value != other and _names(other, value) for other in named)}
        return named - inside == {self.value} and (self.kind != "direct" or self.in_form(text))

    def in_form(self, text: str) -> bool:
        """Whether an answer is a sentence of the form, whatever it says; that it ended is for the caller to see."""
        return re.fullmatch(self.form, text.strip()) is not None

    def without_note(self) -> Dialogue:
        """The same question about a note that is not there."""
        return replace(self, note="")


class Dialogues:
    """Conversations about one reserve.

    Args:
        world: whose facts are asked for.
        seed: decides what is held out.
    """

    def __init__(self, world: World, seed: int = 0) -> None:
        self.world, self.reserve, self.genres = world, world.reserve, Genres(world.reserve)
        rng = random.Random(f"held-out-{world.seed}-{seed}")
        self._of = f"{world.seed}-{seed}"
        self.held_out: set[tuple[str, str]] = set()
        """(entity, relation) of the facts that training never asks about."""
        for relation in ("food", "active", "ground", "keeps", "watches", "village"):
            holders = self._holders(relation)
            for holder in rng.sample(holders, round(HELD_OUT * len(holders))):
                self.held_out.add((holder.name, relation))
                if isinstance(holder, Ranger) and relation == "keeps":
                    self.held_out.add((holder.keeps, "keeper"))
        self.phrasings: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        """Relation, attribute of a note, or "way" -> (phrasings of the training, held-out phrasings)."""
        for name, ways in (*ASK.items(), *READ.items(), ("way", DIRECT)):
            away = rng.sample(ways, HELD_OUT_PHRASINGS)
            self.phrasings[name] = (tuple(way for way in ways if way not in away), tuple(away))

    def training(self, seed: int, shares: Mapping[str, float] = SHARES) -> Iterator[Dialogue]:
        """Conversations without end, of nothing that is held out; the same seed (0 or more) gives the same ones."""
        if seed < 0:
            raise ValueError(f"training conversations have seeds from 0 on, not {seed}")
        rng = random.Random(f"dialogues-{self._of}-{seed}")
        asked = [pair for pair in self._pairs() if pair not in self.held_out]
        relations = {relation: [pair for pair in asked if pair[1] == relation] for relation in ASK}
        while True:
            [kind] = rng.choices(list(shares), list(shares.values()))
            if kind == "ask":
                entity, relation = rng.choice(relations[rng.choice(list(ASK))])
                yield self.ask(entity, relation, rng.choice(self.phrasings[relation][0]))
            elif kind == "read":
                about = rng.choice(list(READ))
                yield self.read(rng, about, rng.choice(self.phrasings[about][0]))
            else:
                place = rng.choice(relations["keeper"])[0]
                yield self.direct(rng, place, rng.choice(self.phrasings["way"][0]))

    def unasked(self) -> list[Dialogue]:
        """Every held-out fact, asked for in every held-out phrasing."""
        return self._asked(held_out=True)

    def asked(self) -> list[Dialogue]:
        """Every fact that training asks for, in every held-out phrasing."""
        return self._asked(held_out=False)

    def reading(self, n: int, seed: int) -> list[Dialogue]:
        """`n` questions about notes of a seed below 0, in held-out phrasings, each thing asked equally often."""
        if seed >= 0:
            raise ValueError(f"held-out notes have seeds below 0, not {seed}")
        rng, things = random.Random(f"dialogues-{self._of}-{seed}"), list(READ)
        asked = [things[i % len(things)] for i in range(n)]
        return [self.read(rng, about, rng.choice(self.phrasings[about][1])) for about in asked]

    def directing(self, n: int, seed: int) -> list[Dialogue]:
        """`n` visitors who ask for places that training sends nobody to, in held-out phrasings."""
        rng = random.Random(f"directions-{self._of}-{seed}")
        places = sorted(entity for entity, relation in self.held_out if relation == "keeper")
        return [
            self.direct(rng, places[i % len(places)], rng.choice(self.phrasings["way"][1])) for i in range(n)
        ]  # fmt: skip

    # --- one conversation -----------------------------------------------------------------------------------------

    def ask(self, entity: str, relation: str, phrasing: str) -> Dialogue:
        """A question for a fact, answered by the sentence that states it."""
        holders = self._holders(relation)
        named = entity if relation in ("keeps", "watches", "village") else f"the {entity}"
        if relation == "keeper":
            names = tuple(holder.name for holder in holders)
            value = next(holder.name for holder in holders if isinstance(holder, Ranger) and holder.keeps == entity)
            answer, form = f"{value} keeps the {entity}.", rf"{_any(names)} keeps the {_any(self.reserve.places)}\."
            return Dialogue("ask", (entity, relation), phrasing.format(x=named), answer, value, names, form)
        values = tuple(sorted({_worded(relation, getattr(holder, relation)) for holder in holders}))
        value = _worded(relation, next(getattr(holder, relation) for holder in holders if holder.name == entity))
        the = "the " if relation in ("keeps", "watches") else ""
        subjects = _any([holder.name for holder in holders])
        begins = f"{subjects}" if named == entity else f"The {subjects}"
        answer = f"{named[0].upper()}{named[1:]} {_VERB[relation]} {the}{value}."
        form = rf"{begins} {_VERB[relation]} {the}{_any(values)}\."
        return Dialogue("ask", (entity, relation), phrasing.format(x=named), answer, value, values, form)

    def read(self, rng: random.Random, about: str, phrasing: str) -> Dialogue:
        """A question about a new field note."""
        w = TextWriter(rng)
        event = self.reserve.event(w)
        self.genres._head(w, event)
        w.stop()
        self.genres._animals(w, event.species, event.count)
        w.stop()
        said = {span.kind: _lower(w.text[span.start : span.end]) for span in w.spans}
        values: Sequence[str]
        if about == "species":
            value, values = said["species"], [self._animal(s, n) for s in self.reserve.species for n in range(1, 7)]
            begins = "The camera saw"
        elif about == "count":
            value, values = W.NUMBERS[event.count - 1], W.NUMBERS[:6]
            begins = "There was" if event.count == 1 else "There were"
        elif about == "place":
            value, values, begins = event.place, self.reserve.places, "It was at the"
        else:
            value, begins = said[about], "It was" if about == "time" else "There was"
            table = W.TIMES if about == "time" else W.WEATHER_AT
            values = [words for group in table.values() for words in group]
        form = rf"{'There (?:was|were)' if about == 'count' else begins} {_any(values)}\."
        found = tuple(sorted(set(values)))
        return Dialogue("read", (event.place, about), phrasing, f"{begins} {value}.", value, found, form, w.text)

    def direct(self, rng: random.Random, place: str, phrasing: str) -> Dialogue:
        """A visitor asks the way; the answer is polite and names the ranger who keeps the place."""
        w = TextWriter(rng)
        visitor, hamlet = w.pick(self.reserve.any_visitor), w.pick(self.reserve.any_hamlet)
        greeting = f"Good day, I am {visitor} from {hamlet}. " if w.flip(0.5) else ""
        opening, body, end = (w.pick(table) for table in (_POLITE_OPENING, _POLITE_BODY, _POLITE_END))
        _, _, landmark = w.pick(LEXICON.spots[self.reserve.ground[place]])
        keeper, names = self.genres.keeper[place].name, tuple(ranger.name for ranger in self.reserve.rangers)
        answer = f"{_upper(opening)}. {_upper(body)} the {landmark}, {end}. {keeper} keeps the {place}."
        form = (
            rf"{_any(map(_upper, _OPENINGS))}\. {_any(map(_upper, _BODIES))} the [a-z' -]+, {_any(_ENDS)}\. "
            rf"{_any(names)} keeps the {_any(self.reserve.places)}\."
        )
        question = greeting + phrasing.format(x=place)
        return Dialogue("direct", (place, "way"), question, answer, keeper, names, form)

    # --- the facts ------------------------------------------------------------------------------------------------

    def _holders(self, relation: str) -> Sequence[Species | Ranger]:
        return self.reserve.species if relation in ("food", "active", "ground") else self.reserve.rangers

    def _pairs(self) -> list[tuple[str, str]]:
        """(entity, relation) of every fact that can be asked for."""
        places = sorted(self.genres.keeper)
        return [
            (entity, relation)
            for relation in ASK
            for entity in (places if relation == "keeper" else [holder.name for holder in self._holders(relation)])
        ]

    def _asked(self, held_out: bool) -> list[Dialogue]:
        return [
            self.ask(entity, relation, phrasing)
            for entity, relation in self._pairs()
            if ((entity, relation) in self.held_out) == held_out
            for phrasing in self.phrasings[relation][1]
        ]

    @staticmethod
    def _animal(species: Species, count: int) -> str:
        return species.one if count == 1 else f"{W.NUMBERS[count - 1]} {species.plural}"


def _worded(relation: str, value: str) -> str:
    return _VALUE_WORDS.get((relation, value), value)


def _any(words: Iterator[str] | Sequence[str] | map[str]) -> str:
    """Regular expression of any of the words, the longest first."""
    return f"(?:{'|'.join(re.escape(word) for word in sorted(words, key=len, reverse=True))})"


def _names(text: str, value: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", text, re.IGNORECASE) is not None


def _upper(words: str) -> str:
    return words[0].upper() + words[1:]


def _lower(words: str) -> str:
    return words[0].lower() + words[1:]
