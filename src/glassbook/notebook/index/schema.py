"""Schema of the index: its tables, and the rows that pages, runs and claims become."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from glassbook.notebook.bounded import TooCostly
from glassbook.notebook.index.spelling import learn, remember, words_in
from glassbook.notebook.index.words import APART, spread
from glassbook.notebook.pages.links import Outline, Section, name_key, read_bounded
from glassbook.notebook.pages.names import BEHIND, lookup_key, names_of
from glassbook.notebook.pages.page import Page
from glassbook.notebook.runs.claims import Claim
from glassbook.notebook.serialization import whole

VERSION = 14
"""Changes with the tables below; an index of another version is built again."""

LISTS = {
    "page": "fts_page",
    "run": "fts_run",
    "claim": "fts_claim",
    "experiment": "fts_claim",
    "feature": "fts_feature",
}
"""Kind -> the list of its words. Apart, so that a few of one kind are found among very many of another."""
PAGE_NAMES = "fts_name"
"""The list of the words in pages' names, which are few beside those in their texts."""
WORDS = ("rowid", "title", "alias", "tag", "heading", "body")
NAMES = WORDS[:4]
"""Columns of the lists of words, and of the list of pages' names."""

Kind = Literal["page", "run", "claim", "experiment", "feature"]

LONG = 1 << 17
"""Characters of a section's text that are one entry of the index; a longer one is several."""
LINKS_AT_ONCE = 500
"""Links of a page that are written or deleted in one step."""

TOKENS = "tokenize = 'unicode61 remove_diacritics 2'"
TABLES = f"""
CREATE TABLE page (path TEXT PRIMARY KEY, mtime INTEGER, size INTEGER, changed INTEGER, seen INTEGER,
                   digest TEXT, id TEXT, title TEXT, problem TEXT, kind TEXT, level INTEGER, tags TEXT, aliases TEXT,
                   day TEXT, behind INTEGER);
CREATE INDEX page_kind ON page (kind, lower(title), path);
CREATE INDEX page_title ON page (lower(title), path);
CREATE INDEX page_level ON page (level IS NULL, level DESC, lower(title), path);
CREATE INDEX page_kind_level ON page (kind, level IS NULL, level DESC, lower(title), path);
CREATE INDEX page_mtime ON page (mtime DESC, path);
CREATE INDEX page_day ON page (day);
CREATE INDEX page_id ON page (id);
CREATE TABLE tag (key TEXT, said TEXT, path TEXT);
CREATE INDEX tag_key ON tag (key, path);
CREATE INDEX tag_path ON tag (path);
CREATE TABLE name (key TEXT, rank INTEGER, path TEXT);
CREATE INDEX name_key ON name (key, rank, path);
CREATE INDEX name_path ON name (path);
CREATE TABLE link (path TEXT, target TEXT, section TEXT, line INTEGER, text TEXT, said TEXT);
CREATE INDEX link_target ON link (target);
CREATE INDEX link_path ON link (path);
CREATE TABLE run (id TEXT PRIMARY KEY, stamp TEXT, experiment TEXT, header TEXT, summary TEXT, words TEXT,
                  claims TEXT, problem TEXT, started REAL, status TEXT, seed INTEGER, folded TEXT, latest TEXT,
                  annotations TEXT, archived INTEGER, duration REAL);
CREATE TABLE run_value (name TEXT, run TEXT, value, PRIMARY KEY (name, run)) WITHOUT ROWID;
CREATE INDEX run_experiment ON run (experiment, started);
CREATE INDEX run_started ON run (started);
CREATE INDEX run_status ON run (status);
CREATE TABLE run_tag (key TEXT, said TEXT, run TEXT, PRIMARY KEY (key, run)) WITHOUT ROWID;
CREATE INDEX run_tag_run ON run_tag (run);
CREATE TABLE run_column (experiment TEXT, name TEXT, PRIMARY KEY (experiment, name)) WITHOUT ROWID;
CREATE TABLE experiment (name TEXT PRIMARY KEY, data TEXT);
CREATE TABLE claim (experiment TEXT PRIMARY KEY, data TEXT);
CREATE TABLE entry (id INTEGER PRIMARY KEY, kind TEXT, owner TEXT, name TEXT, title TEXT, section TEXT, heading TEXT,
                    top INTEGER);
CREATE INDEX entry_owner ON entry (kind, owner);
CREATE VIRTUAL TABLE fts_page USING fts5 (title, alias, tag, heading, body, {APART}, {TOKENS});
CREATE VIRTUAL TABLE fts_run USING fts5 (title, alias, tag, heading, body, {APART}, {TOKENS});
CREATE VIRTUAL TABLE fts_claim USING fts5 (title, alias, tag, heading, body, {APART}, {TOKENS});
CREATE VIRTUAL TABLE fts_feature USING fts5 (title, alias, tag, heading, body, {APART}, {TOKENS});
CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT UNIQUE);
CREATE VIRTUAL TABLE page_word USING fts5vocab (fts_page, row);
CREATE VIRTUAL TABLE fts_name USING fts5 (title, alias, tag, {APART}, prefix = '2 3', {TOKENS});
PRAGMA user_version = {VERSION};
"""


