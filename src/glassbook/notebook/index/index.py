"""The index: what the notebook's files say, in SQLite, for search, links and lists.

It holds nothing that the files do not: it may be deleted at any time, and is made anew when it is missing, damaged or
of another version. It is brought up to date by looking at every file's time and size, and reading those that changed.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from glassbook.errors import GlassbookError
from glassbook.notebook.index import queries as lists
from glassbook.notebook.index import refresh, scan, search
from glassbook.notebook.index import schema as tables
from glassbook.notebook.index.follow import Follower
from glassbook.notebook.runs.claims import Claim
from glassbook.notebook.runs.record import RunRecord


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


P = ParamSpec("P")
R = TypeVar("R")


def _mended(method: Callable[Concatenate[Index, P], R]) -> Callable[Concatenate[Index, P], R]:
    """Hold the lock; throw a damaged index away and try again on a new one, and in the end on one in memory.

    The last is for a disk that is full, read-only or cannot be locked: the notebook can still be read.
    """

    @functools.wraps(method)
    def wrapped(self: Index, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock:
            for mend in (self._remove, self._keep_in_memory):
                try:
                    return method(self, *args, **kwargs)
                except sqlite3.DatabaseError as error:
                    if "locked" in str(error):
                        raise GlassbookError(f"{self.path} is in use by another program; try again") from error
                    mend()
            return method(self, *args, **kwargs)

    return wrapped


class Index:
    """The index of the notebook in `folder`; safe to use from several threads.

    If its own file cannot be written, it is kept in memory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / ".glassbook" / "index.db"
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._claims: dict[str, str] = {}
        self._experiments: dict[str, str] = {}
        self._follower: Follower | None = None
        self._touched: set[str] = set()
        """Pages that may have changed since they were last looked at, while the files are followed."""
        self._watch: scan.RunWatch | None = None
        """Which runs may have moved, while the files are followed; None when everything has to be looked at."""
        self.version = 0
        """Grows with every change that is seen while the files are followed."""

    def close(self) -> None:
        """Stop following and close the file; the next call opens it again."""
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.stop()
        self._close()

    def _close(self) -> None:
        with self._lock:
            if self._db is not None:
                self._db.close()
            self._db = None

    # --- questions ----------------------------------------------------------------------------------------------

    @_mended
    def resolve(self, name: str) -> list[Path]:
        """Files of the pages that `name` means: by id, else by title, else by alias, else by file name.

        Several if they share the name.
        """
        db = self._fresh_pages()
        rows = db.execute(
            "SELECT rank, path FROM name WHERE key = ? ORDER BY rank, path", [tables.key(name)]
        ).fetchall()
        return list(dict.fromkeys(self.folder / path for rank, path in rows if rank == rows[0][0]))

    @_mended
    def target(self, name: str) -> str | None:
        """Id of the page that a link to `name` leads to: the first by rank and path."""
        row = (
            self._fresh_pages()
            .execute(
                "SELECT page.id FROM name JOIN page USING (path) WHERE key = ? ORDER BY rank, path LIMIT 1",
                [tables.key(name)],
            )
            .fetchone()
        )
        return row[0] if row else None

    @_mended
    def owners(self, ident: str) -> list[Path]:
        """Files of the pages whose id is exactly `ident`, upper and lower case alike."""
        rows = self._fresh_pages().execute(
            "SELECT path FROM name WHERE key = ? AND rank = 0 ORDER BY path", [tables.key(ident)]
        )
        return [self.folder / path for (path,) in rows]

    @_mended
    def paths(self) -> list[Path]:
        """Files of all pages."""
        return [self.folder / path for (path,) in self._fresh_pages().execute("SELECT path FROM page ORDER BY path")]

    @_mended
    def names(self) -> list[str]:
        """Ids and titles of all pages."""
        db = self._fresh_pages()
        return [name for row in db.execute("SELECT id, title FROM page ORDER BY path") for name in dict.fromkeys(row)]

    @_mended
    def backlinks(self, name: str, limit: int | None = None) -> list[Backlink]:
        """Links from other pages to the page that `name` means, or to that name if there is no such page."""
        db = self._fresh_pages()
        best = db.execute(
            "SELECT path FROM name WHERE key = ? ORDER BY rank, path LIMIT 1", [tables.key(name)]
        ).fetchone()
        rows = db.execute(
            # A link belongs to the page to which its target means most: an id goes before another page's title.
            """SELECT page.id, page.title, link.section, link.line, link.text
               FROM link JOIN page ON page.path = link.path
               WHERE link.rowid IN (
                   SELECT min(rowid) FROM link WHERE path <> :path AND target IN (
                       SELECT key FROM name AS mine WHERE mine.path = :path AND NOT EXISTS (
                           SELECT 1 FROM name AS other WHERE other.key = mine.key
                           AND (other.rank, other.path) < (mine.rank, mine.path))
                       UNION SELECT :key WHERE :path = '')
                   GROUP BY path, section, line ORDER BY path, line LIMIT :limit)
               ORDER BY page.path, link.line""",
            {
                "path": best[0] if best else "",
                "key": tables.key(name),
                "limit": -1 if limit is None else limit,
            },
        )
        return [Backlink(*row) for row in rows]

    @_mended
    def links(self, path: Path) -> list[tuple[str, str | None]]:
        """What the page in a file links to, with the ids of the pages that are there."""
        return lists.links(self._fresh_pages(), self._key(path))

    @_mended
    def graph(self, path: Path, depth: int, limit: int) -> lists.Graph:
        """The pages round the one in a file."""
        return lists.graph(self._fresh_pages(), self._key(path), depth, limit)

    @_mended
    def page_rows(
        self, kind: str | None, tag: str | None, order: lists.PageOrder, limit: int, offset: int
    ) -> list[lists.PageRow]:
        """Some pages, without reading their files."""
        return lists.page_rows(self._fresh_pages(), kind, tag, order, limit, offset)

    @_mended
    def page_count(self, kind: str | None, tag: str | None) -> int:
        """How many pages there are."""
        return lists.page_count(self._fresh_pages(), kind, tag)

    @_mended
    def moments(self, before: str, days: int) -> list[lists.Moment]:
        """Pages that belong to a day, newest first."""
        return lists.moments(self._fresh_pages(), before, days)

    @_mended
    def search(self, text: str, limit: int = 20, kinds: Sequence[str] | None = None) -> list[search.Hit]:
        """What matches `text` in pages, runs, claims, experiments and features, best first; any text is safe."""
        self._fresh_pages()
        db = self._fresh_runs()
        with tables.transaction(db, "DEFERRED"):  # one state of the index for all of its queries
            return search.find(db, text, limit, kinds)

    @_mended
    def complete(self, prefix: str, limit: int) -> list[search.Suggestion]:
        """Names that begin with `prefix`, as somebody types it."""
        self._fresh_pages()
        return search.complete(self._fresh_runs(), prefix, limit)

    @_mended
    def run_table(self, **asked: Any) -> lists.RunTable:
        """Some runs, filtered and ordered; see `lists.run_table`."""
        db = self._fresh_runs()
        self._look_at_unfinished(db)
        return lists.run_table(db, self.folder / "runs", **asked)

    @_mended
    def latest(self, ids: Sequence[str]) -> dict[str, dict[str, tuple[int, float]]]:
        """The last values of some runs' metrics."""
        return lists.latest(self._fresh_runs(), ids)

    @_mended
    def find_runs(self, name: str, limit: int) -> list[RunRecord]:
        """The run called `name`, or else the first ones whose ids begin so."""
        db = self._fresh_runs()
        rows = db.execute(
            """SELECT id, header, summary FROM run WHERE problem IS NULL AND id >= ? AND id < ? || char(1114111)
               ORDER BY id LIMIT ?""",
            [tables.whole(name), tables.whole(name), limit],
        ).fetchall()
        exact = [row for row in rows if row[0] == name]
        return [lists.record_of(self.folder / "runs", *row) for row in exact or rows]

    @_mended
    def runs(self) -> list[RunRecord]:
        """All runs that can be read, newest first."""
        return self._runs_of(None)

    @_mended
    def runs_of(self, experiment: str) -> list[RunRecord]:
        """The runs of one experiment, newest first."""
        return self._runs_of(experiment)

    def _runs_of(self, experiment: str | None) -> list[RunRecord]:
        rows = self._fresh_runs().execute(
            "SELECT id, header, summary FROM run WHERE problem IS NULL AND (? IS NULL OR experiment = ?)",
            [experiment, experiment],
        )
        records = [lists.record_of(self.folder / "runs", *row) for row in rows.fetchall()]
        return sorted(records, key=lambda record: (record.started, record.id), reverse=True)

    @_mended
    def problems(self) -> list[str]:
        """What in the files cannot be read or is not unique, one line each."""
        db = self._fresh_pages()
        lines = [
            f"{path}: {problem}"
            for path, problem in db.execute("SELECT path, problem FROM page WHERE problem IS NOT NULL ORDER BY path")
        ]
        for ident, paths in db.execute(
            "SELECT id, group_concat(path, ', ') FROM page GROUP BY id HAVING count(*) > 1 ORDER BY id"
        ):
            lines.append(f"{paths}: these share the id {ident!r}; give each its own")
        self._fresh_runs()
        return lines + [row[0] for row in db.execute("SELECT problem FROM run WHERE problem IS NOT NULL ORDER BY id")]

    @_mended
    def set_claims(self, experiment: str, claims: Sequence[Claim]) -> None:
        """Let search find an experiment's claims as they are now, run or not."""
        self._claims[experiment] = json.dumps([claim.to_data() for claim in claims])

    @_mended
    def set_experiments(self, experiments: Mapping[str, tuple[str, Sequence[str], str]]) -> None:
        """Let search find experiments: name -> (what it asks, glossary terms, source)."""
        self._experiments = {
            name: json.dumps([about, list(terms), source]) for name, (about, terms, source) in experiments.items()
        }

    # --- following the files ------------------------------------------------------------------------------------

    def follow(self, at_once: bool = False) -> None:
        """From now on be told of changes, so that questions look only at what changed. `close` ends it.

        Args:
            at_once: answer as the index was left until everything has been looked at, a second or two later.
        """
        if self._follower is None:
            at_once = at_once and self._as_left()
            follower = Follower(self, at_once)
            self._follower = follower
            if not at_once:
                self.touch([scan.PAGES])  # what changed before the watch began
                self.look()
            self._leave_tidying(self._open())
            follower.poll()

    @_mended
    def _as_left(self) -> bool:
        """Whether there is an index from before, which is then taken as it is."""
        db = self._open()
        if db.execute("SELECT 1 FROM page LIMIT 1").fetchone() is None:
            return False
        self._touched = set()
        self._watch = scan.RunWatch(self.folder, db.execute("SELECT id, status, stamp FROM run"))
        return True

    def touch(self, pages: Iterable[str]) -> None:
        """These pages (paths relative to the folder) may have changed."""
        # A set is added to in one step, so no lock: a question under way must not hold up the watch.
        self._touched.update(pages)
        self.version += 1

    @_mended
    def look(self) -> None:
        """Bring everything up to date."""
        self._fresh_pages()
        self._fresh_runs()

    def tidy(self) -> None:
        """Move what was written from the database's log into its file, beside the questions, which need not wait."""
        with (
            contextlib.suppress(sqlite3.DatabaseError),
            contextlib.closing(sqlite3.connect(self.path, timeout=0)) as db,
        ):
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def look_at_everything(self) -> None:
        """Find what the watch missed, beside the questions: with a connection of its own."""
        try:
            db = tables.connect(str(self.path))
        except sqlite3.DatabaseError:
            return  # the next question mends it
        try:
            if moved := [path for paths in refresh.stale_pages(db, self.folder) for path in paths]:
                self.touch(moved)
            if any(refresh.stale_runs(db, self.folder)):
                self._watch = None
        except sqlite3.DatabaseError:
            self._touched.add(scan.PAGES)
        finally:
            db.close()

    def _key(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    # --- bringing it up to date ---------------------------------------------------------------------------------

    def _fresh_pages(self) -> sqlite3.Connection:
        """The index with all pages as they are now."""
        db = self._open()
        if self._follower is None:
            refresh.pages(db, self.folder)
            return db
        touched, self._touched = self._touched, set()
        try:
            if any(path == scan.PAGES or not path.endswith(scan.SUFFIX) for path in touched):
                refresh.pages(db, self.folder)
            elif touched:
                refresh.some_pages(db, self.folder, touched)
        except BaseException:
            self._touched |= touched
            raise
        return db

    def _fresh_runs(self) -> sqlite3.Connection:
        """The index with all runs and claims as they are now."""
        db, watch = self._open(), self._watch
        if watch is None:
            changed = refresh.runs(db, self.folder)
            if self._follower is not None:
                self._watch = scan.RunWatch(self.folder, db.execute("SELECT id, status, stamp FROM run"))
        else:
            changed = self._fresh_watched(db, watch)
        if changed:
            self.version += 1
        refresh.experiments(db, self._experiments)
        refresh.claims(db, self._claims, changed)
        return db

    def _fresh_watched(self, db: sqlite3.Connection, watch: scan.RunWatch) -> bool:
        gone, moved = watch.moved()
        if not gone and not moved:
            return False
        self._watch = None  # until it is done: what fails here is looked for everywhere next time
        for row in refresh.some_runs(db, self.folder, gone, moved):
            watch.read(*row)
        self._watch = watch
        return True

    def _look_at_unfinished(self, db: sqlite3.Connection) -> None:
        """Whether runs without an end still live can change without a change of their files."""
        rows = db.execute("SELECT id, header, summary, status FROM run WHERE status = 'running' AND problem IS NULL")
        for name, header, summary, status in rows.fetchall():
            now = lists.record_of(self.folder / "runs", name, header, summary).status
            if now != status:
                with tables.transaction(db):
                    db.execute("UPDATE run SET status = ? WHERE id = ?", [now, name])

    # --- the file -----------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        if self._db is not None and self._inode is not None and self._inode != _inode(self.path):
            self._close()  # deleted or replaced under our hands
        if self._db is None:
            try:
                self.path.parent.mkdir(exist_ok=True)
            except OSError as error:
                raise sqlite3.DatabaseError(str(error)) from error
            self._db = tables.connect(str(self.path))
            self._inode = _inode(self.path)
            self._leave_tidying(self._db)
            self._watch, self._touched = None, {scan.PAGES}  # nothing is known of what this file holds
        return self._db

    def _leave_tidying(self, db: sqlite3.Connection) -> None:
        if self._follower is not None:
            db.execute("PRAGMA wal_autocheckpoint = 0")

    def _remove(self) -> None:
        self._close()
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self.path}{suffix}")

    def _keep_in_memory(self) -> None:
        self._close()
        self._db, self._inode = tables.connect(":memory:"), None
        self._watch, self._touched = None, {scan.PAGES}


def _inode(path: Path) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None
