"""Queries of the index: names, links, lists, search and tables of runs, without opening a file of the notebook."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from glassbook.errors import GlassbookError
from glassbook.notebook.files import visible
from glassbook.notebook.index import scan, schema, search
from glassbook.notebook.index.database import IndexFile, recovering
from glassbook.notebook.index.resolver import ADDRESS, Resolver
from glassbook.notebook.pages.names import BEHIND, ID, lookup_key
from glassbook.notebook.pages.page import Page
from glassbook.notebook.runs.annotations import from_text, tag_key
from glassbook.notebook.runs.events import Summary
from glassbook.notebook.runs.record import RunRecord, read_record
from glassbook.notebook.serialization import read_number, whole

PageOrder = Literal["title", "path", "level", "modified"]
_RECORD = "id, header, summary, annotations"
"""Columns that a run's record is made from."""
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
class TimelineEntry:
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
    tags: list[str]
    """All tags of the notebook's runs."""


@dataclass(frozen=True)
class RunCount:
    """How many runs of an experiment there are."""

    experiment: str
    runs: int
    newest: datetime


@dataclass(frozen=True)
class Graph:
    """Pages and the links between them."""

    nodes: list[tuple[str, str, str]]
    """(id, title, kind)."""
    edges: list[tuple[str, str]]
    """(id of the page that links, id of the page that it links to)."""


@dataclass(frozen=True)
class Backlink:
    """A place in a page that links to another."""

    id: str
    """Id of the page that holds the link."""
    title: str
    section: str
    """Section that the link points to, "" for the top."""
    line: int
    """Line of that page's body, from 1."""
    text: str
    """That line."""


