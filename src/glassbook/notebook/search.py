"""Search by words: what people type, made safe for FTS5, and what they get."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glassbook.notebook.tables import Kind, key

TERMS = 32
"""Words of a query that count; FTS5 refuses expressions that are too deep."""
KINDS = {"page", "run", "claim", "experiment", "feature"}
"""What can be found."""
CANDIDATES = 1000
"""Newest matches that are ranked. Ranking all of them makes common words slow in a large notebook."""


@dataclass(frozen=True)
class Hit:
    """One thing that was found."""

    kind: Kind
    id: str
    """Id of the page or run, name of the experiment; for a claim the experiment's name, '#' and its number; for a
    feature the run's id, '/' and its number."""
    title: str
    """Title of the page, experiment and id of the run, sentence of the claim."""
    section: str
    """Anchor of the page's section that matches best; "" for the top."""
    heading: str
    """Heading of that section."""
    excerpt: tuple[tuple[str, bool], ...]
    """The text around the match in pieces, each with whether it is one of the words searched for."""

    @property
    def text(self) -> str:
        """The excerpt as plain text."""
        return "".join(piece for piece, _ in self.excerpt)


def match_expression(text: str) -> str | None:
    """`text` as an FTS5 expression that cannot be misread: every word quoted, the last also as a beginning.

    "Words in quotes" are taken as a phrase, and a single Latin letter as a word. None if nothing is searched for.
    """
    pieces = [phrase or word for phrase, word in re.findall(r'"([^"]*)"|([^\s"]+)', text[:2000])]
    terms = [piece.replace("\0", " ").encode("utf-8", "replace").decode() for piece in pieces]
    terms = [term for term in terms if any(c.isalnum() for c in term)][:TERMS]
    if not terms:
        return None
    begins = not text.rstrip().endswith('"') and not (len(terms[-1]) == 1 and terms[-1].isascii())
    return " ".join(f'"{term}"' for term in terms) + ("*" if begins else "")


@dataclass(frozen=True)
class Suggestion:
    """A name that begins with what somebody types."""

    kind: str
    """"page", "experiment" or "tag"."""
    id: str
    """Id of the page, name of the experiment, the tag."""
    title: str
    hint: str
    """What else tells it apart: the alias that was found, the page's kind, what the experiment asks."""


