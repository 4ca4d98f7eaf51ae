"""Loader of pages and runs into rows of the index: one, or very many with all processors at once."""

from __future__ import annotations

import hashlib
import marshal
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from glassbook.notebook.files import open_regular, read_at_most
from glassbook.notebook.index import scan, schema
from glassbook.notebook.index.run_rows import read_run
from glassbook.notebook.pages.page import Page

MANY = 500
"""Pages or runs from which on other processes help: starting them takes as long as reading a few hundred."""
PART = 100
"""How many a process is handed at a time."""


LARGEST = 64 << 20
"""Bytes of a page that is read."""


def read_file(path: Path) -> tuple[os.stat_result, bytes, str | None]:
    """State and bytes of a page's file, and why the bytes cannot be read, if they cannot; OSError if it is gone."""
    try:
        with open_regular(path) as file:
            return os.fstat(file.fileno()), read_at_most(file, LARGEST), None
    except OSError as error:
        return os.stat(path), b"", f"the file cannot be read: {error.strerror or error}"


def parse_page(folder: Path, path: Path, text: str, problem: str | None = None) -> Page:
    """The page in a file of the notebook in `folder`; without an id of its own, its path under pages/ is its id.

    One whose file cannot be read has the `problem`, and no source by which it could be overwritten.
    """
    name = os.path.splitext(str(path)[len(str(folder / "pages")) + 1 :])[0].replace(os.sep, "/")
    page = Page.parse(text, path, name)
    if problem is not None:
        page.problem, page.source = problem, None
    return page


def read_page(folder: Path, path: str, known: str | None = None) -> schema.Rows | tuple[Any, ...] | None:
    """A page's file as rows; if its content has the digest `known`, only its new stamp; None if it is gone.

    The stamp is (mtime, size, changed, time of reading, digest).
    """
    seen = time.time_ns()
    try:
        stat, data, problem = read_file(folder / path)
    except OSError:
        return None
    stamp = (*scan.stamp(stat), seen, hashlib.sha256(problem.encode() if problem else data).hexdigest())
    if known == stamp[-1]:
        return stamp
    # Bytes that are not Unicode show as question marks here and stay in the file as they are.
    return schema.rows_of(path, stamp, parse_page(folder, folder / path, data.decode("utf-8", "replace"), problem))


def read_pages(folder: Path, paths: Sequence[str]) -> Iterator[list[schema.Rows]]:
    """Pages that the index does not hold, some at a time, in any order; those that are gone are passed over."""
    return _read(folder, "pages", paths)


def read_runs(folder: Path, asked: Sequence[tuple[str, str, tuple[str, str] | None]]) -> Iterator[list[dict[str, Any]]]:
    """Runs as rows, some at a time; `asked` are (id, stamp, (summary, latest) as the index has them, or None)."""
    return _read(folder, "runs", asked)


def _pages(folder: Path, part: Sequence[str]) -> list[schema.Rows]:
    return [rows for path in part if isinstance(rows := read_page(folder, path), dict)]


def _runs(folder: Path, part: Sequence[tuple[str, str, tuple[str, str] | None]]) -> list[dict[str, Any]]:
    return [read_run(folder / "runs" / name, stamp, known) for name, stamp, known in part]


READERS: dict[str, Callable[[Path, Sequence[Any]], list[Any]]] = {"pages": _pages, "runs": _runs}


def _read(folder: Path, what: str, items: Sequence[Any]) -> Iterator[list[Any]]:
    parts = [items[i : i + PART] for i in range(0, len(items), PART)]
    workers = min(2 * (os.cpu_count() or 1), len(parts))  # half of them wait for the disk
    if len(items) < MANY or workers < 2:
        for part in parts:
            yield READERS[what](folder, part)
        return
    yield from _read_together(folder, what, parts, workers)


def _read_together(folder: Path, what: str, parts: Sequence[Sequence[Any]], workers: int) -> Iterator[list[Any]]:
    """Each process gets every n-th part; its answers are taken in turn, so that none waits long for a reader."""
    # A plain command, not a pool: that would import the caller's own program again.
    serve = "import sys; from glassbook.notebook.index.page_loader import main; main(*sys.argv[1:])"
    command = [sys.executable, "-c", serve, str(folder), what]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(workers)]
    try:
        for n, process in enumerate(processes):
            threading.Thread(target=_hand_out, args=(process.stdin, parts[n::workers]), daemon=True).start()
        for n, part in enumerate(parts):
            stream = processes[n % workers].stdout
            assert stream is not None
            answer = _receive(stream)
            yield READERS[what](folder, part) if answer is None else answer  # it died: its parts are read here
    finally:
        for process in processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _hand_out(stream: IO[bytes] | None, parts: Sequence[Sequence[Any]]) -> None:
    assert stream is not None
    try:
        for part in parts:
            _send(stream, list(part))
        stream.close()
    except (BrokenPipeError, ValueError):
        return  # the reading side notices


def _send(stream: IO[bytes], value: Any) -> None:
    """Write a value with its length before it: read as one piece it costs a fraction of `marshal.load`."""
    data = marshal.dumps(value)
    stream.write(len(data).to_bytes(8, "little") + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    """What `_send` wrote, or None at the end."""
    size = int.from_bytes(stream.read(8), "little")
    data = stream.read(size)
    return marshal.loads(data) if size and len(data) == size else None


def main(folder: str, what: str) -> None:
    """Answer parts with their rows until there are no more."""
    while (part := _receive(sys.stdin.buffer)) is not None:
        _send(sys.stdout.buffer, READERS[what](Path(folder), part))
