"""File watcher: reports changes as they happen, so that queries need not look at every file.

Pages are watched by the operating system (watchfiles); a run's folder is watched for new runs, and the logs of runs
that have not finished are looked at. A whole look now and then catches what a watch can miss.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from glassbook.notebook.index.database import IndexFile

POLL = 0.25
"""Seconds between two looks at the runs."""
TIDY = 5.0
"""Seconds between two times of tidying."""
WHOLE = 300.0
"""Seconds between two looks at everything."""


class Follower:
    """Tells an index of changes to its notebook until it is stopped.

    Args:
        index: what is told.
        begin_whole: begin by looking at everything, beside the questions.
    """

    def __init__(self, index: IndexFile, begin_whole: bool) -> None:
        self._index, self._begin_whole = index, begin_whole
        self._stop, self._watching = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, name="glassbook-pages", daemon=True),
            threading.Thread(target=self._poll, name="glassbook-runs", daemon=True),
            threading.Thread(target=self._read, name="glassbook-waiting", daemon=True),
        ]
        self._threads[0].start()
        if not begin_whole:
            self._watching.wait(5)  # what changes before the watch has begun would be seen by nobody

    def poll(self) -> None:
        """Begin to look at the runs, and to read pages that wait, now and then."""
        for thread in self._threads[1:]:
            thread.start()

    def stop(self) -> None:
        """End the threads."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(5)

    def _watch(self) -> None:
        from watchfiles import watch

        root = (self._index.folder / "pages").resolve()
        while not self._stop.is_set():
            # The folder may be missing or replaced; the whole look finds what happens meanwhile.
            with contextlib.suppress(OSError, RuntimeError):
                for changes in watch(
                    root,
                    stop_event=self._stop,
                    watch_filter=None,
                    debounce=200,
                    step=20,
                    rust_timeout=150,
                    yield_on_timeout=True,
                    raise_interrupt=False,
                ):
                    self._watching.set()
                    if changes:
                        self._index.touch(_page_paths(root, (path for _, path in changes)))
            self._stop.wait(1.0)

    def _poll(self) -> None:
        looked = tidied = time.monotonic()
        if self._begin_whole:
            self._index.warm()
            self._watching.wait(5)
            self._index.look_at_everything()
        while not self._stop.wait(POLL):
            with contextlib.suppress(GlassbookError):  # in use by another program: look again
                self._index.look()
            now = time.monotonic()
            if now - tidied > TIDY:
                self._index.tidy()
                tidied = now
            if now - looked > WHOLE:
                self._index.look_at_everything()
                looked = now

    def _read(self) -> None:
        while not self._stop.wait(POLL):
            with contextlib.suppress(GlassbookError, sqlite3.DatabaseError):  # it waits on
                self._index.read_waiting()


def _page_paths(root: Path, paths: Iterable[str]) -> list[str]:
    """Changed paths as the index names pages; a folder that moved stands for all pages below it."""
    found = []
    for path in paths:
        inside = os.path.relpath(path, root)
        if inside.startswith("..") or any(part.startswith(".") for part in inside.split(os.sep) if part != "."):
            continue
        found.append(f"pages/{inside}" if inside != "." else "pages")
    return found
