"""Atomic file writes (a reader sees the old content or the new, never half of either), and reads that cannot hang."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import random
import re
import secrets
import stat
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from glassbook.errors import Conflict, GlassbookError


def cut(name: str, room: int) -> str:
    """The beginning of a name that takes at most `room` bytes in UTF-8; file systems take 255 for a whole name."""
    data = os.fsencode(name)
    return name if len(data) <= room else data[:room].decode("utf-8", "ignore")


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` met while writing `path` into one line for the user."""
    try:
        yield
    except OSError as error:
        raise GlassbookError(f"cannot write {path}: {error.strerror or error}; fix that and try again") from error


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path` durably: a temporary file beside it, fsync, rename, fsync of the folder.

    A file that exists keeps its permission bits, and a symbolic link keeps pointing where it pointed.

    Raises:
        GlassbookError: the disk refused (full, read-only ...); the old file is untouched and nothing is left behind.
    """
    with disk_errors(path):
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        with _spare(target) as (_, descriptor):
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(descriptor, target.stat().st_mode & 0o777)
            _write_all(descriptor, data)
            os.fsync(descriptor)


PENDING = Path(".glassbook") / "pending.zip"
"""Below a notebook: what `write_together` is about to write; it is there only while files are put in their places."""


def write_together(writes: Mapping[Path, bytes]) -> None:
    """Write several files of a notebook, or none, for the holder of `one_writer`.

    If one cannot be written, those before it are put back as they were. If the process is killed before all are
    written, `finish_pending` writes the others.

    Raises:
        GlassbookError: the disk refused one of them.
        Conflict: an earlier call had been killed; it is finished now, and what was to be written may not fit it.
    """
    if not writes:
        return
    inside = next(iter(writes)).parents
    pending = next(file for folder in inside if (file := folder / PENDING).with_name("write.lock").is_file())
    if _finish(pending):
        raise Conflict("a change that a killed process had begun is complete now; look at it, then do yours again")
    before = {path: path.read_bytes() if path.is_file() else None for path in writes}
    there = {folder for path in writes for folder in path.parents if folder.exists()}
    if len(writes) > 1:
        _announce(pending, writes, before)
    try:
        for path, data in writes.items():
            write_atomic(path, data)
    except BaseException:
        for path, data in before.items():
            _put_back(path, data, there)
        pending.unlink(missing_ok=True)
        raise
    pending.unlink(missing_ok=True)


def _announce(pending: Path, writes: Mapping[Path, bytes], before: Mapping[Path, bytes | None]) -> None:
    """Note all that will be written; from then on it will be, whatever happens to this process."""
    names = [[path.relative_to(pending.parents[1]).as_posix(), _mark(before[path])] for path in writes]
    with replacing(pending) as new, zipfile.ZipFile(new, "w") as out:
        out.writestr("names", json.dumps(names))
        for number, data in enumerate(writes.values()):
            out.writestr(str(number), data)


def finish_pending(notebook: Path) -> None:
    """Write what a process that was killed in `write_together` did not come to; files changed since stay as they are.

    Raises:
        GlassbookError: the disk refused, or what is pending cannot be read.
    """
    if (notebook / PENDING).exists():
        with one_writer(notebook):  # a process that is alive ends it itself
            _finish(notebook / PENDING)


def _finish(pending: Path) -> bool:
    """Whether something was pending."""
    if not pending.exists():
        return False
    try:
        with zipfile.ZipFile(pending) as file:
            if any(part.compress_type != zipfile.ZIP_STORED for part in file.infolist()):
                raise ValueError("it is packed, and was not written here")
            for number, (name, mark) in enumerate(json.loads(file.read("names"))):
                path = pending.parents[1] / name
                if not os.path.realpath(path).startswith(os.path.join(os.path.realpath(pending.parents[1]), "")):
                    raise ValueError(f"{name} leads out of the notebook")
                if _mark(path.read_bytes() if path.is_file() else None) == mark:
                    write_atomic(path, file.read(str(number)))
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise GlassbookError(f"{pending} cannot be read ({error}); move it away and check your last change") from error
    pending.unlink()
    return True


def _mark(data: bytes | None) -> str:
    """Tells what a file held, or that it was not there."""
    return hashlib.sha256(data).hexdigest() if data is not None else ""


def _put_back(path: Path, data: bytes | None, there: set[Path]) -> None:
    """Make a file what it was, and remove the folders that were made for it."""
    if data is not None:
        if not path.is_file() or path.read_bytes() != data:  # a disk that refuses is not asked for what stayed
            write_atomic(path, data)
        return
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder in there or not folder.is_dir() or any(folder.iterdir()):
            break
        folder.rmdir()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """An empty file beside `path` for a block to write; it becomes `path` after the block, or goes if that raises.

    For what is too large for the memory of `write_atomic`, or is written by a library that takes a path.

    Raises:
        GlassbookError: the disk refused; the old file is untouched.
    """
    with disk_errors(path), _spare(path.resolve()) as (spare, _):
        yield spare
        with spare.open("rb+") as written:
            os.fsync(written.fileno())


@contextlib.contextmanager
def _spare(target: Path) -> Iterator[tuple[Path, int]]:
    """A new file beside `target`, and its descriptor; it becomes `target` after the block, or goes if that raises.

    It is locked as long as it is written, so that `sweep` can tell it from what a killed process left.
    """
    spare, descriptor = _new_spare(target)
    try:
        yield spare, descriptor
        os.replace(spare, target)
    except BaseException:
        spare.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    sync_folder(target.parent)


def _new_spare(target: Path) -> tuple[Path, int]:
    while True:
        spare = target.with_name(f".{cut(target.name, 200)}.{secrets.token_hex(4)}.tmp")
        descriptor = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with contextlib.suppress(OSError):  # a file system without locks: `sweep` does nothing there
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return spare, descriptor
        os.close(descriptor)  # swept away before it was locked


_SPARE = re.compile(r"\..+\.[0-9a-f]{8}\.tmp", re.DOTALL)


def sweep(folder: Path) -> None:
    """Remove what writers that were killed left below a folder; what is being written stays."""
    for place, _, names in os.walk(folder):
        for name in names:
            if _SPARE.fullmatch(name):
                with contextlib.suppress(OSError):  # another process writes it, or cannot be asked
                    _remove_if_unlocked(os.path.join(place, name))


def _remove_if_unlocked(path: str) -> None:
    with open_regular(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)


class Busy(GlassbookError):
    """Others have been writing the notebook for too long; nothing was written."""

    status = 503
    """What a server answers."""


LONGEST_WAIT = 10.0
"""Seconds that a writer waits for the others."""
STUCK = 2.0
"""Seconds without a turn for any writer of this process, after which only MOST_WAITING of them go on waiting."""
MOST_WAITING = 8
"""Fewer than the threads of a server: those that only read must not wait for threads that wait to write."""


class _Line:
    """The threads of this process that want to write one notebook, the first of which may; each comes in its turn."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.waiting: list[object] = []
        self.moved = 0.0
        """When one of them last had its turn, or began to wait when nobody else did."""

    def join(self, until: float) -> object:
        """Wait for the turn; returns what `leave` takes."""
        me = object()
        with self.changed:
            if not self.waiting:
                self.moved = time.monotonic()
            self.waiting.append(me)
            try:
                while self.waiting[0] is not me:
                    now = time.monotonic()
                    stuck = now > self.moved + STUCK and self.waiting.index(me) >= MOST_WAITING
                    if stuck or now > until:
                        raise _busy()
                    self.changed.wait(0.1)
            except BaseException:
                self.waiting.remove(me)
                self.changed.notify_all()
                raise
        return me

    def leave(self, me: object, wrote: bool) -> None:
        with self.changed:
            self.waiting.remove(me)
            self.moved = time.monotonic() if wrote else self.moved
            self.changed.notify_all()


_lines: defaultdict[Path, _Line] = defaultdict(_Line)
os.register_at_fork(after_in_child=_lines.clear)  # the threads that wait are not there


def _busy() -> Busy:
    return Busy("another program (or a long import) is writing this notebook; nothing was saved, try again in a moment")


@contextlib.contextmanager
def one_writer(notebook: Path) -> Iterator[None]:
    """Let one process (and thread) at a time compare the files of a notebook with what it knows, and write them.

    The others wait, for LONGEST_WAIT at most. The system gives the lock back when its holder dies. It must not be taken
    twice.

    Raises:
        Busy: the others are not done in time.
        GlassbookError: the disk refused the file that is locked.
    """
    path = notebook / ".glassbook" / "write.lock"
    until = time.monotonic() + LONGEST_WAIT
    line = _lines[path]
    me, wrote = line.join(until), False
    try:
        with disk_errors(path):
            path.parent.mkdir(exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _lock(descriptor, path, until)
            wrote = True
            yield
        finally:
            os.close(descriptor)
    finally:
        line.leave(me, wrote)


def _lock(descriptor: int, path: Path, until: float) -> None:
    """Lock a file that other processes lock as well; there is no call of the system that waits for a limited time."""
    pause = 0.001
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise _busy() from None
        except OSError as error:
            raise GlassbookError(f"cannot lock {path}: {error.strerror or error}; fix that and try again") from error
        time.sleep(pause * (0.5 + random.random()))
        pause = min(2 * pause, 0.02)


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable: a rename is only as safe as the folder that holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_regular(path: str | Path) -> BinaryIO:
    """Open a file to read it; folders, pipes and devices, which may wait or give for ever, are refused.

    Raises:
        OSError: it is none, or cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "this is no regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_at_most(file: BinaryIO, limit: int) -> bytes:
    """All of a file, which is refused beyond `limit` bytes: what is larger than memory cannot be read.

    Raises:
        OSError: it is larger.
    """
    if os.fstat(file.fileno()).st_size > limit or len(data := file.read(limit + 1)) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit >> 20} MB")
    return data


def read_regular(path: str | Path, limit: int) -> bytes:
    """The bytes of a regular file; OSError if it is none, is larger than `limit`, or cannot be read."""
    with open_regular(path) as file:
        return read_at_most(file, limit)


def visible(path: str) -> str:
    """A path on one line: signs that are not printed are written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in path)


def is_inside(path: str | Path, folder: str | Path) -> bool:
    """Whether a path, with all links followed, is a regular file or a folder in `folder` (itself possibly a link)."""
    real = os.path.realpath(path)
    top = os.path.join(os.path.realpath(folder), "")
    return real.startswith(top) and (os.path.isfile(real) or os.path.isdir(real))
