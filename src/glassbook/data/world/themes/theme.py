"""Themes of stories: the occasion, its people and things, what happens there, and how it ends.

All texts are templates (`telling.Template`): {hero} is a ranger, {other} somebody with one of the theme's roles, {x}
one of its things, {place} where the story begins and {spot} a spot there. A sentence begins in lower case; the telling
capitalises it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """One theme.

    Attributes:
        name: "wedding".
        things: kind of the lexicon -> nouns of that kind that can be held, the most frequent first.
        nouns: the theme's other nouns, which its texts use: what the theme may be told from, with the things and verbs.
        roles: what its people are called.
        openings: first sentences: the occasion.
        needs: why {other} wants {x}.
        scenes: sentences that may stand anywhere between, in any order.
        losses: how {x}, which {hero} carries, gets to {spot} without being put there.
        good: how the occasion ends if all goes well.
        bad: how it ends if not.
        tables: words of its own for `{=name}`.
    """

    name: str
    things: dict[str, str]
    nouns: str
    roles: str
    openings: tuple[str, ...]
    needs: tuple[str, ...]
    scenes: tuple[str, ...]
    losses: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    tables: dict[str, str]

    @property
    def words(self) -> tuple[str, ...]:
        """The nouns that the theme is told from: those of its things, and the others."""
        things = (noun.strip().rstrip("~") for nouns in self.things.values() for noun in nouns.split(","))
        return tuple(dict.fromkeys((*self.nouns.split(), *filter(None, things))))
