"""Sentence templates and what fills their slots: people, animals, things and spots, and a phrase for each mention.

A sentence is a template such as `"{hero} put {x} {spot}"`; the telling adds the capital and the full stop. The phrase
follows from what the text said before: "a brass lantern", later "the lantern" or "it"; "Mira", later "she". `{=walked}`
draws from a named table of words, and what is drawn may hold slots itself. Every draw is charged to the `TextWriter`.

A slot may ask for a form, where "she" and "it" stand for the pronoun that fits:

    {hero}            Mira, or she; at first "a fisherman named Tom", later "the fisherman", for a stranger
    {hero.him}        Mira, or her                {hero.name}       Mira, never a pronoun
    {hero.his}        Mira's, or her              {hero.own}        her
    {hero.he}         she, where nobody else can be meant; {hero.him!}, her; {hero.himself}, herself
    {animal}          an otter, later the otter, or it; {animal.him} and {animal.its} likewise
    {animal.the}      the otter
    {x}               a brass lantern, later the lantern (that Mira had hidden), or it
    {x.the}           the lantern                 {x.noun}          lantern
    {x.it}            it
    {spot}            under the old bridge        {spot.landmark}   the old bridge
    {place}           the ford
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glassbook.data.world.grammar import article, plural
from glassbook.data.world.words import NUMBERS
from glassbook.data.world.writer import Categorical, TextWriter

PRONOUNS = {"she": ("her", "her", "herself"), "he": ("him", "his", "himself")}


# --- what stories are about ---------------------------------------------------------------------------------------


@dataclass(eq=False)
class Person:
    """Somebody in a story.

    Attributes:
        name: "" for someone who is known by the role alone.
        pronoun: "she" or "he".
        role: "" or what a stranger is called: "fisherman".
        known: a ranger of the Reserve, who needs no introduction.
        introduced: whether the text has mentioned them.
    """

    name: str
    pronoun: str
    role: str = ""
    known: bool = False
    introduced: bool = False


@dataclass(eq=False)
class Animal:
    """An animal in a text, or several of a kind."""

    species: str
    count: int = 1
    introduced: bool = False

    @property
    def pronoun(self) -> str:
        """ "it" or "they"."""
        return "it" if self.count == 1 else "they"

    @property
    def noun(self) -> str:
        """ "otter" or "otters"."""
        return self.species if self.count == 1 else plural(self.species)


@dataclass(eq=False)
class Thing:
    """Something that can be held, with who has it or where it lies.

    Attributes:
        noun: its noun.
        adjective: said when it is introduced; "" for none.
        kind: class of the lexicon: "tool", "food", ...
        form: "count" (a lamp) or "mass" (some bread).
        holder: who has it.
        spot: where it lies, if nobody has it.
        past: what a relative clause may recall of it: ("had hidden", who); None for nothing.
        introduced: whether the text has mentioned it.
    """

    noun: str
    adjective: str = ""
    kind: str = ""
    form: str = "count"
    holder: Person | Animal | None = None
    spot: Spot | None = None
    past: tuple[str, Person] | None = None
    introduced: bool = False

    pronoun = "it"


@dataclass(eq=False)
class Spot:
    """A place small enough to find a thing at: "under the old bridge"."""

    preposition: str
    landmark: str
    adjective: str = ""
    article: str = "the"
    introduced: bool = False
    of: Spot | None = None
    """Where that is: "under a sack behind the barn"."""


@dataclass(frozen=True)
class Place:
    """One of the Reserve's named places."""

    name: str


# --- templates ----------------------------------------------------------------------------------------------------