class Index(IndexFile):
    """What the notebook in `folder` holds, for lists, links and search; safe to use from several threads."""

    # --- pages --------------------------------------------------------------------------------------------------

    @recovering
    def paths(self) -> list[Path]:
        """Files of all pages."""
        return [self.folder / path for (path,) in self._fresh_pages().execute("SELECT path FROM page ORDER BY path")]

    @recovering
    def names(self) -> list[str]:
        """Ids and titles of all pages."""
        db = self._fresh_pages()
        return [name for row in db.execute("SELECT id, title FROM page ORDER BY path") for name in dict.fromkeys(row)]

    @recovering
    def paths_of(self, name: str) -> list[Path]:
        """Files of the pages that `name` means: by id, else by title or file, else by alias.

        Several if they share the name and none has exactly this id.
        """
        db = self._fresh_pages()
        rows = db.execute(
            "SELECT rank, path, id FROM name JOIN page USING (path) WHERE key = ? ORDER BY rank % ? <> ?, rank, path",
            [schema.key(name), BEHIND, ID],
        ).fetchall()
        best = [(path, ident) for rank, path, ident in rows if rank == rows[0][0]]
        exact = [path for path, ident in best if ident == name]
        return [self.folder / path for path in (exact if len(exact) == 1 else [path for path, _ in best])]

    @recovering
    def resolve(self, name: str, source: str = "") -> str | None:
        """Id of the page that a link to `name` leads to, None if there is none.

        It is the page's path where another page before it has its id. See `pages.names` for which of several is meant.

        Args:
            name: as it stands in the link; "./" and a path for the address of a Markdown link.
            source: file of the page that holds the link, relative to the notebook.
        """
        resolver = Resolver(self._fresh_pages())
        return resolver.address(resolver.path(name, source))

    @recovering
    def path_of(self, name: str, source: str = "") -> str | None:
        """File, relative to the notebook, of the page that `resolve` gives."""
        return Resolver(self._fresh_pages()).path(name, source)

    @recovering
    def path_at(self, address: str) -> str | None:
        """File, relative to the notebook, of the page with this `address`, else of the one that the name means.

        In a link `[[a.md]]` means the page a; as an address, `a.md` is first the page that has it as its id.
        """
        return Resolver(self._fresh_pages()).path_at(address)

    @recovering
    def meant_by_others(self, names: Iterable[str], path: str) -> dict[str, str]:
        """Of some names, those that mean a page in another file than `path`, seen from the notebook's own pages.

        Returns:
            the name -> the file of the page that it means, relative to the notebook.
        """
        resolver = Resolver(self._fresh_pages())
        found = {name: resolver.path(name) for name in names}
        return {name: other for name, other in found.items() if other is not None and other != path}

    @recovering
    def holders(self, names: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
        """Of some names in the form of `name_key`, those that pages have -> (file, rank) of each such page."""
        db, found = self._fresh_pages(), {}
        for name in names:
            if rows := db.execute("SELECT path, rank FROM name WHERE key = ?", [whole(name)]).fetchall():
                found[name] = rows
        return found

    @recovering
    def address(self, page: Page) -> str:
        """Name that `resolve` leads from to this page: its id, or its path where another page before it has its id."""
        return Resolver(self._fresh_pages()).address(self._path(page)) or page.id

    @recovering
    def owners(self, ident: str) -> list[Path]:
        """Files of the pages whose id is exactly `ident`, upper and lower case alike."""
        rows = self._fresh_pages().execute(
            "SELECT path FROM name WHERE key = ? AND rank % ? = ? ORDER BY path", [schema.key(ident), BEHIND, ID]
        )
        return [self.folder / path for (path,) in rows]

    @recovering
    def page_rows(
        self,
        kind: str | None = None,
        tag: str | None = None,
        order: PageOrder = "title",
        limit: int = 100,
        offset: int = 0,
    ) -> list[PageRow]:
        """Some pages of a kind or with a tag, from the index alone. Order by level: highest first; modified: newest."""
        if order not in _PAGE_ORDERS:
            raise GlassbookError(f"pages cannot be ordered by {order!r}; choose from {', '.join(_PAGE_ORDERS)}")
        where, values = _page_filter(kind, tag)
        rows = self._fresh_pages().execute(
            f"""SELECT {ADDRESS}, title, kind, level, tags, aliases, path, mtime FROM page WHERE {where}
                ORDER BY {_PAGE_ORDERS[order]} LIMIT ? OFFSET ?""",
            [*values, limit, offset],
        )
        return [
            PageRow(id, title, kind, level, tuple(json.loads(tags)), tuple(json.loads(aliases)), path, _time(mtime))
            for id, title, kind, level, tags, aliases, path, mtime in rows
        ]

    @recovering
    def page_count(self, kind: str | None = None, tag: str | None = None) -> int:
        """How many pages there are of a kind or with a tag."""
        where, values = _page_filter(kind, tag)
        return self._fresh_pages().execute(f"SELECT count(*) FROM page WHERE {where}", values).fetchone()[0]

    @recovering
    def timeline(self, before: str = "", days: int = 60) -> list[TimelineEntry]:
        """Pages that belong to a day (see `Page.day`), of the newest `days` days before `before`, newest first."""
        db = self._fresh_pages()
        cut = db.execute(
            """SELECT min(day) FROM (SELECT DISTINCT day FROM page WHERE day <> '' AND (? = '' OR day < ?)
               ORDER BY day DESC LIMIT ?)""",
            [before, before, days],
        ).fetchone()[0]
        rows = db.execute(
            f"""SELECT day, {ADDRESS}, title, kind FROM page WHERE day <> '' AND (? = '' OR day < ?) AND day >= ?
               ORDER BY day DESC, lower(title)""",
            [before, before, cut or ""],
        )
        return [TimelineEntry(*row) for row in rows]

    @recovering
    def undated(self, kind: str, limit: int) -> list[str]:
        """Files of some pages of a kind that belong to no day, relative to the notebook, by name."""
        rows = self._fresh_pages().execute(
            "SELECT path FROM page WHERE kind = ? AND day = '' ORDER BY path LIMIT ?", [kind, limit]
        )
        return [path for (path,) in rows]

    # --- links --------------------------------------------------------------------------------------------------

    @recovering
    def backlinks(self, name: str, limit: int | None = None) -> list[Backlink]:
        """Links from other pages to the page that `name` means; to a run or a missing page by the name itself."""
        db = self._fresh_pages()
        resolver = Resolver(db)
        path = resolver.path(name)
        if path is None:
            numbers = [n for (n,) in db.execute("SELECT rowid FROM link WHERE target = ?", [lookup_key(whole(name))])]
        else:
            numbers = resolver.links_to(path)
        found: dict[tuple[str, str, int], Backlink] = {}
        for number in numbers:
            if limit is not None and len(found) >= limit:
                break
            ident, *rest = db.execute(
                f"""SELECT {ADDRESS}, page.title, link.section, link.line, link.text
                    FROM link JOIN page ON page.path = link.path WHERE link.rowid = ?""",
                [number],
            ).fetchone()
            link = Backlink(ident, *rest)
            found.setdefault((ident, link.section, link.line), link)
        return list(found.values())

    @recovering
    def linking(self, page: Page | str) -> list[str]:
        """Files, relative to the notebook, of the other pages that link to a page."""
        resolver = Resolver(self._fresh_pages())
        numbers = list(resolver.links_to(self._path(page)))
        rows = (resolver.db.execute("SELECT path FROM link WHERE rowid = ?", [n]).fetchone() for n in numbers)
        return list(dict.fromkeys(path for (path,) in rows))

    @recovering
    def links(self, page: Page | str) -> list[tuple[str, str | None]]:
        """What a page, or that in a file, links to, in order: (the name in the link, id of the page or None)."""
        resolver, path = Resolver(self._fresh_pages()), self._path(page)
        rows = resolver.db.execute("SELECT target, said FROM link WHERE path = ? ORDER BY rowid", [path])
        texts: dict[str, str] = {}
        for target, text in rows.fetchall():
            texts.setdefault(target, text)
        return [(text.removeprefix("./"), resolver.address(resolver.path(text, path))) for text in texts.values()]

    @recovering
    def graph(self, page: Page | str, depth: int = 1, limit: int = 60) -> Graph:
        """A page, the pages at most `depth` links away from it either way (at most `limit`), and the links between."""
        resolver, path = Resolver(self._fresh_pages()), self._path(page)
        near, newest = {path: None}, [path]
        for _ in range(depth):
            reached: dict[str, None] = {}
            for other in newest:
                if len(near) + len(reached) >= limit:
                    break
                around = [*resolver.targets(other), *resolver.sources(other, limit)]
                reached |= dict.fromkeys(path for path in around if path not in near)
            newest = list(reached)[: max(0, limit - len(near))]
            near |= dict.fromkeys(newest)
        query = f"SELECT {ADDRESS}, title, kind FROM page WHERE path = ?"
        nodes = {p: resolver.db.execute(query, [p]).fetchone() for p in near}
        inside = {(a, b) for a in near for b in resolver.targets(a) if b in near and a != b}
        return Graph([nodes[p] for p in near], sorted((nodes[a][0], nodes[b][0]) for a, b in inside))

    def _path(self, page: Page | str) -> str:
        """Path of a page's file, relative to the folder."""
        path = page if isinstance(page, str) else page.path
        return (self.folder / path).relative_to(self.folder).as_posix() if path else ""

    # --- search -------------------------------------------------------------------------------------------------

    @recovering
    def search(self, text: str, limit: int = 20, kinds: Sequence[str] | None = None) -> list[search.Hit]:
        """Pages, runs, claims, experiments and features that hold all the words of `text`, best first.

        Where few things do, those that hold words spelled alike follow. Any text may be searched for; `kinds`
        limits it to some of "page", "run", "claim", "experiment", "feature".
        """
        self._fresh_pages()
        db = self._fresh_runs()
        with schema.transaction(db, "DEFERRED"):  # one state of the index for all of its queries
            return search.find(db, text, limit, kinds, self._vocabulary)

    @recovering
    def complete(self, prefix: str, limit: int = 10) -> list[search.Suggestion]:
        """Names of pages, experiments and tags that begin with `prefix`, the shortest first."""
        self._fresh_pages()
        return search.complete(self._fresh_runs(), prefix, limit)

    @recovering
    def set_experiments(self, experiments: Mapping[str, tuple[str, Sequence[str], str]]) -> None:
        """Let search find experiments: name -> (what it asks, glossary terms, source)."""
        self._experiments = {
            name: json.dumps([about, list(terms), source]) for name, (about, terms, source) in experiments.items()
        }

    # --- runs ---------------------------------------------------------------------------------------------------

    @recovering
    def find_runs(self, name: str, limit: int) -> list[RunRecord]:
        """The run called `name`, or else the first ones whose ids begin so."""
        rows = (
            self._fresh_runs()
            .execute(
                f"""SELECT {_RECORD} FROM run WHERE problem IS NULL AND id >= ? AND id < ? || char(1114111)
                   ORDER BY id LIMIT ?""",
                [whole(name), whole(name), limit],
            )
            .fetchall()
        )
        exact = [row for row in rows if row[0] == name]
        return self._records(exact or rows)

    @recovering
    def runs(self, experiment: str | None = None) -> list[RunRecord]:
        """All runs that can be read, or those of one experiment, newest first."""
        rows = self._fresh_runs().execute(
            f"SELECT {_RECORD} FROM run WHERE problem IS NULL AND (? IS NULL OR experiment = ?)",
            [experiment, experiment],
        )
        return sorted(self._records(rows.fetchall()), key=lambda record: (record.started, record.id), reverse=True)

    @recovering
    def run_table(
        self,
        experiment: str | None = None,
        status: str | None = None,
        text: str = "",
        tag: str | None = None,
        archived: bool | None = None,
        order: str = "started",
        descending: bool = True,
        limit: int = 100,
        offset: int = 0,
    ) -> RunTable:
        """Some runs, quickly even among many.

        Args:
            experiment: only its runs.
            status: only runs of this status.
            text: only runs whose experiment, id, settings, results' names, notes or tags hold all these words.
            tag: only runs with this tag.
            archived: only archived runs, or only others; all by default.
            order: "started", "duration", "experiment", "seed", "status", "flop", "config.<setting>" or
                "results.<metric>".
            descending: the largest or newest first; runs without the value come last either way.
            limit: at most so many.
            offset: how many to pass over.
        """
        db = self._fresh_runs()
        self._update_unfinished(db)
        condition, values = _run_filter(experiment, status, text, tag, archived)
        (total,) = db.execute(f"SELECT count(*) FROM run WHERE {condition}", values).fetchone()
        column, join, keys = _run_order(order)
        way = "DESC" if descending else "ASC"
        rows = db.execute(
            f"""SELECT {_RECORD} FROM run {join} WHERE {condition}
                ORDER BY {column} IS NULL, {column} {way}, started {way}, id {way} LIMIT ? OFFSET ?""",
            [*keys, *values, limit, offset],
        )
        records = self._records(rows.fetchall())
        names = db.execute(
            "SELECT DISTINCT name FROM run_column WHERE ? IS NULL OR experiment = ? ORDER BY name",
            [experiment, experiment],
        )
        tags = db.execute("SELECT min(said) FROM run_tag GROUP BY key ORDER BY key")
        return RunTable(records, total, [name for (name,) in names], [tag for (tag,) in tags])

    @recovering
    def run_counts(
        self, status: str | None = None, text: str = "", tag: str | None = None, archived: bool | None = None
    ) -> list[RunCount]:
        """How many of some runs (see `run_table`) each experiment has, those of the newest run first."""
        db = self._fresh_runs()
        self._update_unfinished(db)
        condition, values = _run_filter(None, status, text, tag, archived)
        rows = db.execute(
            f"""SELECT experiment, count(*), max(started) FROM run WHERE {condition}
                GROUP BY experiment ORDER BY max(started) DESC, experiment""",
            values,
        )
        return [RunCount(name, n, datetime.fromtimestamp(newest, UTC)) for name, n, newest in rows]

    @recovering
    def latest(self, ids: Sequence[str]) -> dict[str, dict[str, tuple[int, float]]]:
        """For each of some runs, by id, the last logged value of each metric: name -> (step, value)."""
        db = self._fresh_runs()
        out: dict[str, dict[str, tuple[int, float]]] = {}
        for name in ids:
            row = db.execute("SELECT latest FROM run WHERE id = ?", [name]).fetchone()
            if row is not None:
                points = json.loads(row[0])
                numbers = {metric: (step, read_number(value)) for metric, (step, value) in points.items()}
                out[name] = {metric: (step, value) for metric, (step, value) in numbers.items() if value is not None}
        return out

    def _records(self, rows: Iterable[tuple[str, str, str, str]]) -> list[RunRecord]:
        return [
            read_record(
                self.folder / "runs" / name,
                json.loads(header),
                Summary.from_data(json.loads(summary)),
                from_text(annotations),
            )
            for name, header, summary, annotations in rows
        ]

    def _update_unfinished(self, db: sqlite3.Connection) -> None:
        """Whether runs without an end still live can change without a change of their files."""
        rows = db.execute(f"SELECT status, {_RECORD} FROM run WHERE status = 'running' AND problem IS NULL")
        for status, *row in rows.fetchall():
            (record,) = self._records([tuple(row)])
            if record.status != status:
                with schema.transaction(db):
                    db.execute("UPDATE run SET status = ? WHERE id = ?", [record.status, record.id])

    # --- problems -----------------------------------------------------------------------------------------------

    @recovering
    def problems(self) -> list[str]:
        """What in the notebook's files cannot be read or is not unique, one line each."""
        db = self._fresh_pages()
        lines: list[str] = []
        scan.pages(self.folder, lines)
        lines += [
            f"{visible(path)}: {problem}"
            for path, problem in db.execute("SELECT path, problem FROM page WHERE problem IS NOT NULL ORDER BY path")
        ]
        for ident, paths in db.execute(
            "SELECT id, group_concat(path, ', ') FROM page GROUP BY id HAVING count(*) > 1 ORDER BY id"
        ):
            lines.append(f"{visible(paths)}: these share the id {ident!r}; give each its own")
        self._fresh_runs()
        lines += [row[0] for row in db.execute("SELECT problem FROM run WHERE problem IS NOT NULL ORDER BY id")]
        wrong = "SELECT id, annotations ->> '$.problem' FROM run WHERE annotations ->> '$.problem' <> '' ORDER BY id"
        return lines + [f"run {name}: {problem}" for name, problem in db.execute(wrong)]


def _time(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def _page_filter(kind: str | None, tag: str | None) -> tuple[str, list[str]]:
    where, values = ["1"], []
    if kind is not None:
        where.append("kind = ?")
        values.append(kind)
    if tag is not None:
        where.append("path IN (SELECT path FROM tag WHERE key = ?)")
        values.append(schema.key(tag))
    return " AND ".join(where), values


def _run_filter(
    experiment: str | None, status: str | None, text: str, tag: str | None, archived: bool | None
) -> tuple[str, list[Any]]:
    """A condition on the table of runs, and its values."""
    wanted = {
        "experiment = ?": experiment,
        "status = ?": status,
        "id IN (SELECT run FROM run_tag WHERE key = ?)": None if tag is None else tag_key(whole(tag)),
        "archived = ?": archived,
    }
    given = [(condition, value) for condition, value in wanted.items() if value is not None]
    given += [("instr(folded, ?)", word) for word in text.casefold().split()]
    return " AND ".join(["problem IS NULL", *(condition for condition, _ in given)]), [value for _, value in given]


def _run_order(order: str) -> tuple[str, str, list[str]]:
    """(column to order by, the join that it needs, the values of the join)."""
    if order in ("started", "duration", "experiment", "seed", "status"):
        return order, "", []
    if order != "flop" and not order.startswith(("config.", "results.")):
        raise GlassbookError(
            f"runs cannot be ordered by {order!r}; choose started, duration, experiment, seed, status, flop, config.x"
            " or results.x"
        )
    return "value", "LEFT JOIN run_value ON run_value.name = ? AND run_value.run = run.id", [whole(order)]
