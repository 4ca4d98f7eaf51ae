"""Lists of the notebook's pages and runs as the index knows them: rows for tables, without opening a file."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from glassbook.errors import GlassbookError
from glassbook.notebook.index import schema as tables
from glassbook.notebook.runs.events import Summary
from glassbook.notebook.runs.record import RunRecord, read_record
from glassbook.notebook.serialization import read_number

PageOrder = Literal["title", "path", "level", "modified"]
_PAGE_ORDERS = {
    "title": "lower(title), path",
    "path": "path",
    "level": "level IS NULL, level DESC, lower(title), path",
    "modified": "mtime DESC, path",
}


@dataclass(frozen=True)
class PageRow:
    """A page in a list."""

    id: str
    title: str
    kind: str
    level: int | None
    tags: tuple[str, ...]
    aliases: tuple[str, ...]
    path: str
    """Relative to the notebook's folder."""
    modified: datetime


@dataclass(frozen=True)
class Moment:
    """A page that belongs to a day."""

    day: str
    """YYYY-MM-DD, YYYY-MM or YYYY."""
    id: str
    title: str
    kind: str


@dataclass(frozen=True)
class RunTable:
    """Some runs, how many there are in all, and what they can be sorted by."""

    rows: list[RunRecord]
    total: int
    columns: list[str]
    """ "config.<setting>" and "results.<metric>" of all runs that fit the experiment."""


@dataclass(frozen=True)
class Graph:
    """Pages and the links between them."""

    nodes: list[tuple[str, str, str]]
    """(id, title, kind)."""
    edges: list[tuple[str, str]]
    """(id of the page that links, id of the page that it links to)."""


# --- pages ----------------------------------------------------------------------------------------------------------


def page_rows(
    db: sqlite3.Connection, kind: str | None, tag: str | None, order: PageOrder, limit: int, offset: int
) -> list[PageRow]:
    """Some pages, ordered."""
    if order not in _PAGE_ORDERS:
        raise GlassbookError(f"pages cannot be ordered by {order!r}; choose from {', '.join(_PAGE_ORDERS)}")
    where, values = _page_filter(kind, tag)
    found = db.execute(
        f"""SELECT id, title, kind, level, tags, aliases, path, mtime FROM page WHERE {where}
            ORDER BY {_PAGE_ORDERS[order]} LIMIT ? OFFSET ?""",
        [*values, limit, offset],
    )
    return [
        PageRow(ident, title, kind, level, tuple(json.loads(tags)), tuple(json.loads(aliases)), path, _moment(mtime))
        for ident, title, kind, level, tags, aliases, path, mtime in found
    ]


def page_count(db: sqlite3.Connection, kind: str | None, tag: str | None) -> int:
    """How many pages there are."""
    where, values = _page_filter(kind, tag)
    return db.execute(f"SELECT count(*) FROM page WHERE {where}", values).fetchone()[0]


def _page_filter(kind: str | None, tag: str | None) -> tuple[str, list[str]]:
    where, values = ["1"], []
    if kind is not None:
        where.append("kind = ?")
        values.append(kind)
    if tag is not None:
        where.append("path IN (SELECT path FROM tag WHERE key = ?)")
        values.append(tables.key(tag))
    return " AND ".join(where), values


def moments(db: sqlite3.Connection, before: str, days: int) -> list[Moment]:
    """Pages that belong to a day, of the newest `days` days before `before` ("" for all), newest first."""
    cut = db.execute(
        """SELECT min(day) FROM (SELECT DISTINCT day FROM page WHERE day <> '' AND (? = '' OR day < ?)
           ORDER BY day DESC LIMIT ?)""",
        [before, before, days],
    ).fetchone()[0]
    rows = db.execute(
        """SELECT day, id, title, kind FROM page WHERE day <> '' AND (? = '' OR day < ?) AND day >= ?
           ORDER BY day DESC, lower(title)""",
        [before, before, cut or ""],
    )
    return [Moment(*row) for row in rows]


def links(db: sqlite3.Connection, path: str) -> list[tuple[str, str | None]]:
    """(what the page in `path` links to, id of that page or None), once each."""
    rows = db.execute("SELECT target, said FROM link WHERE path = ? ORDER BY rowid", [path])
    said: dict[str, str] = {}
    for target, text in rows.fetchall():
        said.setdefault(target, text)
    return [(text, target_of(db, target)) for target, text in said.items()]


def target_of(db: sqlite3.Connection, key: str) -> str | None:
    """Id of the page that a name (in the form of `tables.key`) means: the first by rank and path."""
    row = db.execute(
        "SELECT page.id FROM name JOIN page USING (path) WHERE key = ? ORDER BY rank, path LIMIT 1", [key]
    ).fetchone()
    return row[0] if row else None