@dataclass(frozen=True)
class Entry:
    """One thing that search can find: a section of a page, a run, a claim, an experiment or a feature."""

    kind: Kind
    owner: str
    """What the entry is forgotten with: the page's path, the run's (or feature's run's) id, the experiment's name."""
    name: str
    """Id that is shown."""
    title: str
    body: str
    section: str = ""
    heading: str = ""
    alias: str = ""
    tag: str = ""
    top: bool = True
    """Whether it is the first (or only) entry of its owner."""


def connect(name: str) -> sqlite3.Connection:
    """Open the index at `name`, with its tables.

    Raises:
        sqlite3.DatabaseError: it is damaged, of another version, locked, or cannot be written.
    """
    db = sqlite3.connect(name, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -48000")
        db.execute("PRAGMA journal_size_limit = 16000000")
        with transaction(db):
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in TABLES.split(";\n"):
                    db.execute(statement)
                # Words wait in memory until there are many: written in few large pieces they need no merging.
                db.execute("INSERT INTO fts_page (fts_page, rank) VALUES ('hashsize', 33554432)")
                # Pieces are merged a little with every change; at the default of 16 of them all would be, for seconds.
                for table in ("fts_page", PAGE_NAMES):
                    db.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('crisismerge', 64)")
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError(f"the index has version {version}")
    except BaseException:
        db.close()
        raise
    return db


def check(db: sqlite3.Connection) -> None:
    """Look for damage in all of an index, in time proportional to its size.

    Raises:
        sqlite3.DatabaseError: it is damaged.
    """
    check_tables(db)
    for table in (*LISTS.values(), PAGE_NAMES):
        db.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")


def check_tables(db: sqlite3.Connection) -> None:
    """The same for all but the lists of words themselves: many times as fast, and it takes no lock.

    Raises:
        sqlite3.DatabaseError: it is damaged.
    """
    (said,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        raise sqlite3.DatabaseError(said)
    texts = " UNION ALL ".join(f"SELECT rowid AS id FROM {table}" for table in LISTS.values())
    odd = f"SELECT id FROM entry WHERE kind NOT IN ({', '.join('?' * len(LISTS))}) OR id NOT IN ({texts})"
    if db.execute(f"SELECT EXISTS ({odd})", list(LISTS)).fetchone()[0]:
        raise sqlite3.DatabaseError("something that search can find has no words")


@contextlib.contextmanager
def transaction(db: sqlite3.Connection, lock: Literal["IMMEDIATE", "DEFERRED"] = "IMMEDIATE") -> Iterator[None]:
    """All of the block's writes or none; DEFERRED for reads only."""
    # IMMEDIATE takes the write lock at once; a plain BEGIN that turns into a write fails without waiting.
    db.execute(f"BEGIN {lock}")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


@contextlib.contextmanager
def indexes_afterwards(db: sqlite3.Connection) -> Iterator[None]:
    """Drop the indexes of pages' tables while the block writes very many rows, and build them again in one go.

    Rows that come in any order would each change another page of each index. It takes part in the transaction.
    """
    made = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        " AND tbl_name IN ('page', 'tag', 'name', 'link', 'entry')"
    ).fetchall()
    for name, _ in made:
        db.execute(f"DROP INDEX {name}")
    yield
    for _, sql in made:
        db.execute(sql)


def key(name: str) -> str:
    """The form in which names stand in the index."""
    return name_key(whole(name))


def add(db: sqlite3.Connection, entry: Entry) -> None:
    """Let search find an entry."""
    row = [
        entry.kind,
        entry.owner,
        entry.name,
        whole(entry.title),
        entry.section,
        whole(entry.heading),
        entry.top,
    ]
    number = db.execute(
        "INSERT INTO entry (kind, owner, name, title, section, heading, top) VALUES (?, ?, ?, ?, ?, ?, ?)",
        row,
    ).lastrowid
    words = [whole(text) for text in (entry.title, entry.alias, entry.tag, entry.heading, entry.body)]
    _insert(db, LISTS[entry.kind], WORDS, [(number, *words)])
    learn(db, words)


def _insert(db: sqlite3.Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Add texts to a list of words; `rows` begin with the number of their entry."""
    marks = ", ".join("?" * (len(columns) + 1))
    db.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}, {APART}) VALUES ({marks})",
        [(*row, spread(*row[1:])) for row in rows],
    )


def forget(db: sqlite3.Connection, kind: Kind, owner: str) -> None:
    """Let search find an owner's entries no more."""
    own = "SELECT id FROM entry WHERE kind = ? AND owner = ?"
    for table in (LISTS[kind], PAGE_NAMES)[: 1 + (kind == "page")]:
        db.execute(f"DELETE FROM {table} WHERE rowid IN ({own})", [kind, owner])
    db.execute("DELETE FROM entry WHERE kind = ? AND owner = ?", [kind, owner])


Rows = dict[str, list[Any]]
"""A page as rows of the tables: plain data, which another process may have made."""


TITLE, PROBLEM = 7, 8
"""Places of a page's title and problem in its row."""
UNREAD = 0, ""
"""(seen, digest) of a page whose links and sections are not in the index yet: it counts as changed."""


def head_of(path: str, stamp: Sequence[Any], page: Page) -> Rows:
    """The rows of a page itself and of its names, which cost little; `stamp` as in `rows_of`."""
    own = [whole(page.id), whole(page.title), page.problem and whole(page.problem), whole(page.kind), page.level]
    lists = [whole(json.dumps(page.tags)), whole(json.dumps(page.aliases)), page.day]
    names = names_of(page, path)
    return {
        "page": [[path, *stamp, *own, *lists, names.get(name_key(page.id), 0) // BEHIND]],
        "tag": [[key(tag), whole(tag), path] for tag in page.tags],
        "name": [[whole(name), rank, path] for name, rank in names.items()],
    }


def rows_of(path: str, stamp: Sequence[Any], page: Page) -> Rows:
    """All rows of a page; `stamp` is (mtime, size, changed, seen, digest) of its file."""
    head, outline = head_of(path, stamp, page), Outline((), (), (Section("", "", 0, 1, page.body),))
    try:
        outline = read_bounded(page.body)
    except TooCostly as stopped:
        unknown = f"its links and sections are not known: to read it, {stopped}"
        head["page"][0][PROBLEM] = head["page"][0][PROBLEM] or unknown
    # The names stand with the first section only, so that a search for the page lands on its top.
    first = (" \n".join(page.aliases), " \n".join(page.tags))
    sections = [
        [section.slug, whole(section.title), top, *(first if top else ("", "")), part]
        for n, section in enumerate(outline.sections)
        for part, top in _parts(whole(section.text), n == 0)
    ]
    return head | {
        "link": [
            [
                path,
                lookup_key(whole(link.target), path),
                whole(link.section),
                link.line,
                whole(link.text),
                whole(link.target),
            ]
            for link in outline.links
            if link.target
        ],
        "sections": sections,
    }


def _parts(text: str, first: bool) -> Iterator[tuple[str, bool]]:
    """A text in parts of at most LONG characters, cut between words; and whether a part is the `first` of its page."""
    start = 0
    while len(text) - start > LONG:
        space = max(text.rfind("\n", start, start + LONG), text.rfind(" ", start + LONG // 2, start + LONG))
        end = space if space > start else start + LONG
        yield text[start:end], first
        start, first = end, False
    yield text[start:], first


def in_pieces(rows: Rows) -> Iterator[Rows]:
    """The links and sections of a page in pieces that are written quickly, with the "words" of the page and each."""
    title = rows["page"][0][TITLE]
    for n in range(0, len(rows["link"]), LINKS_AT_ONCE):
        yield {"link": rows["link"][n : n + LINKS_AT_ONCE], "sections": [], "words": []}
    waiting = rows["sections"][::-1]
    while waiting:
        piece, size = [], 0
        while waiting and size < LONG // 2:
            piece.append(waiting.pop())
            size += len(piece[-1][-1])
        texts = [title, *(text for _, heading, _, *others in piece for text in (heading, *others))]
        yield {"link": [], "sections": piece, "words": sorted(words_in(texts))}


def add_pages(db: sqlite3.Connection, pages: Sequence[Rows], learns: bool = True) -> None:
    """Write all rows of some pages that the index does not hold.

    Args:
        db: the index.
        pages: the pages.
        learns: remember their words for `spelling`; without, the caller has to (see `learn_all`).
    """
    _add_rows(db, pages, {"page": 15, "tag": 3, "name": 3, "link": 6})
    texts = _add_sections(db, [(rows["page"][0], rows["sections"]) for rows in pages])
    if learns:
        learn(db, texts)


def _add_rows(db: sqlite3.Connection, pages: Sequence[Rows], tables: Mapping[str, int]) -> None:
    """Add the rows of some tables (name -> number of columns)."""
    for table, columns in tables.items():
        marks = ", ".join("?" * columns)
        db.executemany(f"INSERT INTO {table} VALUES ({marks})", [row for rows in pages for row in rows[table]])


def _add_sections(db: sqlite3.Connection, pages: Iterable[tuple[Sequence[Any], Sequence[Any]]]) -> list[str]:
    """Add sections of pages, given as (row of the page, sections); returns all texts in them."""
    (number,) = db.execute("SELECT coalesce(max(id), 0) FROM entry").fetchone()
    entries, words = [], []
    for (path, _, _, _, _, _, ident, title, *_), sections in pages:
        for slug, heading, top, alias, tag, text in sections:
            number += 1
            entries.append((number, "page", path, ident, title, slug, heading, top))
            words.append((number, title, alias, tag, heading, text))
    db.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", entries)
    _insert(db, "fts_page", WORDS, words)
    names = [row[:4] for row, entry in zip(words, entries, strict=True) if entry[-1]]
    _insert(db, PAGE_NAMES, NAMES, names)
    return [text for row in words for text in row[1:]]


def write_head(db: sqlite3.Connection, rows: Rows) -> None:
    """Write what `head_of` gives in place of what the index holds; the page's links and sections stay."""
    (page,) = rows["page"]
    for table in ("page", "tag", "name"):
        db.execute(f"DELETE FROM {table} WHERE path = ?", [page[0]])
    _add_rows(db, [rows], {"page": 15, "tag": 3, "name": 3})


def replace_rest(db: sqlite3.Connection, head: Sequence[Any], pieces: Iterable[Rows]) -> Iterator[None]:
    """Write a page's links and sections in place of those that the index holds, in many small steps.

    It stops where the page is changed or removed in between two steps.

    Args:
        db: the index; it holds the page's other rows, as UNREAD.
        head: row of the page, as it is at the end.
        pieces: what `in_pieces` gives.
    """
    path, stamp = head[0], list(head[1:6])
    waits = "SELECT 1 FROM page WHERE path = ? AND (mtime, size, changed, seen, digest) = (?, ?, ?, ?, ?)"

    def steps() -> Iterator[None]:
        while links := db.execute("SELECT rowid FROM link WHERE path = ? LIMIT ?", [path, LINKS_AT_ONCE]).fetchall():
            db.executemany("DELETE FROM link WHERE rowid = ?", links)
            yield
        for number in db.execute("SELECT id FROM entry WHERE kind = 'page' AND owner = ?", [path]).fetchall():
            for place in ("fts_page WHERE rowid", f"{PAGE_NAMES} WHERE rowid", "entry WHERE id"):
                db.execute(f"DELETE FROM {place} = ?", number)
            yield
        for piece in pieces:
            _add_rows(db, [piece], {"link": 6})
            _add_sections(db, [(head, piece["sections"])])
            remember(db, piece["words"])
            yield

    for _ in steps():
        yield
        if db.execute(waits, [path, *stamp[:3], *UNREAD]).fetchone() is None:
            return
    columns = "seen = ?, digest = ?, problem = ?"
    db.execute(f"UPDATE page SET {columns} WHERE path = ?", [*stamp[3:], head[PROBLEM], path])


def forget_page(db: sqlite3.Connection, path: str) -> None:
    """Delete all rows of a page."""
    for table in ("page", "name", "link", "tag"):
        db.execute(f"DELETE FROM {table} WHERE path = ?", [path])
    forget(db, "page", path)


def write_claims(db: sqlite3.Connection, experiment: str, data: str | None) -> None:
    """Write all rows of an experiment's claims (JSON, as `Claim.to_data` gives them), or delete them."""
    forget(db, "claim", experiment)
    db.execute("DELETE FROM claim WHERE experiment = ?", [experiment])
    if data is None:
        return
    db.execute("INSERT INTO claim VALUES (?, ?)", [experiment, data])
    for claim in map(Claim.from_data, json.loads(data)):
        body = " \n".join([str(claim.condition), claim.control or "", claim.source or "", experiment])
        add(db, Entry("claim", experiment, f"{experiment}#{claim.id}", claim.sentence, body))


def flat(value: Any) -> Iterator[str]:
    """Keys and values of nested settings, as words to search for."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield " ".join([str(name), *flat(item)])
    elif isinstance(value, list):
        for item in value:
            yield from flat(item)
    elif value is not None:
        yield str(value)
