"""Atomic file writes: a reader sees the old content or the new, never half of either."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from glassbook.errors import GlassbookError


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
        spare = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.tmp")
        try:
            descriptor = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                with contextlib.suppress(FileNotFoundError):
                    os.fchmod(descriptor, target.stat().st_mode & 0o777)
                _write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(spare, target)
        except BaseException:
            spare.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path` for a block to write; it becomes `path` after the block, or is removed if that raises.

    For what is too large for the memory of `write_atomic`, or is written by a library that takes a path.

    Raises:
        GlassbookError: the disk refused; the old file is untouched.
    """
    with disk_errors(path):
        target = path.resolve()
        spare = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.tmp")
        try:
            yield spare
            with spare.open("rb+") as written:
                os.fsync(written.fileno())
            os.replace(spare, target)
        except BaseException:
            spare.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)


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