def graph(db: sqlite3.Connection, path: str, depth: int, limit: int) -> Graph:
    """The page in `path`, what is at most `depth` links away from it (either way), and the links between them."""
    near, newest = {path: None}, [path]
    for _ in range(depth):
        found: dict[str, None] = {}
        for page in newest:
            if len(near) + len(found) >= limit:
                break
            around = [*_targets(db, page), *_sources(db, page, limit)]
            found |= dict.fromkeys(other for other in around if other not in near)
        newest = list(found)[: max(0, limit - len(near))]
        near |= dict.fromkeys(newest)
    known = {p: db.execute("SELECT id, title, kind FROM page WHERE path = ?", [p]).fetchone() for p in near}
    inside = {(a, b) for a in near for b in _targets(db, a) if b in near and a != b}
    return Graph([known[p] for p in near], sorted((known[a][0], known[b][0]) for a, b in inside))


def _targets(db: sqlite3.Connection, path: str) -> list[str]:
    """Paths of the pages that a page links to."""
    rows = db.execute("SELECT DISTINCT target FROM link WHERE path = ?", [path]).fetchall()
    return [found for (target,) in rows if (found := _path_of(db, target))]


def _sources(db: sqlite3.Connection, path: str, limit: int) -> Iterable[str]:
    """Paths of pages that link to a page; at most `limit` by each of its names, for all may link to one."""
    for (name,) in db.execute("SELECT DISTINCT key FROM name WHERE path = ?", [path]).fetchall():
        if _path_of(db, name) == path:
            rows = db.execute("SELECT DISTINCT path FROM link WHERE target = ? LIMIT ?", [name, limit]).fetchall()
            yield from (other for (other,) in rows)


def _path_of(db: sqlite3.Connection, key: str) -> str | None:
    row = db.execute("SELECT path FROM name WHERE key = ? ORDER BY rank, path LIMIT 1", [key]).fetchone()
    return row[0] if row else None


# --- runs -----------------------------------------------------------------------------------------------------------


def run_table(
    db: sqlite3.Connection,
    runs: Path,
    *,
    experiment: str | None,
    status: str | None,
    text: str,
    order: str,
    descending: bool,
    limit: int,
    offset: int,
) -> RunTable:
    """Some runs, ordered by "started", "experiment", "seed", "status", "config.<name>" or "results.<name>"."""
    where, values = ["problem IS NULL"], []
    if experiment is not None:
        where.append("experiment = ?")
        values.append(experiment)
    if status is not None:
        where.append("status = ?")
        values.append(status)
    for word in text.casefold().split():
        where.append("instr(folded, ?)")
        values.append(word)
    condition = " AND ".join(where)
    (total,) = db.execute(f"SELECT count(*) FROM run WHERE {condition}", values).fetchone()
    column, join, keys = _run_order(order)
    way = "DESC" if descending else "ASC"
    found = db.execute(
        f"""SELECT id, header, summary FROM run {join} WHERE {condition}
            ORDER BY {column} IS NULL, {column} {way}, started {way}, id {way} LIMIT ? OFFSET ?""",
        [*keys, *values, limit, offset],
    )
    rows = [record_of(runs, *row) for row in found.fetchall()]
    names = db.execute(
        "SELECT DISTINCT name FROM run_column WHERE ? IS NULL OR experiment = ? ORDER BY name", [experiment, experiment]
    )
    return RunTable(rows, total, [name for (name,) in names])


def _run_order(order: str) -> tuple[str, str, list[str]]:
    """(column to order by, the join that it needs, the values of the join)."""
    if order in ("started", "experiment", "seed", "status"):
        return order, "", []
    if not order.startswith(("config.", "results.")):
        raise GlassbookError(
            f"runs cannot be ordered by {order!r}; choose started, experiment, seed, status, config.x or results.x"
        )
    return "value", "LEFT JOIN run_value ON run_value.name = ? AND run_value.run = run.id", [tables.whole(order)]


def record_of(runs: Path, name: str, header: str, summary: str) -> RunRecord:
    """The record of a run from its row."""
    return read_record(runs / name, json.loads(header), Summary.from_data(json.loads(summary)))


def values_of(record: RunRecord) -> dict[str, Any]:
    """What a run can be sorted by: "config.<setting>" (nested ones by their path) and "results.<metric>"."""
    values = {f"config.{name}": value for name, value in _flat(record.config)}
    values |= {f"results.{name}": value for name, value in record.results.items()}
    return {tables.whole(name): _sortable(value) for name, value in values.items()}


def _flat(config: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _sortable(value: Any) -> float | str | None:
    """A value as SQLite orders it: numbers before text; what is not finite counts as missing."""
    if value is None or isinstance(value, bool | int | float):
        return float(value) if value is not None and math.isfinite(value) else None
    return tables.whole(value if isinstance(value, str) else json.dumps(value))


def latest(db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, dict[str, tuple[int, float]]]:
    """For each of some runs its metrics' last values: name -> (step, value)."""
    out: dict[str, dict[str, tuple[int, float]]] = {}
    for name in ids:
        row = db.execute("SELECT latest FROM run WHERE id = ?", [name]).fetchone()
        if row is not None:
            said = json.loads(row[0])
            out[name] = {k: (step, number) for k, (step, v) in said.items() if (number := read_number(v)) is not None}
    return out


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
