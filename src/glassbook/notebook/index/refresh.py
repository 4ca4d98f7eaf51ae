"""Incremental index updates: what is stale is found by its time and size, read, and written.

What is stale is looked for again once the write lock is held: another process may have been faster.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from glassbook.notebook.index import scan, schema
from glassbook.notebook.index.page_loader import piece_of, read_page, read_pages, read_runs
from glassbook.notebook.index.run_rows import forget_runs, write_runs
from glassbook.notebook.index.spelling import learn_all
from glassbook.notebook.serialization import whole

MANY = 1000
"""New pages from which on the indexes wait and the log of the database is emptied: it would stay as large as them."""

LARGE = 20_000
"""Bytes of a page from which on its links and sections are read beside the queries."""
FEW, QUICKLY = 5, 0.05
"""Pages that are read while a query waits, and seconds for which it waits where there are more."""

# --- pages ------------------------------------------------------------------------------------------------------


def pages(db: sqlite3.Connection, folder: Path) -> None:
    """All pages, as they are now."""
    if not any(stale_pages(db, folder)):
        return
    with schema.transaction(db):
        gone, new, changed = stale_pages(db, folder)
        for path in gone:
            schema.forget_page(db, path)
        many = len(new) > MANY
        with schema.indexes_afterwards(db) if many else contextlib.nullcontext():
            for found in read_pages(folder, new):
                schema.add_pages(db, found, learns=not many)
        if many:
            learn_all(db)
        for path in changed:
            _read_page(db, folder, path)
    if many:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def some_pages(db: sqlite3.Connection, folder: Path, paths: Iterable[str]) -> tuple[set[str], set[str]]:
    """The pages in these files (paths relative to the folder) as they are now, the first ones that are read quickly.

    Returns:
        (large pages, of which only the names are read; further pages, of which nothing is read yet).
    """
    large, others, until = set(), set(), time.monotonic() + QUICKLY
    with schema.transaction(db):
        for number, path in enumerate(paths):
            there = whole(path) == path and scan.is_page(folder, path)
            if number >= FEW and time.monotonic() > until:
                others.add(path)
            elif not there or os.path.getsize(folder / path) <= LARGE:
                _read_page(db, folder, path, there)
            elif _read_head(db, folder, path):
                large.add(path)
    return large, others


def _read_head(db: sqlite3.Connection, folder: Path, path: str) -> bool:
    """A large page's row and names, as they are now; whether its links and sections are to be read."""
    known = db.execute("SELECT mtime, size, changed, seen, digest FROM page WHERE path = ?", [path]).fetchone()
    if known and known[3:] == schema.UNREAD and known[:3] == scan.stamp(os.stat(folder / path)):
        return True  # it waits already
    found = read_page(folder, path, known[4] if known else None, schema.head_of)
    if isinstance(found, dict):
        found["page"][0][4:6] = schema.UNREAD
        schema.write_head(db, found)
        return True
    if found is None:
        schema.forget_page(db, path)
    else:
        _write_stamp(db, path, found)
    return False


def rest_of_page(db: sqlite3.Connection, pieces: Sequence[bytes]) -> Iterator[None]:
    """Write the links and sections of a large page whose names are there, in small steps (see `LargePages.read`)."""
    yield from schema.replace_rest(db, piece_of(pieces[0]), map(piece_of, pieces[1:]))


def stale_pages(db: sqlite3.Connection, folder: Path) -> tuple[list[str], list[str], list[str]]:
    """Pages whose file is (gone, new, changed)."""
    known = {path: stamp for path, *stamp in db.execute("SELECT path, mtime, size, changed, seen FROM page")}
    new, changed = [], []
    for path, now in scan.pages(folder).items():
        stamp = known.pop(path, None)
        if stamp is None:
            new.append(path)
        elif now != tuple(stamp[:3]) or stamp[3] - stamp[2] < scan.RACY:
            changed.append(path)
    return sorted(known), sorted(new), sorted(changed)


def _read_page(db: sqlite3.Connection, folder: Path, path: str, there: bool = True) -> None:
    known = db.execute("SELECT digest FROM page WHERE path = ?", [path]).fetchone()
    found = read_page(folder, path, known[0] if known else None) if there else None
    if isinstance(found, tuple):
        _write_stamp(db, path, found)
        return
    if known is not None:
        schema.forget_page(db, path)
    if found is not None:
        schema.add_pages(db, [found])


def _write_stamp(db: sqlite3.Connection, path: str, stamp: Sequence[Any]) -> None:
    columns = "mtime = ?, size = ?, changed = ?, seen = ?, digest = ?"
    db.execute(f"UPDATE page SET {columns} WHERE path = ?", [*stamp, path])


# --- runs -------------------------------------------------------------------------------------------------------


def runs(db: sqlite3.Connection, folder: Path) -> bool:
    """All runs, as they are now; whether any had moved."""
    if not any(stale_runs(db, folder)):
        return False
    with schema.transaction(db):
        _write(db, folder, *stale_runs(db, folder))
    return True


def some_runs(
    db: sqlite3.Connection, folder: Path, gone: Collection[str], stale: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """These runs, as they are now: (id, status, stamp) of those that were read."""
    with schema.transaction(db):
        return _write(db, folder, gone, stale)


def stale_runs(db: sqlite3.Connection, folder: Path) -> tuple[set[str], dict[str, str]]:
    """(runs whose folder is gone, runs to be read with the stamps of their files)."""
    known = dict(db.execute("SELECT id, stamp FROM run"))
    found = scan.run_stamps(folder, scan.run_names(folder))
    return known.keys() - found.keys(), {name: stamp for name, stamp in found.items() if known.get(name) != stamp}


def _write(
    db: sqlite3.Connection, folder: Path, gone: Collection[str], stale: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    forget_runs(db, gone)
    sql = "SELECT summary, latest FROM run WHERE id = ?"
    asked = [(name, stamp, db.execute(sql, [name]).fetchone()) for name, stamp in sorted(stale.items())]
    done = []
    for rows in read_runs(folder, asked):
        write_runs(db, folder, rows)
        done += [(row["id"], row["status"], row["stamp"]) for row in rows]
    return done


# --- what is known beside the files -----------------------------------------------------------------------------


def claims(db: sqlite3.Connection, runs_changed: bool) -> None:
    """What the newest run of each experiment says about its claims."""
    if not runs_changed:
        return
    with schema.transaction(db):
        before = dict(db.execute("SELECT experiment, data FROM claim"))
        now = dict(
            db.execute("SELECT experiment, claims FROM run WHERE problem IS NULL AND claims <> '[]' ORDER BY id")
        )
        for experiment in sorted(before.keys() | now.keys()):
            if before.get(experiment) != now.get(experiment):
                schema.write_claims(db, experiment, now.get(experiment))


def experiments(db: sqlite3.Connection, given: Mapping[str, str]) -> None:
    """The experiments that search should know: name -> JSON of (what it asks, glossary terms, source)."""
    if not given or dict(db.execute("SELECT name, data FROM experiment")) == given:
        return
    with schema.transaction(db):
        for (name,) in db.execute("SELECT name FROM experiment").fetchall():
            schema.forget(db, "experiment", name)
        db.execute("DELETE FROM experiment")
        for name, data in given.items():
            about, terms, source = json.loads(data)
            db.execute("INSERT INTO experiment VALUES (?, ?)", [name, data])
            body = f"{about}\n{source}"
            schema.add(db, schema.Entry("experiment", name, name, name, body, alias=" \n".join(terms)))
