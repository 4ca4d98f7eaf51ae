"""Reading pages into rows of the index: one, or very many with all processors at once."""

from __future__ import annotations

import hashlib
import marshal
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from glassbook.notebook import tables
from glassbook.notebook.pages import Page

MANY = 500
"""Pages from which on other processes help: starting them takes as long as reading a few hundred."""
PART = 100
"""Pages that a process is handed at a time."""


def parse_page(folder: Path, path: Path, text: str) -> Page:
    """The page in a file of the notebook in `folder`; without an id of its own, its path under pages/ is its id."""
    return Page.parse(text, path, path.relative_to(folder / "pages").with_suffix("").as_posix())


def read_page(folder: Path, path: str, known: str | None = None) -> tables.Rows | tuple[Any, ...] | None:
    """A page's file as rows; if its content has the digest `known`, only its new stamp; None if it is gone.

    The stamp is (mtime, size, time of reading, digest).
    """
    seen = time.time_ns()
    try:
        with open(folder / path, "rb") as file:
            stat, data = os.fstat(file.fileno()), file.read()
    except OSError:
        return None
    stamp = (stat.st_mtime_ns, stat.st_size, seen, hashlib.sha256(data).hexdigest())
    if known == stamp[3]:
        return stamp
    # Bytes that are not Unicode show as question marks here and stay in the file as they are.
    return tables.rows_of(path, stamp, parse_page(folder, folder / path, data.decode("utf-8", "replace")))


def read_pages(folder: Path, paths: Sequence[str]) -> Iterator[list[tables.Rows]]:
    """Pages that the index does not hold, some at a time, in any order; those that are gone are passed over."""
    parts = [paths[i : i + PART] for i in range(0, len(paths), PART)]
    workers = min(os.cpu_count() or 1, len(parts))
    if len(paths) < MANY or workers < 2:
        for part in parts:
            yield _read_part(folder, part)
        return
    yield from _read_together(folder, parts, workers)


def _read_part(folder: Path, part: Sequence[str]) -> list[tables.Rows]:
    return [rows for path in part if isinstance(rows := read_page(folder, path), dict)]


def _read_together(folder: Path, parts: Sequence[Sequence[str]], workers: int) -> Iterator[list[tables.Rows]]:
    """Each process gets every n-th part; its answers are taken in turn, so that none waits long for a reader."""
    # A plain command, not a pool: that would import the caller's own program again.
    serve = "import sys; from glassbook.notebook.reading import main; main(sys.argv[1])"
    command = [sys.executable, "-c", serve, str(folder)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(workers)]
    try:
        for n, process in enumerate(processes):
            threading.Thread(target=_hand_out, args=(process.stdin, parts[n::workers]), daemon=True).start()
        for n, part in enumerate(parts):
            stream = processes[n % workers].stdout
            assert stream is not None
            try:
                yield marshal.load(stream)
            except (EOFError, ValueError, TypeError):
                yield _read_part(folder, part)  # the process died: its parts are read here
    finally:
        for process in processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None and stream is process.stdout:
                    stream.close()


def _hand_out(stream: IO[bytes] | None, parts: Sequence[Sequence[str]]) -> None:
    assert stream is not None
    try:
        for part in parts:
            marshal.dump(list(part), stream)
            stream.flush()
        stream.close()
    except (BrokenPipeError, ValueError):
        return  # whoever reads notices


def main(folder: str) -> None:
    """Answer parts of paths with their rows until there are no more."""
    while True:
        try:
            part = marshal.load(sys.stdin.buffer)
        except EOFError:
            return
        marshal.dump(_read_part(Path(folder), part), sys.stdout.buffer)
        sys.stdout.buffer.flush()
