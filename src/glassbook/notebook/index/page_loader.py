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


def read_page(
    folder: Path, path: str, known: str | None = None, rows_of: Callable[..., schema.Rows] = schema.rows_of
) -> schema.Rows | tuple[Any, ...] | None:
    """A page's file as rows; if its content has the digest `known`, only its new stamp; None if it is gone.

    The stamp is (mtime, size, changed, time of reading, digest). With `schema.head_of` as `rows_of` its links and
    sections are not read.
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
    return rows_of(path, stamp, parse_page(folder, folder / path, data.decode("utf-8", "replace"), problem))


def read_pages(folder: Path, paths: Sequence[str]) -> Iterator[list[schema.Rows]]:
    """Pages that the index does not hold, some at a time, in any order; those that are gone are passed over."""
    return _read(folder, "pages", paths)


def read_runs(folder: Path, asked: Sequence[tuple[str, str, tuple[str, str] | None]]) -> Iterator[list[dict[str, Any]]]:
    """Runs as rows, some at a time; `asked` are (id, stamp, (summary, latest) as the index has them, or None)."""
    return _read(folder, "runs", asked)


class LargePages:
    """Large pages as pieces of rows, read by another process, so that nothing here waits for it but `read`."""

    def __init__(self, folder: Path, paths: Sequence[str]) -> None:
        self._folder, self._paths = folder, paths
        self._stopped = False
        self._process = _reader(folder, "pieces")

    def read(self) -> Iterator[list[bytes]]:
        """Of each page its row and then its pieces (see `schema.in_pieces`), each for `piece_of`; [] if it is gone."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        _hand_out(process.stdin, [self._paths])
        try:
            for path in self._paths:
                found = []
                while (piece := _receive_bytes(process.stdout)) and piece != END:
                    found.append(piece)
                if not piece and self._stopped:
                    return
                yield found if piece else [marshal.dumps(part) for part in _pieces(self._folder, path)]
        finally:
            self.stop()
            process.stdout.close()

    def stop(self) -> None:
        """End the process; `read` ends as well."""
        self._stopped = True
        self._process.kill()
        self._process.wait()


END = marshal.dumps(None)
"""Follows all pieces of a page."""


def piece_of(data: bytes) -> Any:
    """One of the pieces that `LargePages.read` gives."""
    return marshal.loads(data)


def _pieces(folder: Path, path: str) -> Iterator[Any]:
    rows = read_page(folder, path)
    if isinstance(rows, dict):
        yield rows["page"][0]
        yield from schema.in_pieces(rows)


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
    processes = [_reader(folder, what) for _ in range(workers)]
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


def _reader(folder: Path, what: str) -> subprocess.Popen[bytes]:
    # A plain command, not a pool: that would import the caller's own program again.
    serve = "import sys; from glassbook.notebook.index.page_loader import main; main(*sys.argv[1:])"
    command = [sys.executable, "-c", serve, str(folder), what]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


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
    data = _receive_bytes(stream)
    return marshal.loads(data) if data else None


def _receive_bytes(stream: IO[bytes]) -> bytes:
    size = int.from_bytes(stream.read(8), "little")
    data = stream.read(size)
    return data if len(data) == size else b""


def main(folder: str, what: str) -> None:
    """Answer parts with their rows until there are no more."""
    while (part := _receive(sys.stdin.buffer)) is not None:
        if what == "pieces":
            answers = (piece for path in part for piece in (*_pieces(Path(folder), path), None))
        else:
            answers = [READERS[what](Path(folder), part)]
        for answer in answers:
            _send(sys.stdout.buffer, answer)
