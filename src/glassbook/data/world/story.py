"""Stories of the Reserve: a few events in a small simulated state, so that each sentence follows from earlier ones.

A plot (`plots.py`) is a function that changes the state and says so: who goes where, what is hidden, taken, looked for
and given, who saw it and who knows. `Story` holds the state and the moves that plots share.
"""

from __future__ import annotations

from typing import Any

from glassbook.data.world import lexicon as L
from glassbook.data.world import words as W
from glassbook.data.world.grammar import ing, past
from glassbook.data.world.reserve import Ranger, Reserve
from glassbook.data.world.telling import Animal, Part, Person, Place, Said, Spot, Tables, Telling, Template, Thing
from glassbook.data.world.themes import THEMES, Theme
from glassbook.data.world.writer import Categorical, TextWriter, zipf

TABLES = Tables()
for _name, _words in L.TABLES.items():
    TABLES.add(_name, _words)
for _theme in THEMES.values():
    for _name, _words in _theme.tables.items():
        TABLES.add(_name, _words)
variants = TABLES.variants


def _thing_table(nouns: str, kind: str) -> list[tuple[str, str, str]]:
    """(noun, form, kind) of each of the nouns; "bread~" is a mass noun."""
    words = (word.strip() for word in nouns.split(","))
    return [(word.rstrip("~"), "mass" if word.endswith("~") else "count", kind) for word in words if word]


class Lexicon:
    """Tables of the nouns, adjectives and deeds of `lexicon.py` and `themes.py`."""

    def __init__(self) -> None:
        self.things = {kind: zipf(_thing_table(nouns, kind), 0.8) for kind, (nouns, _) in L.THINGS.items()}
        self.adjectives = {kind: zipf([a.strip() for a in adjectives.split(",")], 0.8)
                           for kind, (_, adjectives) in L.THINGS.items()}  # fmt: skip
        self.kinds = Categorical(list(L.THINGS), [len(nouns.split(",")) for nouns, _ in L.THINGS.values()])
        self.spots = {ground: zipf([_spot(text) for text in spots], 0.5) for ground, spots in L.SPOTS.items()}
        self.themes = {
            name: {"things": zipf([thing for kind, nouns in theme.things.items() for thing in _thing_table(nouns, kind)],
                                  0.6),
                   "scenes": Categorical([TABLES.template(text) for text in theme.scenes]),
                   "needs": Categorical([TABLES.template(text) for text in theme.needs]),
                   "losses": Categorical([TABLES.template(text) for text in theme.losses]),
                   "openings": Categorical([TABLES.template(text) for text in theme.openings]),
                   "good": Categorical([TABLES.template(text) for text in theme.good]),
                   "bad": Categorical([TABLES.template(text) for text in theme.bad]),
                   "roles": zipf([role.strip() for role in theme.roles.split(",")], 0.6)}
            for name, theme in THEMES.items()
        }  # fmt: skip
        self.deeds = {kind: zipf([_deed(text) for text in deeds], 0.6) for kind, deeds in L.DEEDS.items()}


def _spot(text: str) -> tuple[str, str, str]:
    """ "under the jetty" -> (under, the, jetty)."""
    preposition, article, landmark = text.split(" ", 2)
    return preposition, article, landmark


def _deed(text: str) -> tuple[Template, Template, Template]:
    """ "polish {x}" -> templates of its base form, past tense and participle."""
    verb, _, rest = text.partition(" ")
    return TABLES.template(text), TABLES.template(f"{past(verb)} {rest}"), TABLES.template(f"{ing(verb)} {rest}")


LEXICON = Lexicon()
SAME_LANDMARK: dict[str, list[tuple[str, str, str]]] = {}
for _table in LEXICON.spots.values():
    for _place in _table.items:
        if _place not in SAME_LANDMARK.setdefault(_place[2], []):
            SAME_LANDMARK[_place[2]].append(_place)
"""Landmark -> all spots at it: none of them is drawn again in the same story."""
ASLEEP = ("bear", "hedgehog", "dormouse", "marmot", "toad", "bat", "viper", "quail", "stork")
"""Animals that nobody meets in winter."""
OPEN = ("behind", "beside", "near", "by")
OPEN_SPOTS = {ground: zipf([spot for spot in table.items if spot[0] in OPEN], 0.5)
              for ground, table in LEXICON.spots.items()}  # fmt: skip
COVERS = zipf([_spot(text) for text in ("under a heap of leaves, behind a barrel, under an old sack, beside a log, "
                                        "behind a thorn bush, under a flat stone, under a plank, beside a bucket, "
                                        "behind a crate, under a pile of straw").split(", ")], 0.5)  # fmt: skip
"""What a thing may lie under or beside at a spot whose preposition is in `OPEN`."""
THOUGHT = variants("{thinker.name} thought that {part}", "{thinker.name} said that {part}",
                   "{thinker.name} was sure that {part}", "{thinker.name} believed that {part}")  # fmt: skip


