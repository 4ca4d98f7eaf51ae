"""Uploaded notes: files that a browser sent to be imported, kept until they are, and read in a worker with limits.

A file lies in .glassbook/incoming/<token>/<name>. Nothing in it is trusted: `Bounded` ends the worker that reads it
when it takes too much time or memory.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import secrets
import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.bounded import Bounded, TooCostly
from glassbook.notebook.files import write_atomic
from glassbook.notebook.importing import Plan

KEPT = 4
"""Files that wait to be imported; the oldest goes when another comes."""
SECONDS, EACH, MOST = 10, 50_000, 120
"""Processor time for a file: SECONDS, one more for so many bytes, and at most MOST."""
LONGEST = 255
"""Bytes of a file's name."""

_read = Bounded("glassbook.notebook.importing.reading:plan")


def receive(nb: Notebook, name: str, data: bytes) -> str:
    """Keep a file to be imported; returns the token by which it is found.

    Raises:
        GlassbookError: it has no name that can be used, is empty, or the disk refused.
    """
    name = PurePosixPath(name.replace("\\", "/")).name
    if not name or name.startswith(".") or not name.isprintable() or len(os.fsencode(name)) > LONGEST:
        raise GlassbookError(f"{name[:60]!r} cannot be the name of a file to import; give it another")
    if not data:
        raise GlassbookError(f"{name} is empty; there is nothing to import")
    folder = nb.folder / ".glassbook" / "incoming"
    waiting = sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime) if folder.is_dir() else []
    for old in waiting[: max(0, len(waiting) - KEPT + 1)]:
        shutil.rmtree(old, ignore_errors=True)
    token = secrets.token_hex(16)
    write_atomic(folder / token / name, data)
    return token


def planned(nb: Notebook, token: str) -> Plan:
    """The plan for a file that was received.

    Raises:
        GlassbookError: it is not there any more, cannot be read, or takes too much time or memory.
    """
    folder = _folder(nb, token)
    files = list(folder.iterdir()) if folder.is_dir() else []
    if not files:
        raise GlassbookError("this file is not here any more; choose it again")
    return _planned(files[0])


def drop(nb: Notebook, token: str) -> None:
    """Forget a file that was received."""
    with contextlib.suppress(OSError):
        shutil.rmtree(_folder(nb, token))


def _folder(nb: Notebook, token: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{32}", token, re.ASCII):
        raise GlassbookError("this is no file that was received; choose it again")
    return nb.folder / ".glassbook" / "incoming" / token


@functools.lru_cache(2)
def _planned(file: Path) -> Plan:
    seconds = min(MOST, SECONDS + file.stat().st_size / EACH)
    try:
        plan: Plan = _read(str(file), seconds=seconds)
    except TooCostly as error:
        raise GlassbookError(f"{file.name} was not read: {error}; import it in parts") from error
    except GlassbookError as error:
        # Where the server keeps the file is nothing to its user.
        raise GlassbookError(str(error).replace(str(file), file.name)) from error
    return replace(plan, source=file.name)
