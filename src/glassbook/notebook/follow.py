"""Following the files: what changed is told as it changes, so that questions need not look at every file.

Pages are watched by the operating system (watchfiles); a run's folder is watched for new runs, and the logs of runs
that have not finished are looked at. A whole look now and then catches what a watch can miss.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

POLL = 0.25
"""Seconds between two looks at the runs."""
WHOLE = 300.0
"""Seconds between two looks at everything."""


class Follower:
    """Watches a notebook's folder until it is stopped.

    Args:
        folder: the notebook's folder.
        pages: called with paths (relative to the folder) of pages that may have changed.
        runs: called now and then; looks at the runs that may have changed.
        whole: called now and then; looks at everything.
    """

    def __init__(
        self,
        folder: Path,
        pages: Callable[[Iterable[str]], None],
        runs: Callable[[], None],
        whole: Callable[[], None],
    ) -> None:
        self._folder, self._pages, self._runs, self._whole = folder, pages, runs, whole
        self._stop, self._watching = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, name="glassbook-pages", daemon=True),
            threading.Thread(target=self._poll, name="glassbook-runs", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        # What changes before the watch has begun would be seen by nobody.
        self._watching.wait(5)

    def stop(self) -> None:
        """End the threads."""
        self._stop.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(5)

    def _watch(self) -> None:
        from watchfiles import watch

        root = (self._folder / "pages").resolve()
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
                        self._pages(_page_paths(root, (path for _, path in changes)))
            self._stop.wait(1.0)

    def _poll(self) -> None:
        looked = time.monotonic()
        while not self._stop.wait(POLL):
            self._runs()
            if time.monotonic() - looked > WHOLE:
                self._whole()
                looked = time.monotonic()


def _page_paths(root: Path, paths: Iterable[str]) -> list[str]:
    """Changed paths as the index names pages; a folder that moved stands for all pages below it."""
    found = []
    for path in paths:
        inside = os.path.relpath(path, root)
        if inside.startswith("..") or any(part.startswith(".") for part in inside.split(os.sep) if part != "."):
            continue
        found.append(f"pages/{inside}" if inside != "." else "pages")
    return found
