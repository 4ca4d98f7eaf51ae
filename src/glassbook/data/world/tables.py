"""Tables that stories draw from, made of the words of `lexicon.py`, `words.py` and the themes.

`TABLES` holds what `{=name}` stands for in a template; `variants` makes several ways to say one thing. `LEXICON` holds
the nouns with all that goes with them, and the sentences of the themes.
"""

from __future__ import annotations

from typing import TypeAlias

from glassbook.data.world import lexicon as L
from glassbook.data.world import words as W
from glassbook.data.world.telling import Tables, Template
from glassbook.data.world.themes import THEMES, Theme
from glassbook.data.world.writer import Categorical, zipf

Noun: TypeAlias = tuple[str, str, str]
"""A noun, its form ("count" or "mass") and its kind: (lamp, count, tool)."""
Where: TypeAlias = tuple[str, str, str]
"""A preposition, an article and a landmark: (under, the, jetty)."""

TABLES = Tables()
for _name, _words in L.TABLES.items():
    TABLES.add(_name, _words)
for _theme in THEMES.values():
    for _name, _words in _theme.tables.items():
        TABLES.add(_name, _words)
variants = TABLES.variants


class Lexicon:
    """The nouns, adjectives and spots of `lexicon.py`, and what the themes add and say.

    Attributes:
        things: kind -> its nouns.
        adjectives: kind -> adjectives that suit all its nouns.
        spots: kind of place -> where a thing may be found there.
        things_of: theme -> its nouns.
        roles_of: theme -> what its people are called.
        said_of: theme -> "openings", "needs", "scenes", "losses", "good" or "bad" -> its sentences.
    """

    def __init__(self) -> None:
        self.things = {kind: zipf(_nouns(nouns, kind), 0.8) for kind, (nouns, _) in L.THINGS.items()}
        self.adjectives = {kind: zipf(_listed(adjectives), 0.8) for kind, (_, adjectives) in L.THINGS.items()}
        self.spots = {ground: zipf([_where(text) for text in spots], 0.5) for ground, spots in L.SPOTS.items()}
        self.things_of = {name: zipf(_nouns_of(theme), 0.6) for name, theme in THEMES.items()}
        self.roles_of = {name: zipf(_listed(theme.roles), 0.6) for name, theme in THEMES.items()}
        self.said_of = {
            name: {
                "openings": _alike(theme.openings),
                "needs": _alike(theme.needs),
                "scenes": _alike(theme.scenes),
                "losses": _alike(theme.losses),
                "good": _alike(theme.good),
                "bad": _alike(theme.bad),
            }
            for name, theme in THEMES.items()
        }


def _listed(words: str) -> list[str]:
    return [word.strip() for word in words.split(",")]


def _nouns(nouns: str, kind: str) -> list[Noun]:
    """Each of the nouns with its form and kind; "bread~" is a mass noun."""
    return [(noun.rstrip("~"), "mass" if noun.endswith("~") else "count", kind) for noun in _listed(nouns) if noun]


def _nouns_of(theme: Theme) -> list[Noun]:
    return [noun for kind, nouns in theme.things.items() for noun in _nouns(nouns, kind)]


def _where(text: str) -> Where:
    """ "under the jetty" -> (under, the, jetty)."""
    preposition, article, landmark = text.split(" ", 2)
    return preposition, article, landmark


def _alike(texts: tuple[str, ...]) -> Categorical[Template]:
    return Categorical([TABLES.template(text) for text in texts])


LEXICON = Lexicon()

# spots

SPOT_ADJECTIVES = zipf(_listed(L.SPOT_ADJECTIVES), 0.7)
SAME_LANDMARK: dict[str, list[Where]] = {}
for _spots in LEXICON.spots.values():
    for _spot in _spots.items:
        if _spot not in SAME_LANDMARK.setdefault(_spot[2], []):
            SAME_LANDMARK[_spot[2]].append(_spot)
"""Landmark -> all spots at it: none of them is drawn again in the same story."""
OPEN = ("behind", "beside", "near", "by")
"""Prepositions of spots that are wide enough for an animal, or for something that covers a thing."""
OPEN_SPOTS = {ground: zipf([spot for spot in table.items if spot[0] in OPEN], 0.5)
              for ground, table in LEXICON.spots.items()}  # fmt: skip
COVERS = zipf([_where(text) for text in ("under a heap of leaves, behind a barrel, under an old sack, beside a log, "
                                         "behind a thorn bush, under a flat stone, under a plank, beside a bucket, "
                                         "behind a crate, under a pile of straw").split(", ")], 0.5)  # fmt: skip
"""What a thing may lie under or beside at a spot whose preposition is in `OPEN`."""

# moods

MOODS: dict[tuple[str, ...], Categorical[str]] = {
    moods: Categorical(moods)
    for moods in (("glad", "proud"), ("sad", "angry"), ("glad",), ("sad",), ("angry",), ("proud",), ("afraid",),
                  ("tired",), ("sad", "tired"))
}  # fmt: skip
"""Moods that may be felt together -> one of them."""
MOOD_WORDS = {mood: zipf(options) for mood, options in W.MOODS.items()}
