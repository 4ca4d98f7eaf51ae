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
from glassbook.data.world.telling import Animal, Person, Place, Said, Spot, Tables, Telling, Template, Thing
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
        pronoun = FIXED_PRONOUNS.get(role) or ("she" if self.w.flip(0.5) else "he")
        return Person(name, pronoun, role)

    def ranger(self) -> Person:
        """Another ranger."""
        ranger = self.w.pick_other(self.reserve.any_ranger, self.taken)
        self.taken.append(ranger)
        return Person(ranger.name, ranger.pronoun, known=True)

    def animal(self) -> Animal:
        """An animal that lives on the ground of the present place."""
        return Animal(self.w.pick(self.reserve.at_home[self.reserve.ground[self.place.name]]).name)

    def spot(self, place: Place | None = None) -> Spot:
        """A spot at `place` (by default where the hero is) that a thing can be put at."""
        ground = self.reserve.ground[(place or self.place).name]
        preposition, article, landmark = self.w.pick(LEXICON.spots[ground])
        adjective = self.w.pick(SPOT_ADJECTIVES) if self.w.flip(0.3) else ""
        return Spot(preposition, landmark, adjective, article)

    def other_place(self) -> Place:
        """Another of the named places."""
        return Place(self.w.pick(self.reserve.other_places[self.place.name]))

    def scene(self) -> None:
        """Something that happens around the hero, as the theme has it; never the same twice."""
        template = self.w.pick_other(LEXICON.themes[self.theme.name]["scenes"], self.told)
        self.told.append(template)
        start = self.w.length
        self.t(template)
        self.w.span(start, "theme", self.theme.name)

    def of_theme(self, what: str) -> Template:
        """A template of the theme: its "openings", "needs", "losses", "good" or "bad"."""
        return self.w.pick(LEXICON.themes[self.theme.name][what])

    def mood(self, *moods: str) -> Said:
        """One of the moods, in one of its words."""
        mood = self.w.pick(MOODS[moods])
        return Said("mood", mood, MOOD_WORDS[mood])


def _moods(*moods: str) -> tuple[tuple[str, ...], Categorical[str]]:
    return moods, Categorical(moods)


FIXED_PRONOUNS = {"bride": "she", "bridesmaid": "she", "groom": "he", "best man": "he"}
MOODS = dict([_moods("glad", "proud"), _moods("sad", "angry"), _moods("glad"), _moods("sad"), _moods("angry"),
              _moods("proud"), _moods("afraid"), _moods("tired"), _moods("sad", "tired")])  # fmt: skip
MOOD_WORDS = {mood: zipf(options) for mood, options in W.MOODS.items()}
SPOT_ADJECTIVES = zipf([a.strip() for a in L.SPOT_ADJECTIVES.split(",")], 0.7)
