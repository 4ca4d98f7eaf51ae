"""Folder scan: the notebook's files with their times and sizes, none of them read."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from glassbook.notebook.files import is_inside, visible
from glassbook.notebook.runs.annotations import NAME as ANNOTATIONS
from glassbook.notebook.runs.feature_dashboard import NAME
from glassbook.notebook.serialization import whole

PAGES, SUFFIX = "pages", ".md"
"""Where pages are, and how their files end."""
RACY = 2_000_000_000
"""Nanoseconds. A file changed this short before it was read may change again without a new time: it is read again."""
MOST = 2**63 - 1
"""The largest number that the index holds."""
DORMANT = 20
"""Runs that have ended badly are looked at by so many at a time: they change only when they are resumed."""

Stamp = tuple[int, int, int]
"""(time that the file shows, size, time of its last change by the system's own clock) of a file; times in nanoseconds.

The first can be set by anyone (`rsync -t` and `unzip` do, and an edit may leave it as it was), the last by nobody.
"""


def stamp(stat: os.stat_result) -> Stamp:
    """The stamp of a file; a time centuries away becomes the nearest that the index can hold."""
    shown, changed = (max(-MOST, min(time, MOST)) for time in (stat.st_mtime_ns, stat.st_ctime_ns))
    return shown, stat.st_size, changed


def is_page(folder: Path, path: str) -> bool:
    """Whether a path (relative to `folder`) is a regular file below pages/, or a link to one in a folder there."""
    top = os.path.realpath(folder / PAGES)
    place = os.path.join(top, path.removeprefix(f"{PAGES}/"))
    parent = os.path.dirname(place)
    return os.path.realpath(parent) == parent and os.path.isfile(place) and is_inside(place, top)


def pages(folder: Path, passed_over: list[str] | None = None) -> dict[str, Stamp]:
    """Every page's path (relative to `folder`) and stamp; hidden files and folders are left out.

    So are pipes and devices, which would never end, links that lead out of pages/ (a notebook from elsewhere must not
    publish the files of its reader), and names that no address can hold; `passed_over` gets a line for each of these.
    """

    def pass_over(path: str, why: str) -> None:
        if passed_over is not None:
            passed_over.append(f"{visible(path)}: {why}")

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
                path = f"{place}/{name}"
                if name.startswith("."):
                    continue
                if not (name.isascii() or whole(name) == name):
                    pass_over(path, "its name is not UTF-8; rename it")
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif name.endswith(SUFFIX) or entry.is_symlink():
                    with contextlib.suppress(OSError):
                        if why := _no_page(folder, path, entry):
                            pass_over(path, why)
                        elif name.endswith(SUFFIX):
                            found[path] = stamp(entry.stat())
    return found


def _no_page(folder: Path, path: str, entry: os.DirEntry[str]) -> str:
    """Why something below pages/, no folder itself, is passed over though it looks like a page or pages; else ""."""
    if entry.is_symlink() and os.path.isdir(entry.path):
        return "it is a link to a folder, whose pages are not read; put the folder itself there"
    if not entry.name.endswith(SUFFIX) or (is_page(folder, path) if entry.is_symlink() else entry.is_file()):
        return ""
    return "it is no regular file below pages/; put the file itself there"


def run_names(folder: Path) -> set[str]:
    """Names of the folders under runs/; hidden ones and links that lead out of it are left out."""
    runs = folder / "runs"
    try:
        with os.scandir(runs) as entries:
            names = {e.name for e in entries if e.is_dir() and (not e.is_symlink() or is_inside(e.path, runs))}
    except OSError:
        return set()
    return {name for name in names if not name.startswith(".") and (name.isascii() or whole(name) == name)}


def run_stamp(folder: Path | str) -> str:
    """Changes when a run's header, log, annotations or feature dashboard do. A log only grows, so its size tells."""
    parts = []
    for name in ("run.json", "events.jsonl", ANNOTATIONS, f"artifacts/{NAME}"):
        try:
            stat = os.stat(f"{folder}/{name}")
            parts.append(f"{stat.st_mtime_ns} {stat.st_size} {stat.st_ctime_ns} {stat.st_ino}")
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

    def touch(self, name: str) -> None:
        """A run may have changed, whatever its status: it is looked at next time."""
        if name in self._names:
            self._running[name] = ""

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