class Story:
    """The state of one story, and the moves that plots share.

    Attributes:
        t: the telling; call `story.t(sentence)` to say something about the slots.
        theme: whose people, things and happenings colour it.
        hero: a ranger.
        place: where the hero is.
    """

    def __init__(self, w: TextWriter, reserve: Reserve, theme: Theme, ranger: Ranger) -> None:
        self.w, self.reserve, self.theme = w, reserve, theme
        self.t = Telling(w)
        self.hero = Person(ranger.name, ranger.pronoun, known=True)
        self.place = Place(w.pick(reserve.any_place))
        self.taken = [ranger]
        self.told: list[Template] = []
        self.spots: list[tuple[str, str, str]] = []
        self.t.slots.update(hero=self.hero, place=self.place)

    # who and what

    def thing(self, kind: str = "", described: float = 0.5, **slots: Any) -> Thing:
        """A thing of the theme, or of a kind of the lexicon; `described`: how often it has an adjective."""
        table = LEXICON.things[kind] if kind else LEXICON.themes[self.theme.name]["things"]
        noun, form, kind = self.w.pick(table)
        adjective = self.w.pick(LEXICON.adjectives[kind]) if self.w.flip(described) else ""
        return Thing(noun, adjective, kind, form)

    def any_thing(self) -> Thing:
        """A thing of any kind of the lexicon."""
        return self.thing(self.w.pick(LEXICON.kinds))

    def stranger(self) -> Person:
        """Somebody of the theme, known by a role, perhaps with a name."""
        role = self.w.pick(LEXICON.themes[self.theme.name]["roles"])
        name = self.w.pick(self.reserve.any_visitor) if self.w.flip(0.5) else ""
        return Person(name, _pronoun(role, name), role)

    def ranger(self) -> Person:
        """Another ranger."""
        ranger = self.w.pick_other(self.reserve.any_ranger, self.taken)
        self.taken.append(ranger)
        return Person(ranger.name, ranger.pronoun, known=True)

    def animal(self) -> Animal:
        """An animal that lives on the ground of the present place."""
        return Animal(self.w.pick(self.reserve.at_home[self.reserve.ground[self.place.name]]).name)

    def waking_animal(self) -> Animal:
        """An animal that lives on the ground of the present place and does not sleep all winter."""
        table = self.reserve.at_home[self.reserve.ground[self.place.name]]
        asleep = [species for species in table.items if species.name in ASLEEP]
        return Animal(self.w.pick_other(table, asleep).name)

    def spot(self, place: Place | None = None, outside: bool = False) -> Spot:
        """A spot at `place` (by default where the hero is) that a thing can be put at, or an animal be, `outside`."""
        ground = self.reserve.ground[(place or self.place).name]
        table = (OPEN_SPOTS if outside else LEXICON.spots)[ground]
        found = self.w.pick_other(table, self.spots) if self.spots else self.w.pick(table)
        self.spots.extend(SAME_LANDMARK[found[2]])
        preposition, article, landmark = found
        adjective = self.w.pick(SPOT_ADJECTIVES) if self.w.flip(0.3) else ""
        spot, nested = Spot(preposition, landmark, adjective, article), 0.2
        last: list[tuple[str, str, str]] = []
        while preposition in OPEN and self.w.flip(nested):
            last = [self.w.pick_other(COVERS, last) if last else self.w.pick(COVERS)]
            preposition, article, landmark = last[0]
            spot, nested = Spot(preposition, landmark, "", article, of=spot), nested * 0.7
        return spot

    def reported(self, fact: Categorical[Template], again: float = 0.25) -> Part:
        """`fact`, or that some ranger thinks so, or that some ranger said that another thinks so, without end.

        Args:
            fact: "{x} was {spot}", in several ways: it follows "that".
            again: how often there is a further ranger; half as often after each.
        """
        part = Part(fact, {})
        while self.w.flip(again):
            who, again = self.ranger(), again / 2
            part = Part(THOUGHT, {"thinker": who, "part": part}, (("speaker", who.name),))
        return part

    def other_place(self) -> Place:
        """Another of the named places."""
        return Place(self.w.pick(self.reserve.other_places[self.place.name]))

    def scene(self) -> None:
        """Something that happens around the hero, as the theme has it; never the same twice."""
        template = self.w.pick_other(LEXICON.themes[self.theme.name]["scenes"], self.told)
        self.told.append(template)
        self.t(template, ("theme", self.theme.name))
        self.t.forget()

    def of_theme(self, what: str) -> Template:
        """A template of the theme: its "openings", "needs", "losses", "good" or "bad"."""
        return self.w.pick(LEXICON.themes[self.theme.name][what])

    def mood(self, *moods: str) -> Said:
        """One of the moods, in one of its words."""
        mood = self.w.pick(MOODS[moods])
        return Said("mood", mood, MOOD_WORDS[mood])


def _moods(*moods: str) -> tuple[tuple[str, ...], Categorical[str]]:
    return moods, Categorical(moods)


SHE = ("bride", "maid", "woman", "mother", "girl", "aunt", "sister", "lady", "queen", "tress", "widow", "daughter")
HE = ("groom", "man", "boy", "father", "uncle", "brother", "king", "lord", "son", "monk", "friar", "sir")
SHE_NAMES = ("a", "eth", "wyn", "is", "elle", "une", "een")


def _pronoun(role: str, name: str) -> str:
    """ "she" or "he", by the role or else the name: nothing is drawn that the text might not show."""
    if role.endswith(SHE):
        return "she"
    if role.endswith(HE):
        return "he"
    return "she" if (name.endswith(SHE_NAMES) if name else sum(map(ord, role)) % 2) else "he"


MOODS = dict([_moods("glad", "proud"), _moods("sad", "angry"), _moods("glad"), _moods("sad"), _moods("angry"),
              _moods("proud"), _moods("afraid"), _moods("tired"), _moods("sad", "tired")])  # fmt: skip
MOOD_WORDS = {mood: zipf(options) for mood, options in W.MOODS.items()}
SPOT_ADJECTIVES = zipf([a.strip() for a in L.SPOT_ADJECTIVES.split(",")], 0.7)