class _Literal:
    """Text between slots, with its form at the beginning of a sentence."""

    __slots__ = ("begins", "capital", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        first = 1 if text[0] == '"' else 0
        self.capital = text[:first] + text[first : first + 1].upper() + text[first + 1 :]
        self.begins = text.endswith(' "') or text == '"' or text.rstrip('" ')[-1:] in (".", "?", "!")
        """Whether what follows begins a sentence: after a full stop, or after an opening quotation mark."""


class Template:
    """A sentence (or a part of one) with slots.

    Args:
        text: `{name}`, `{name.form}` and `{=table}` are slots; all else is said as it stands.
        tables: what `{=table}` draws from.
    """

    __slots__ = ("pieces", "stop")

    def __init__(self, text: str, tables: Mapping[str, Categorical[Any]]) -> None:
        self.pieces: list[_Literal | Categorical[Template] | tuple[str, str]] = []
        for i, part in enumerate(re.split(r"\{([^}]+)\}", text)):
            if i % 2 == 0:
                if part:
                    self.pieces.append(_Literal(part))
            elif part.startswith("="):
                self.pieces.append(tables[part[1:]])
            else:
                name, _, form = part.partition(".")
                self.pieces.append((name, form))
        self.stop = "" if text[-1] in '.?!"' else "."
        """What ends the sentence, if the text does not say."""


class Tables(dict[str, Categorical[Any]]):
    """Named tables of words and phrases, most frequent first.

    `tables.add("walked", "walked, hurried, strolled")` makes one by Zipf's law; entries may hold slots of tables that
    were added before.
    """

    def add(self, name: str, words: str | Sequence[str], exponent: float = 0.7) -> None:
        """Add a table.

        Args:
            name: what `{=name}` calls it.
            words: entries, by commas or as a list; the r-th gets the weight r^-exponent.
            exponent: 0 makes all alike.
        """
        if name in self:
            raise ValueError(f"two tables are called {name!r}")
        entries = [word.strip() for word in words.split(",")] if isinstance(words, str) else list(words)
        self[name] = Categorical(
            [Template(entry, self) for entry in dict.fromkeys(entries) if entry],
            [(r + 1) ** -exponent for r in range(len(dict.fromkeys(entries)))],
        )

    def template(self, text: str) -> Template:
        """A template that draws from these tables."""
        return Template(text, self)

    def variants(self, *texts: str, exponent: float = 0.5) -> Categorical[Template]:
        """Ways to say one thing, the most frequent first."""
        return Categorical([Template(text, self) for text in texts], [(r + 1) ** -exponent for r in range(len(texts))])


# --- telling ------------------------------------------------------------------------------------------------------

PRONOUN, CLAUSE = 0.75, 0.12
"""How often a pronoun stands where it may, and how often a later mention recalls what was done with the thing."""


@dataclass
class Telling:
    """A text that is being told, with what its slots stand for and who was mentioned last.

    Attributes:
        w: where the text goes.
        slots: name -> who or what it stands for.
        spoken: pronoun -> who it would be taken to mean now.
    """

    w: TextWriter
    slots: dict[str, Any] = field(default_factory=dict)
    spoken: dict[str, Any] = field(default_factory=dict)
    fresh: dict[str, Any] = field(default_factory=dict)
    """Those of `spoken` that this sentence mentions; a pronoun refers no further back than one sentence."""
    begins: bool = True
    """The next word begins a sentence."""

    def __call__(self, sentence: Template | Categorical[Template], *marks: tuple[str, str], **slots: Any) -> None:
        """Say a sentence.

        Args:
            sentence: a template, or several ways to say the same.
            marks: (kind, value) that the whole sentence means.
            slots: stay filled for the sentences after it.
        """
        self.slots.update(slots)
        self.spoken, self.fresh = self.fresh, {}
        w = self.w
        w.begin_sentence()
        self.begins, start = True, w.length
        template = sentence if isinstance(sentence, Template) else w.pick(sentence)
        self._render(template)
        if template.stop:
            w.put(template.stop)
        for kind, value in marks:
            w.span(start, kind, value)

    def forget(self) -> None:
        """After a sentence about others: nobody is meant by a pronoun."""
        self.spoken, self.fresh = {}, {}

    def _render(self, template: Template) -> None:
        for piece in template.pieces:
            if isinstance(piece, _Literal):
                self.w.put(piece.capital if self.begins else piece.text)
                self.begins = piece.begins
            elif isinstance(piece, tuple):
                entity = self.slots[piece[0]]
                _RENDER[type(entity)](self, entity, piece[1])
            else:
                self._render(self.w.pick(piece))

    def _put(self, text: str) -> None:
        if self.begins:
            text = text[0].upper() + text[1:]
            self.begins = False
        self.w.put(text)

    def _marked(self, text: str, *marks: tuple[str, str]) -> None:
        start = self.w.length
        self._put(text)
        for kind, value in marks:
            self.w.span(start, kind, value)

    # how each kind of entity is mentioned

    def _person(self, who: Person, form: str) -> None:
        him, his, himself = PRONOUNS[who.pronoun]
        meant = self.spoken.get(who.pronoun) is who
        if form in ("", "him"):
            text = (who.pronoun if not form else him) if meant and self.w.flip(PRONOUN) else self._name(who)
        elif form == "his":
            text = his if meant else f"{self._name(who)}'s"
        elif form == "name":
            text = self._name(who)
        elif form == "he":  # where nobody else can be meant
            text = who.pronoun
        else:
            text = {"himself": himself, "own": his, "him!": him}[form]
        self.spoken[who.pronoun] = who
        # Of two in one sentence, neither is meant in the next.
        self.fresh[who.pronoun] = who if self.fresh.get(who.pronoun, who) is who else None
        marks = (("person", who.name),) if who.known else (("role", who.role),)
        self._marked(text, *marks)

    def _name(self, who: Person) -> str:
        first, who.introduced = not who.introduced, True
        if who.known:
            return who.name
        if not first:
            return f"the {who.role}"
        return f"{article(who.role)} {who.role}" + (f" named {who.name}" if who.name else "")

    def _animal(self, animal: Animal, form: str) -> None:
        meant = self.spoken.get(animal.pronoun) is animal
        first, animal.introduced = not animal.introduced, True
        one = animal.count == 1
        if form in ("its", "his"):
            text = ("its" if one else "their") if meant else f"the {animal.noun}'{'s' if one else ''}"
        elif form == "the" or not (first or (meant and self.w.flip(PRONOUN))):
            text = f"the {animal.noun}"
        elif first:
            text = f"{article(animal.noun)} {animal.noun}" if one else f"{NUMBERS[animal.count - 1]} {animal.noun}"
        else:
            text = animal.pronoun if one or form != "him" else "them"
        self.spoken[animal.pronoun] = self.fresh[animal.pronoun] = animal
        self._marked(text, ("species", animal.species))

    def _thing(self, thing: Thing, form: str) -> None:
        held = thing.holder
        holder = ("holder", "nobody" if held is None else "animal" if isinstance(held, Animal)
                  else "hero" if held is self.slots.get("hero") else "other")  # fmt: skip
        again = ("mention", "again" if thing.introduced else "first")
        meant = self.spoken.get("it") is thing
        start = self.w.length
        if form == "it":
            self._put("it")
        elif form == "noun":
            self._put(thing.noun)
        elif not thing.introduced and form != "the":
            described = f"{thing.adjective} {thing.noun}" if thing.adjective else thing.noun
            self._put(f"{article(described)} {described}" if thing.form == "count" else f"some {described}")
        elif meant and form != "the" and self.w.flip(PRONOUN):
            self._put("it")
        else:
            self._put(f"the {thing.noun}")
            if thing.past and form == "" and self.w.flip(CLAUSE):
                self._clause(thing)
        thing.introduced = True
        self.spoken["it"] = self.fresh["it"] = thing
        self.w.span(start, *holder)
        if held is None and thing.spot is not None:
            self.w.span(start, "where", thing.spot.preposition)
        self.w.span(start, *again)

    def _clause(self, thing: Thing) -> None:
        """ "that Mira had hidden"."""
        assert thing.past is not None
        verb, who = thing.past
        start = self.w.length
        self._put(" that ")
        self._person(who, "name")
        self._put(f" {verb}")
        self.w.span(start, "syntax", "relative clause")

    def _spot(self, spot: Spot, form: str) -> None:
        adjective = f"{spot.adjective} " if spot.adjective and not spot.introduced else ""
        lead = "" if form == "landmark" else f"{spot.preposition} "
        first = spot.article if not spot.introduced else "the"
        if first in ("a", "an"):
            first = article(adjective or spot.landmark)
        self._put(f"{lead}{first} {adjective}{spot.landmark}")
        if spot.of and not spot.introduced:
            self._put(" ")
            self._spot(spot.of, "")
        spot.introduced = True

    def _place(self, place: Place, form: str) -> None:
        self._marked(f"the {place.name}", ("place", place.name))

    def _words(self, words: Categorical[Any], form: str) -> None:
        self._render(self.w.pick(words))

    def _template(self, template: Template, form: str) -> None:
        self._render(template)

    def _text(self, text: str, form: str) -> None:
        self._put(text)

    def _part(self, part: Part, form: str) -> None:
        outer, self.slots = self.slots, {**self.slots, **part.slots}
        start = self.w.length
        self._render(part.ways if isinstance(part.ways, Template) else self.w.pick(part.ways))
        for kind, value in part.marks:
            self.w.span(start, kind, value)
        self.slots = outer

    def _said(self, said: Said, form: str) -> None:
        start = self.w.length
        drawn = self.w.pick(said.words)
        self._put(drawn)
        self.w.span(start, said.kind, said.value)


@dataclass(frozen=True)
class Said:
    """A value whose truth is known and that has several words: mood, weather, time.

    Attributes:
        kind: "mood", "weather" or "time".
        value: "glad".
        words: what it may be called.
    """

    kind: str
    value: str
    words: Categorical[str]


@dataclass(frozen=True)
class Part:
    """A part of a sentence that fills a slot and has slots of its own, which may be parts again.

    Attributes:
        ways: ways to say it.
        slots: fill its slots; all others are those of the sentence.
        marks: (kind, value) that it means.
    """

    ways: Template | Categorical[Template]
    slots: Mapping[str, Any]
    marks: tuple[tuple[str, str], ...] = ()


_RENDER: dict[type, Any] = {
    Person: Telling._person, Animal: Telling._animal, Thing: Telling._thing, Spot: Telling._spot,
    Place: Telling._place, Categorical: Telling._words, str: Telling._text, Said: Telling._said,
    Template: Telling._template, Part: Telling._part,
}  # fmt: skip
