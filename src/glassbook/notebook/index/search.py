"""Full-text search on FTS5: queries made safe, ranking and excerpts."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

from glassbook.notebook.index.schema import LISTS, NAMES, PAGE_NAMES, WORDS, Kind, key
from glassbook.notebook.index.spelling import Vocabulary
from glassbook.notebook.index.words import APART, can_be_found, folded, is_apart, spread
from glassbook.notebook.pages.plain import plain_text

EXCERPT = 200
"""Characters of an excerpt."""
AROUND = 1000
"""Characters on either side of a match that are looked at for its excerpt."""
_FENCE = re.compile(r"^[ ]{0,3}(?:```|~~~)", re.M)
TERMS = 32
"""Words of a query that count; FTS5 refuses expressions that are too deep."""
KINDS = {"page", "run", "claim", "experiment", "feature"}
"""What can be found."""
MARKDOWN = {"page", "claim", "experiment"}
"""Those whose text is Markdown."""
FEW = 3
"""Hits below which words that are spelled alike are searched for too."""
NAMES_TRIED = 64
"""Names that are made of words spelled alike and looked up as a whole."""
CANDIDATES = 400
"""Newest matches that are ranked. Ranking all of them makes common words slow in a large notebook."""
WEIGHTS = {"title": 10.0, "alias": 8.0, "tag": 4.0, "heading": 6.0}
"""What a word counts for in a name; in the text it counts for less than 2, however often it is there."""


@dataclass(frozen=True)
class Hit:
    """One thing that was found."""

    kind: Kind
    id: str
    """Id of the page or run, name of the experiment; for a claim the experiment's name, '#' and its id; for a
    feature the run's id, '/' and its number."""
    title: str
    """Title of the page, experiment and id of the run, sentence of the claim."""
    section: str
    """Anchor of the page's section that matches best; "" for the top."""
    heading: str
    """Heading of that section."""
    excerpt: tuple[tuple[str, bool], ...]
    """The text around the match in pieces, each with whether it is one of the words searched for."""
    near: bool = False
    """Whether it holds not the words searched for, but words that are spelled alike."""

    @property
    def text(self) -> str:
        """The excerpt as plain text."""
        return "".join(piece for piece, _ in self.excerpt)


def terms_of(text: str) -> list[str]:
    """The words and "phrases in quotes" of a query that can be looked for."""
    pieces = [phrase or word for phrase, word in re.findall(r'"([^"]*)"|([^\s"]+)', text[:2000])]
    terms = [piece.replace("\0", " ").encode("utf-8", "replace").decode() for piece in pieces]
    return [term for term in terms if can_be_found(term)][:TERMS]


Term = tuple[str, ...]
"""A word or phrase of a query, and the words that may stand in its place."""


def match_expression(terms: Sequence[Term], begins: bool) -> str:
    """Terms as an FTS5 expression that cannot be misread: each quoted, the last also as a beginning if `begins`."""
    phrases = [[f'{APART} : "{spread(w)}"' if is_apart(w) else f'"{w}"' for w in term] for term in terms]
    if begins:
        phrases[-1][-1] += "*"
    return " AND ".join(f"({' OR '.join(term)})" for term in phrases)


def _may_begin(text: str, terms: Sequence[str]) -> bool:
    """Whether the last word may be unfinished: it is not in quotes, and more than a single Latin letter."""
    return not text.rstrip().endswith('"') and not (len(terms[-1]) == 1 and terms[-1].isascii())


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


def find(
    db: sqlite3.Connection,
    text: str,
    limit: int,
    kinds: Sequence[str] | None = None,
    vocabulary: Vocabulary | None = None,
) -> list[Hit]:
    """What matches `text`, best first: exact names, then titles, aliases and tags, then everything else.

    One hit for each page, run, claim, experiment and feature, at the section that matches best. The last word is also
    taken as the beginning of one where whole words give too little. Where fewer than FEW things match, those follow
    that match with words of `vocabulary` spelled like those of the query, which quotes prevent.
    """
    words = terms_of(text)
    if not words:
        return []
    hits = _of_kinds(db, text, [(word,) for word in words], limit, kinds)
    if len(hits) >= min(FEW, limit) or vocabulary is None or '"' in text:
        return hits
    begins = _may_begin(text, words)
    terms = [(word, *vocabulary.near(db, word, begins and place == len(words))) for place, word in enumerate(words, 1)]
    if not any(len(term) > 1 for term in terms):
        return hits
    there = {(hit.kind, hit.id) for hit in hits}
    near = _of_kinds(db, text, terms, limit, kinds)
    return hits + [replace(hit, near=True) for hit in near if (hit.kind, hit.id) not in there][: limit - len(hits)]


