"""Job storage: the SQLite file that holds the jobs of a notebook, and its rows."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from glassbook.errors import GlassbookError
from glassbook.notebook.files import disk_errors, write_atomic
from glassbook.notebook.process import Process

State = Literal["queued", "running", "finished", "failed", "cancelled", "interrupted"]
WAIT = 10.0
"""Seconds to wait while another process writes."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    command TEXT NOT NULL, experiment TEXT NOT NULL, settings TEXT NOT NULL, seed INTEGER NOT NULL,
    gpus INTEGER NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL,
    created REAL NOT NULL, started REAL, ended REAL, run_id TEXT, exit_code INTEGER, error TEXT,
    cancelling INTEGER NOT NULL DEFAULT 0, devices TEXT NOT NULL DEFAULT '[]',
    process TEXT, owner TEXT, owner_process TEXT, lease REAL
);
CREATE INDEX IF NOT EXISTS job_state ON job(state, id);
CREATE INDEX IF NOT EXISTS job_run ON job(run_id);
CREATE TABLE IF NOT EXISTS changes (n INTEGER NOT NULL);
INSERT INTO changes SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM changes);
"""
_TIMES = ("created", "started", "ended")
_OF_SUPERVISOR = ("owner", "owner_process", "lease")
"""Columns that are no part of a job as its reader sees it."""


@dataclass(frozen=True)
class Job:
    """One piece of work, as the queue has it at the moment of reading."""

    id: int
    command: str
    """What to type to do the same by hand."""
    experiment: str
    settings: Mapping[str, Any]
    """The experiment's settings as plain data, as in run.json; those left out have their defaults."""
    seed: int
    gpus: int
    """Graphics processors that it needs for itself."""
    key: str
    """Hash of experiment, code, settings and seed; a job that waits or runs is not queued a second time."""
    state: State
    attempt: int
    """1 for the first; grows each time the job is taken up again."""
    created: datetime
    started: datetime | None
    """When the newest attempt began."""
    ended: datetime | None
    run_id: str | None
    """The run that the job has made, as soon as there is one."""
    exit_code: int | None
    error: str | None
    """Why it did not finish, in one line."""
    cancelling: bool
    """Whether a running job has been asked to stop."""
    devices: tuple[str, ...]
    """The graphics processors that it has."""
    process: Process | None
    """The process that does the work."""
    log: Path
    """What the process writes to stdout and stderr, all attempts one after another."""

    @property
    def title(self) -> str:
        """What it is called in lists."""
        return f"{self.experiment}, seed {self.seed}"

    @property
    def over(self) -> bool:
        """Whether it neither waits nor runs."""
        return self.state not in ("queued", "running")

    @property
    def lost(self) -> bool:
        """Whether its process is gone though it is said to run: no server has looked since, the next one will."""
        return self.state == "running" and self.process is not None and self.process.alive() is False


class JobFile:
    """Rows of .glassbook/jobs.db, read and written in transactions; many threads and processes may do so at once.

    Args:
        folder: the notebook's folder.

    All methods raise GlassbookError if the queue cannot be read or written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.path = self.folder / ".glassbook" / "jobs.db"
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def job(self, id: int | None) -> Job:
        """The job with this number; GlassbookError if there is none."""
        found = self._select("WHERE id = ?", id)
        if not found:
            raise GlassbookError(f"there is no job {id}; `glassbook jobs` lists them")
        return found[0]

    # --- inside -------------------------------------------------------------------------------------------------

    def _query(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Rows of a query; none, and no file is made, where no job was ever added."""
        if not self.path.exists():
            return []
        with self._lock, self._errors():
            return self._opened().execute(sql, values).fetchall()

    def _select(self, clause: str, *values: Any) -> list[Job]:
        return [self._read(row) for row in self._query(f"SELECT * FROM job {clause}", *values)]

    def _update(self, id: int, *, only: State | None = None, **columns: Any) -> None:
        """Set columns of a job, if it is in the state `only`."""
        names = ", ".join(f"{name} = ?" for name in columns)
        with self._writing() as db:
            db.execute(
                f"UPDATE job SET {names} WHERE id = ? AND (? IS NULL OR state = ?)", [*columns.values(), id, only, only]
            )

    def _read(self, row: sqlite3.Row) -> Job:
        values = {name: value for name, value in dict(row).items() if name not in _OF_SUPERVISOR}
        values |= {name: datetime.fromtimestamp(values[name], UTC) for name in _TIMES if values[name] is not None}
        values["settings"] = json.loads(values["settings"])
        values["devices"] = tuple(json.loads(values["devices"]))
        values["cancelling"] = bool(values["cancelling"])
        values["process"] = Process.from_data(json.loads(values["process"] or "{}"))
        return Job(**values, log=self.path.parent / "jobs" / f"{row['id']}.log")

    @staticmethod
    def _changed(db: sqlite3.Connection) -> None:
        db.execute("UPDATE changes SET n = n + 1")

    @contextlib.contextmanager
    def _writing(self, quiet: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction; the outermost one ends it. A quiet one changes nothing that a user sees."""
        with self._lock, self._errors():
            db = self._opened()
            if db.in_transaction:
                yield db
                return
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                if not quiet:
                    self._changed(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk has ended it already
                    db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise GlassbookError(
                f"the queue of jobs {self.path} cannot be used: {error}; fix that, or move the file away"
            ) from error

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            with disk_errors(self.path):
                self.path.parent.mkdir(exist_ok=True)
            ignore = self.path.parent / ".gitignore"
            if not ignore.exists():
                write_atomic(ignore, b"*\n")
            db = sqlite3.connect(self.path, timeout=WAIT, isolation_level=None, check_same_thread=False)
            try:
                db.row_factory = sqlite3.Row
                db.execute("PRAGMA journal_mode = WAL")
                # A job that was accepted must not be lost to a power cut.
                db.execute("PRAGMA synchronous = FULL")
                # Jobs are transient: a file of an earlier version, in which they had titles, is made again.
                old = any(row["name"] == "title" for row in db.execute("PRAGMA table_info(job)"))
                db.executescript("BEGIN IMMEDIATE;" + "DROP TABLE job;" * old + _SCHEMA + "COMMIT;")
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db
