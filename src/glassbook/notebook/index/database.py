"""Index database: a SQLite file beside the notebook's files, brought up to date before each query.

It holds nothing that the files do not: it may be deleted at any time, and is made again when it is missing, damaged or
of another version. It is brought up to date by looking at every file's time and size, and reading those that changed.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from glassbook.errors import GlassbookError
from glassbook.notebook.index import refresh, scan, schema
from glassbook.notebook.index.follow import Follower
from glassbook.notebook.index.page_loader import LargePages
from glassbook.notebook.index.spelling import Vocabulary

P = ParamSpec("P")
R = TypeVar("R")
Self_ = TypeVar("Self_", bound="IndexFile")

SMALL = 8 << 20
"""Bytes of an index that is searched for damage whenever it is opened, which takes some hundredths of a second."""
AT_ONCE = 20
"""Pages of those that wait which are read at a time."""
SLICE, PAUSE = 0.03, 0.01
"""Seconds that a large page is written while queries wait, and seconds for them in between."""
DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a damaged file can raise besides SQLite's own errors: text that is none, JSON that says other things."""


def recovering(method: Callable[Concatenate[Self_, P], R]) -> Callable[Concatenate[Self_, P], R]:
    """Hold the lock; throw a damaged index away and try again on a new one, and in the end on one in memory.

    The last is for a disk that is full, read-only or cannot be locked: the notebook can still be read.
    """

    @functools.wraps(method)
    def wrapped(self: Self_, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock:
            for recover in (self._remove, self._use_memory):
                try:
                    return method(self, *args, **kwargs)
                except sqlite3.DatabaseError as error:
                    if "locked" in str(error):
                        raise GlassbookError(f"{self.path} is in use by another program; try again") from error
                    recover()
                except DAMAGE:
                    if recover != self._remove:  # a new index fails alike: it is no damage
                        raise
                    recover()
            return method(self, *args, **kwargs)

    return wrapped


class IndexFile:
    """The file of the index of the notebook in `folder`, brought up to date before each query.

    Safe to use from several threads. If the file cannot be written, the index is held in memory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / ".glassbook" / "index.db"
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._experiments: dict[str, str] = {}
        self._vocabulary = Vocabulary()
        """Words of the open database."""
        self._follower: Follower | None = None
        self._touched: set[str] = set()
        """Pages that may have changed since they were last looked at, while the files are followed."""
        self._waiting: set[str] = set()
        """Pages that are read beside the queries: large ones, whose names are known, and those of very many."""
        self._reading = threading.Lock()
        """Held by who reads them."""
        self._large: LargePages | None = None
        """Those of them that another process reads."""
        self._damaged = False
        """Whether damage was found in the open database."""
        self._unknown = True
        """Whether the files have not been compared with the open database: then a query does that first."""
        self._watch: scan.RunWatch | None = None
        """Which runs may have moved, while the files are followed; None when everything has to be looked at."""
        self.version = 0
        """Grows with every change that is seen while the files are followed."""

    def close(self) -> None:
        """Stop following and close the file; the next call opens it again."""
        follower, self._follower = self._follower, None
        if follower is not None:
            if (large := self._large) is not None:
                large.stop()
            follower.stop()
        self._close()

    def _close(self) -> None:
        with self._lock:
            if self._db is not None:
                self._db.close()
            self._db = None
            self._vocabulary = Vocabulary()

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
                self._unknown = True  # what changed before the watch began
                self.look()
            self._leave_tidying(self._open())
            follower.poll()

    @recovering
    def _as_left(self) -> bool:
        """Whether there is an index from before, which is then taken as it is."""
        db = self._open()
        if db.execute("SELECT 1 FROM page LIMIT 1").fetchone() is None:
            return False
        self._touched, self._unknown = set(), False
        self._watch = scan.RunWatch(self.folder, db.execute("SELECT id, status, stamp FROM run"))
        return True

    def touch(self, pages: Iterable[str]) -> None:
        """These pages (paths relative to the folder) may have changed."""
        # A set is added to in one step, so no lock: a question under way must not hold up the watch.
        self._touched.update(pages)
        self.version += 1

    def touch_run(self, name: str) -> None:
        """This run, which may have finished long ago, has changed."""
        with self._lock:
            if self._watch is not None:
                self._watch.touch(name)
            self.version += 1

    @recovering
    def look(self) -> None:
        """Bring everything up to date."""
        self._fresh_pages()
        self._fresh_runs()

    def tidy(self) -> None:
        """Move what was written from the database's log into its file, beside the queries, which need not wait."""
        with (
            contextlib.suppress(sqlite3.DatabaseError),
            contextlib.closing(sqlite3.connect(self.path, timeout=0)) as db,
        ):
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def warm(self) -> None:
        """Read the words of the index beside the queries, so that the first misspelt one need not."""
        inode = _inode(self.path)
        try:
            with contextlib.closing(schema.connect(str(self.path))) as db:
                vocabulary = Vocabulary()
                vocabulary.read_on(db)
        except (sqlite3.DatabaseError, *DAMAGE):
            return  # queries find what is wrong
        with self._lock:
            if self._db is not None and self._inode == inode:
                self._vocabulary = vocabulary

    def look_at_everything(self) -> None:
        """Find what the watch missed, and damage, beside the queries: with a connection of its own."""
        try:
            db = schema.connect(str(self.path))
        except sqlite3.DatabaseError:
            return
        try:
            schema.check_tables(db)
            if moved := [path for paths in refresh.stale_pages(db, self.folder) for path in paths]:
                self.touch(moved)
            if any(refresh.stale_runs(db, self.folder)):
                self._watch = None
        except sqlite3.DatabaseError as error:
            self._damaged = "locked" not in str(error)  # then the next query makes another
        except DAMAGE:
            self._damaged = True
        finally:
            db.close()

    def look_for_pages(self) -> bool:
        """Find pages that another program changed a moment ago, of which the watch is yet to tell, beside the queries.

        Returns:
            whether there are any.
        """
        if self._follower is None:
            return False  # each question looks at all files
        try:
            with contextlib.closing(schema.connect(str(self.path))) as db:
                moved = [path for paths in refresh.stale_pages(db, self.folder) for path in paths]
        except (sqlite3.DatabaseError, *DAMAGE):
            return False  # queries find what is wrong
        if moved:
            self.touch(moved)
        return bool(moved)

    # --- bringing it up to date ---------------------------------------------------------------------------------

    def _fresh_pages(self) -> sqlite3.Connection:
        """The index with all pages as they are now."""
        db = self._open()
        touched, self._touched = self._touched, set()
        try:
            if self._follower is None or self._unknown:
                refresh.pages(db, self.folder)
                self._unknown = False
                return db
            pages = dict.fromkeys(path for path in touched if path.endswith(scan.SUFFIX))
            if len(pages) < len(touched):
                pages |= dict.fromkeys(path for paths in refresh.stale_pages(db, self.folder) for path in paths)
            if pages:
                large, others = refresh.some_pages(db, self.folder, pages)
                self._waiting |= large | others
        except BaseException:
            self._touched |= touched
            raise
        return db

    def settle(self) -> None:
        """Wait until the links and words of all pages are known; while files are followed, those of large ones lag."""
        self.look()
        self.read_waiting()

    def read_waiting(self) -> None:
        """Read the pages that queries left, beside the queries, which go on in between."""
        with self._reading:
            while self._waiting:
                some = {self._waiting.pop() for _ in range(min(AT_ONCE, len(self._waiting)))}
                try:
                    if large := self._read_some(some):
                        self._read_large(sorted(large))
                    time.sleep(PAUSE)
                except BaseException:
                    self._waiting |= some
                    raise
                self.version += 1

    @recovering
    def _read_some(self, pages: set[str]) -> set[str]:
        """Read a few pages; returns the large ones, of which the rest is to be read."""
        large, others = refresh.some_pages(self._fresh_pages(), self.folder, sorted(pages))
        self._waiting |= others
        return large

    def _read_large(self, paths: Sequence[str]) -> None:
        db, self._large = self._db, LargePages(self.folder, paths)
        try:
            for pieces in self._large.read():
                steps = refresh.rest_of_page(db, pieces) if db and pieces else iter(())
                while self._take_steps(db, steps):
                    time.sleep(PAUSE)
        finally:
            self._large.stop()
            self._large = None

    @recovering
    def _take_steps(self, db: sqlite3.Connection | None, steps: Iterator[None]) -> bool:
        """Write for a moment; whether there is more to write."""
        if db is None or self._db is not db:
            return False  # closed, or a new index, which has read everything itself
        until = time.monotonic() + SLICE
        with schema.transaction(db):
            return any(time.monotonic() > until for _ in steps)

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
        refresh.claims(db, changed)
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

    # --- the file -----------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        if self._db is not None and self._inode is not None and self._inode != _inode(self.path):
            self._close()  # deleted or replaced under our hands
        if self._damaged:
            self._damaged = False
            self._remove()
        if self._db is None:
            try:
                self.path.parent.mkdir(exist_ok=True)
            except OSError as error:
                raise sqlite3.DatabaseError(str(error)) from error
            size = _size(self.path)
            self._db = schema.connect(str(self.path))
            self._inode = _inode(self.path)
            if size <= SMALL:
                schema.check(self._db)
            self._leave_tidying(self._db)
            self._watch, self._unknown = None, True  # nothing is known of what this file holds
        return self._db

    def _leave_tidying(self, db: sqlite3.Connection) -> None:
        if self._follower is not None:
            db.execute("PRAGMA wal_autocheckpoint = 0")

    def _remove(self) -> None:
        self._close()
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self.path}{suffix}")

    def _use_memory(self) -> None:
        self._close()
        self._db, self._inode = schema.connect(":memory:"), None
        self._watch, self._unknown = None, True


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _inode(path: Path) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None
