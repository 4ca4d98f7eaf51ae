"""Folder scan: the notebook's files with their times and sizes, none of them read."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from glassbook.notebook.index.schema import whole
from glassbook.notebook.runs.feature_dashboard import NAME

PAGES, SUFFIX = "pages", ".md"
"""Where pages are, and how their files end."""
RACY = 2_000_000_000
"""Nanoseconds. A file changed this short before it was read may change again without a new time: it is read again."""
DORMANT = 20
"""Runs that have ended badly are looked at by so many at a time: they change only when they are resumed."""

Stamp = tuple[int, int]
"""(time of the last change in nanoseconds, size) of a file."""


def pages(folder: Path) -> dict[str, Stamp]:
    """Every page's path (relative to `folder`) and stamp; hidden files and folders are left out."""
    base, found, waiting = str(folder), {}, [PAGES]
    while waiting:
        place = waiting.pop()
        try:
            entries = os.scandir(f"{base}/{place}")
        except OSError:
            continue
        with entries:
            for entry in entries:
                name = entry.name
                if name.startswith(".") or not (name.isascii() or whole(name) == name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{place}/{name}")
                elif name.endswith(SUFFIX):
                    with contextlib.suppress(OSError):
                        stat = entry.stat()
                        found[f"{place}/{name}"] = (stat.st_mtime_ns, stat.st_size)
    return found


def run_names(folder: Path) -> set[str]:
    """Names of the folders under runs/; hidden ones are left out."""
    try:
        with os.scandir(folder / "runs") as entries:
            names = {entry.name for entry in entries if entry.is_dir()}
    except OSError:
        return set()
    return {name for name in names if not name.startswith(".") and (name.isascii() or whole(name) == name)}


def run_stamp(folder: Path | str) -> str:
    """Changes when a run's header, log or feature dashboard does. A log only grows, so its size tells."""
    parts = []
    for name in ("run.json", "events.jsonl", f"artifacts/{NAME}"):
        try:
            stat = os.stat(f"{folder}/{name}")
            parts.append(f"{stat.st_mtime_ns} {stat.st_size} {stat.st_ino}")
        except OSError:
            parts.append("-")
    return "|".join(parts)


def run_stamps(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The stamps of some runs."""
    return {name: run_stamp(f"{folder}/runs/{name}") for name in names}


class RunWatch:
    """Which runs moved since they were last read, without looking at those that have finished.

    A finished run that somebody changes all the same is found by looking at everything now and then.
    """

    def __init__(self, folder: Path, runs: Iterable[tuple[str, str, str]]) -> None:
        """`runs` are (id, status, stamp) of what is known."""
        self._folder = folder
        self._modified = 0
        self._names: set[str] = set()
        self._running: dict[str, str] = {}
        self._dormant: dict[str, str] = {}
        for name, status, stamp in runs:
            self.read(name, status, stamp)

    def read(self, name: str, status: str, stamp: str) -> None:
        """A run was read."""
        self._names.add(name)
        self.end(name)
        if status != "finished":
            (self._running if status == "running" else self._dormant)[name] = stamp

    def end(self, name: str) -> None:
        """A run has nothing more to tell for now."""
        self._running.pop(name, None)
        self._dormant.pop(name, None)

    def moved(self) -> tuple[set[str], dict[str, str]]:
        """(runs that are gone, runs that are new or have changed, with their stamps)."""
        gone, new = self._listed()
        self._names -= gone
        for name in gone:
            self.end(name)
        some = list(self._dormant)[:DORMANT]
        for name in some:  # to the end of the queue
            self._dormant[name] = self._dormant.pop(name)
        known = self._running | {name: self._dormant[name] for name in some}
        now = run_stamps(self._folder, known)
        return gone, run_stamps(self._folder, new) | {n: stamp for n, stamp in now.items() if stamp != known[n]}

    def _listed(self) -> tuple[set[str], set[str]]:
        """(names that are gone, new names), by the folder's time where that can be trusted."""
        try:
            modified = os.stat(self._folder / "runs").st_mtime_ns
        except OSError:
            modified = -1
        if modified == self._modified:
            return set(), set()
        # A folder's time is as coarse as the clock of the system: just after a change it may change again.
        self._modified = modified if time.time_ns() - modified > RACY else 0
        names = run_names(self._folder)
        return self._names - names, names - self._names
