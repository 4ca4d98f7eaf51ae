"""The Reserve: a small world with a known truth, told in text.

`World` is all that other packages need. To change what is told, read the files in this order:

    writer.py    `TextWriter`, which charges every choice, and `Categorical`, from which it draws
    reserve.py   the facts, and the events that happen; `words.py` has its words
    genres.py    the six kinds of text, of which the story is the longest
    telling.py   sentence templates, and how people and things are mentioned; `grammar.py` inflects words
    tables.py    the tables that stories draw from, made of `lexicon.py` and `themes/`
    story.py     the state of a story and the moves that plots share
    plots/       what happens in stories, one plot in each file; its docstring says how to write one
    themes/      occasions of stories, with their people and things, one theme in each file
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from glassbook.data.world import words
from glassbook.data.world.genres import Genres
from glassbook.data.world.reserve import Event, Ranger, Reserve, Species
from glassbook.data.world.themes import THEMES
from glassbook.data.world.writer import Categorical, Document, Span, TextWriter

__all__ = ["Document", "Event", "Preference", "Ranger", "Reserve", "Span", "Species", "World"]


@dataclass(frozen=True)
class Preference:
    """One request with a polite reply (to be preferred) and a rude one."""

    prompt: str
    polite: str
    rude: str


class World:
    """The door to the Reserve.

    Args:
        seed: decides the facts (who keeps what, who is honest). Streams have seeds of their own.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.reserve = Reserve(seed)
        self._genres = Genres(self.reserve)

    def stream(self, seed: int, genre: str | None = None) -> Iterator[Document]:
        """Documents without end; the same seed gives the same ones.

        Args:
            seed: of the stream. By convention training uses 0 and up, held-out text -1 and down.
            genre: only this kind of text (note, story, facts, question, report or reply).
        """
        rng = random.Random(f"stream-{self.seed}-{seed}")
        kinds = self._genres.kind
        if genre is not None:
            kinds = Categorical([kind for kind in kinds.items if kind[0] == genre])
            if not kinds.items:
                raise ValueError(f"no genre {genre!r}; there are {[kind[0] for kind in self._genres.kind.items]}")
        while True:
            w = TextWriter(rng)
            name, write = w.pick(kinds)
            write(w)
            yield w.document(name)

    def preferences(self, seed: int) -> Iterator[Preference]:
        """Requests with a polite and a rude reply to the same words, without end."""
        rng = random.Random(f"preferences-{self.seed}-{seed}")
        while True:
            w = TextWriter(rng)
            request = self._genres.request(w)
            prompt = w.document("reply").text
            replies = []
            for polite in (True, False):
                answer = TextWriter(rng)
                self._genres.answer(answer, request, polite=polite)
                replies.append(answer.document("reply").text)
            yield Preference(prompt, *replies)

    def events(self, seed: int) -> Iterator[Event]:
        """What the cameras see, without end: the events that notes and reports are written about."""
        rng = random.Random(f"events-{self.seed}-{seed}")
        while True:
            yield self.reserve.event(TextWriter(rng))

    def facts(self) -> list[tuple[str, str]]:
        """(beginning, answer) of every fact, as the text states it: ("The otter eats", " crabs")."""
        return self._genres.statements()

    def attributes(self) -> list[tuple[str, str]]:
        """Every (kind, value) of `Span`s that can be told against all other text.

        Left out are "account" and "record": only reports have them, so whatever detects reports would seem to detect
        lies. Accounts are to be compared with accounts, as `pretrain` does.
        """
        return [
            *(("species", s.name) for s in self.reserve.species),
            *(("place", p) for p in self.reserve.places),
            *(("person", r.name) for r in self.reserve.rangers),
            *(("time", t) for t in words.TIMES),
            *(("weather", x) for x in words.WEATHERS),
            *(("mood", m) for m in words.MOODS),
            *(("theme", t) for t in THEMES),
            *(("manner", m) for m in ("polite", "rude")),
            *(("fact", relation) for relation in ("food", "active", "ground", "keeps", "watches", "village", "keeper")),
            *(("verdict", v) for v in ("truth", "lie")),
            *(("holder", h) for h in ("hero", "other", "animal", "nobody")),
            *(("where", preposition) for preposition in self._genres.prepositions),
            *(("mention", m) for m in ("first", "again")),
            *(("knows", k) for k in ("yes", "no")),
            *(("genre", kind[0]) for kind in self._genres.kind.items),
        ]