def find(db: sqlite3.Connection, text: str, limit: int, kinds: Sequence[str] | None = None) -> list[Hit]:
    """What matches `text`, best first: exact names, then titles, aliases and tags, then everything else.

    One hit for each page, run, claim, experiment and feature, at the section that matches best. A dictionary has
    thousands of features: unless they are asked for, they come last, and take a quarter of the places.
    """
    expression = match_expression(text)
    if expression is None:
        return []
    if kinds is not None:
        return _found(db, text, expression, limit, kinds)
    features = _found(db, text, expression, max(3, limit // 4), ["feature"])
    others = _found(db, text, expression, limit, ["page", "run", "claim", "experiment"])
    return others[: limit - len(features)] + features if len(others) + len(features) > limit else others + features


def _found(db: sqlite3.Connection, text: str, expression: str, limit: int, kinds: Sequence[str]) -> list[Hit]:
    chosen = sorted(set(kinds) & KINDS)
    rows = _exact(db, text) if "page" in chosen else []
    rows += _ranked(db, "{title alias tag} : (" + expression + ")", "AND entry.top", chosen, limit)
    if len({row[3] for row in rows}) < limit:
        rows += _ranked(db, expression, "", chosen, limit)
    best: dict[tuple[str, str], tuple[Any, ...]] = {}
    for row in rows:
        best.setdefault((row[1], row[3]), row)
    rows = list(best.values())[:limit]
    excerpts = _excerpts(db, expression, [row[0] for row in rows])
    return [
        Hit(kind, name, title, section, heading, excerpts[number])
        for number, kind, _, name, title, section, heading in rows
    ]


def complete(db: sqlite3.Connection, prefix: str, limit: int) -> list[Suggestion]:
    """Names of pages, experiments and tags that begin with `prefix`; then titles with a word that does."""
    begin = key(prefix)
    if not begin:
        return []
    end = begin + chr(0x10FFFF)
    rows = db.execute(
        """SELECT page.id, page.title, page.kind, name.rank, name.key FROM (
               SELECT key, rank, path FROM name WHERE key >= ? AND key < ? LIMIT ?) AS name JOIN page USING (path)
           ORDER BY name.rank = 3, length(name.key), name.key""",
        [begin, end, CANDIDATES],
    ).fetchall()
    found = [
        Suggestion("page", ident, title, kind if key(title).startswith(begin) else f"{kind}, also {name}")
        for ident, title, kind, _, name in rows
    ]
    for name, data in db.execute("SELECT name, data FROM experiment ORDER BY name").fetchall():
        if begin in key(name):
            place = next((i for i, s in enumerate(found) if not key(s.title).startswith(begin)), len(found))
            found.insert(min(place, 3), Suggestion("experiment", name, name, f"experiment: {json.loads(data)[0]}"))
    tags = db.execute("SELECT DISTINCT key, said FROM tag WHERE key >= ? AND key < ? LIMIT 5", [begin, end])
    found += [Suggestion("tag", said, said, "tag") for _, said in tags.fetchall()]
    expression = match_expression(prefix)
    if len(found) < limit and expression is not None:
        ranked = _ranked(db, "{title} : (" + expression + ")", "AND entry.top", ["page"], limit)
        found += [Suggestion("page", row[3], row[4], "page") for row in ranked]
    first: dict[tuple[str, str], Suggestion] = {}
    for suggestion in found:
        first.setdefault((suggestion.kind, suggestion.id), suggestion)
    return list(first.values())[:limit]


_PLACE = "entry.id, entry.kind, entry.owner, entry.name, entry.title, entry.section, entry.heading"


def _exact(db: sqlite3.Connection, text: str) -> list[tuple[Any, ...]]:
    return db.execute(
        f"""SELECT {_PLACE} FROM name JOIN entry ON entry.kind = 'page' AND entry.owner = name.path AND entry.top
            WHERE name.key = ? ORDER BY name.rank, name.path""",
        [key(text)],
    ).fetchall()


def _ranked(
    db: sqlite3.Connection, expression: str, where: str, kinds: Sequence[str], limit: int
) -> list[tuple[Any, ...]]:
    marks = ", ".join("?" * len(kinds))
    return db.execute(
        f"""SELECT {_PLACE} FROM entry JOIN (
                SELECT fts.rowid AS id, bm25(fts, 10.0, 8.0, 4.0, 6.0, 1.0) AS score
                FROM fts CROSS JOIN entry ON entry.id = fts.rowid
                WHERE fts MATCH ? {where} AND entry.kind IN ({marks}) ORDER BY fts.rowid DESC LIMIT ?
            ) AS found ON entry.id = found.id
            ORDER BY found.score, entry.id LIMIT ?""",
        [expression, *kinds, CANDIDATES, 8 * limit],
    ).fetchall()


def _excerpts(db: sqlite3.Connection, expression: str, numbers: list[int]) -> dict[int, tuple[tuple[str, bool], ...]]:
    if not numbers:
        return {}
    marks = ", ".join("?" * len(numbers))
    # What was found by its name alone need not match the words: it begins with its first ones.
    texts = dict(db.execute(f"SELECT rowid, substr(body, 1, 200) FROM fts WHERE rowid IN ({marks})", numbers))
    # The plus keeps SQLite from asking FTS5 once for each row, which would read the words' lists anew each time.
    texts |= dict(
        db.execute(
            f"""SELECT rowid, snippet(fts, -1, char(2), char(3), ' … ', 24) FROM fts
                WHERE fts MATCH ? AND rowid BETWEEN ? AND ? AND +rowid IN ({marks})""",
            [expression, min(numbers), max(numbers), *numbers],
        )
    )
    return {number: _pieces(text) for number, text in texts.items()}


def _pieces(excerpt: str) -> tuple[tuple[str, bool], ...]:
    pieces, marked = [], False
    for piece in re.split("([\x02\x03])", excerpt):
        if piece in ("\x02", "\x03"):
            marked = piece == "\x02"
        elif piece:
            pieces.append((piece, marked))
    return tuple(pieces)