Row = tuple[int, str, str, str, str, str, str]
"""id, kind, owner, name, title, section and heading of an entry."""


def _of_kinds(
    db: sqlite3.Connection, text: str, terms: Sequence[Term], limit: int, kinds: Sequence[str] | None
) -> list[Hit]:
    """What matches, of some kinds or of all.

    A dictionary has thousands of features: unless they are asked for, they come last, and take a quarter of the places.
    """
    if kinds is not None:
        return _found(db, text, terms, limit, kinds)
    features = _found(db, text, terms, max(3, limit // 4), ["feature"])
    others = _found(db, text, terms, limit, ["page", "run", "claim", "experiment"])
    return others[: limit - len(features)] + features if len(others) + len(features) > limit else others + features


def _found(db: sqlite3.Connection, text: str, terms: Sequence[Term], limit: int, kinds: Sequence[str]) -> list[Hit]:
    chosen = sorted(set(kinds) & KINDS)
    best: dict[tuple[str, str], Row] = {}

    def take(rows: list[Row]) -> bool:
        """Add what is new; whether there is enough."""
        for row in rows:
            best.setdefault((row[1], row[3]), row)
        return len(best) >= limit

    if "page" in chosen:
        names = [text] if all(len(term) == 1 for term in terms) else map(" ".join, islice(product(*terms), NAMES_TRIED))
        for name in names:
            take(_exact(db, name))
    begins = [False, True] if _may_begin(text, [term[0] for term in terms]) else [False]
    # Beginnings of names as well as words; of texts only where whole words give too little, for they are many.
    named = (_ranked(_named(db, terms, begin, chosen, limit)) for begin in begins)
    enough = any(take(rows) for rows in named)
    for begin in begins:
        if not enough:
            enough = take(_ranked(pair for kind in _lists(chosen) for pair in _scored(db, kind, terms, begin, limit)))
    rows = list(best.values())[:limit]
    excerpts = _excerpts(db, _words_of(terms), rows)
    return [
        Hit(kind, name, title, section, plain_text(heading), excerpts[number])  # pyright: ignore[reportArgumentType]
        for number, kind, _, name, title, section, heading in rows
    ]


def _words_of(terms: Sequence[Term]) -> list[str]:
    return [word for term in terms for word in term]


def complete(db: sqlite3.Connection, prefix: str, limit: int) -> list[Suggestion]:
    """Names of pages, experiments and tags that begin with `prefix`; then titles with a word that does."""
    begin = key(prefix)
    if not begin:
        return []
    end = begin + chr(0x10FFFF)
    rows = db.execute(
        """SELECT page.id, page.title, page.kind, name.rank, name.key FROM (
               SELECT key, rank, path FROM name WHERE key >= ? AND key < ? LIMIT ?) AS name JOIN page USING (path)
           ORDER BY name.rank >= 3, length(name.key), name.key""",
        [begin, end, 10 * limit],
    ).fetchall()
    found = [
        Suggestion("page", ident, title, kind if key(title).startswith(begin) else f"{kind}, also {name}")
        for ident, title, kind, _, name in rows
    ]
    for name, data in db.execute("SELECT name, data FROM experiment ORDER BY name").fetchall():
        if begin in key(name):
            place = next((i for i, s in enumerate(found) if not key(s.title).startswith(begin)), len(found))
            found.insert(min(place, 3), Suggestion("experiment", name, name, f"experiment: {json.loads(data)[0]}"))
    found += [Suggestion("tag", tag, tag, "tag") for tag in _tags(db, begin, end, 5)]
    terms = terms_of(prefix)
    if len(found) < limit and terms:
        begins = _may_begin(prefix, terms)
        ranked = _ranked(_scored(db, (PAGE_NAMES, ["page"]), [(term,) for term in terms], begins, limit))
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


def _tags(db: sqlite3.Connection, begin: str, end: str, limit: int) -> list[str]:
    """Tags from `begin` to `end`. Each stands on many pages: the index is asked for one after the other."""
    found, at = [], begin
    while len(found) < limit:
        row = db.execute(
            "SELECT key, said FROM tag WHERE key >= ? AND key < ? ORDER BY key LIMIT 1", [at, end]
        ).fetchone()
        if row is None:
            break
        found.append(row[1])
        at = row[0] + "\0"
    return found


Scored = tuple[float, Row]
"""(minus how well it matches, entry)."""


def _lists(kinds: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The lists of words in which some kinds are, with those of the kinds that are in each."""
    return [(name, [k for k in kinds if LISTS[k] == name]) for name in dict.fromkeys(LISTS[k] for k in kinds)]


def _ranked(scored: Iterable[Scored]) -> list[Row]:
    """The entries, best first."""
    return [row for _, row in sorted(scored)]


def _named(
    db: sqlite3.Connection, terms: Sequence[Term], begin: bool, kinds: Sequence[str], limit: int
) -> Iterator[Scored]:
    """What has all the words in its names: pages from their list of names, the rest (but features) from their own."""
    if "page" in kinds:
        yield from _scored(db, (PAGE_NAMES, ["page"]), terms, begin, limit)
    for names, members in _lists([kind for kind in kinds if kind not in ("page", "feature")]):
        expression = f"{{title alias tag {APART}}} : ({match_expression(terms, begin)})"
        yield from _scored(db, (names, members), terms, begin, limit, expression)


def _scored(
    db: sqlite3.Connection,
    place: tuple[str, Sequence[str]],
    terms: Sequence[Term],
    begin: bool,
    limit: int,
    expression: str = "",
) -> list[Scored]:
    """The best of the newest matches of some kinds in one list of words.

    FTS5's own bm25 counts every match of every word first, which takes too long.
    """
    table, kinds = place
    columns = ", ".join(f"{table}.{name}" for name in (NAMES if table == PAGE_NAMES else WORDS)[1:])
    marks = ", ".join("?" * len(kinds))
    rows = db.execute(
        f"""SELECT {_PLACE}, {columns} FROM {table} CROSS JOIN entry ON entry.id = {table}.rowid
            WHERE {table} MATCH ? AND entry.kind IN ({marks}) ORDER BY {table}.rowid DESC LIMIT ?""",
        [expression or match_expression(terms, begin), *kinds, CANDIDATES],
    ).fetchall()
    words = [folded(word) for word in _words_of(terms)]
    return sorted((-_score(words, row[7:]), row[:7]) for row in rows)[: 8 * limit]


def _score(words: Sequence[str], texts: Sequence[str]) -> float:
    """How well texts (title, alias, tag, heading, body; or the first three) match words, most of which are in them."""
    total = 0.0
    compared = [folded(text) for text in texts]
    for word in words:
        for weight, text in zip(WEIGHTS.values(), compared, strict=False):
            if word in text:
                # A short name says more with a word of it.
                total += weight / (1 + len(text) / 100)
        if len(compared) > len(WEIGHTS):
            body = compared[-1]
            often = body.count(word)
            total += 2 * often / (often + 0.5 + len(body) / 1000)
    return total


def _excerpts(
    db: sqlite3.Connection, terms: Sequence[str], rows: Sequence[Row]
) -> dict[int, tuple[tuple[str, bool], ...]]:
    """The text of each entry where the words are, with the words marked; its beginning where they are not."""
    pattern = re.compile("|".join(re.escape(term) for term in sorted(terms, key=len, reverse=True)), re.IGNORECASE)
    found = {}
    for number, kind, _, _, title, _, heading in rows:
        (body,) = db.execute(f"SELECT body FROM {LISTS[kind]} WHERE rowid = ?", [number]).fetchone()
        if kind in MARKDOWN:
            body = plain_text(_around(body, pattern))
        if kind == "page":  # its heading is shown beside the text
            body = body.removeprefix(plain_text(heading or title)).lstrip()
        found[number] = _excerpt(body, pattern)
    return found


def _around(body: str, pattern: re.Pattern[str]) -> str:
    """The lines of a long text round the first of the words; fenced blocks are not cut open."""
    if len(body) <= 2 * AROUND:
        return body
    found = pattern.search(body)
    at = found.start() if found else 0
    begin = body.rfind("\n", 0, max(0, at - AROUND)) + 1
    fences = list(_FENCE.finditer(body, 0, begin))
    if len(fences) % 2:
        begin = fences[-1].start()
    return body[begin : at + AROUND]


def _excerpt(body: str, pattern: re.Pattern[str]) -> tuple[tuple[str, bool], ...]:
    """About EXCERPT characters of a text round the first of the words, in pieces, with whether they are words."""
    found = pattern.search(body)
    begin = max(0, found.start() - EXCERPT // 3) if found else 0
    begin = body.rfind(" ", 0, begin) + 1 if begin else 0
    text = body[begin : begin + EXCERPT]
    if begin + EXCERPT < len(body):
        text = text.rpartition(" ")[0] + " …"
    pieces: list[tuple[str, bool]] = [("… ", False)] if begin else []
    at = 0
    for match in pattern.finditer(text):
        pieces += [(text[at : match.start()], False), (match[0], True)]
        at = match.end()
    pieces.append((text[at:], False))
    return tuple(piece for piece in pieces if piece[0])
