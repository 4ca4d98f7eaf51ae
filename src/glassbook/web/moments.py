"""Days of pages: the `date` in the front matter, else a date at the start of the title or of the file's name."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from glassbook.notebook import Notebook

HEAD = 4096
"""Bytes of a file in which its date is looked for."""
CHUNK = 5000
_DAY = r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?"
_FRONT = re.compile(rf"""\A\ufeff?---[ \t]*\n(?:(?!---|\.\.\.).*\n)*?date[ \t]*:[ \t]*["']?({_DAY})(?![\d-])""")
_BEGINS = re.compile(rf"(?=\d{{4}}-\d\d)({_DAY})(?![\d-])")


@dataclass(frozen=True)
class Moment:
    """A page that bears a date."""

    day: str
    """"2025-11-21"; "2025-11" or "2025" if that is all that is known."""
    id: str
    title: str
    kind: str


@dataclass
class Moments:
    """All dated pages of a notebook; a file is read again only when it has changed."""

    notebook: Notebook
    _version: int | None = None
    _days: dict[str, tuple[Any, str]] = field(default_factory=dict)
    _found: list[Moment] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, day: str = "") -> list[Moment]:
        """Dated pages, the newest first: all, or those before `day`."""
        with self._lock:
            version = self.notebook.version
            if version != self._version:
                self._look()
                self._version = version
            return [moment for moment in self._found if not day or moment.day < day]

    def _look(self) -> None:
        days: dict[str, tuple[Any, str]] = {}
        found = []
        rows = self._rows()
        for row in rows:
            path = str(row.path)
            known = self._days.get(path)
            day = known[1] if known and known[0] == row.modified else day_in(self.notebook.folder / path)
            days[path] = (row.modified, day)
            day = day or day_of_name(row.title) or day_of_name(PurePosixPath(path).name)
            if day:
                found.append(Moment(day, row.id, row.title, row.kind))
        self._days = days
        self._found = sorted(found, key=lambda moment: moment.day, reverse=True)

    def _rows(self) -> list[Any]:
        rows: list[Any] = []
        while True:
            part = self.notebook.page_rows(order="path", limit=CHUNK, offset=len(rows))
            rows += part
            if len(part) < CHUNK:
                return rows


def day_in(file: Path) -> str:
    """The date that a file's front matter gives; "" if it gives none."""
    try:
        with open(file, "rb") as opened:
            head = opened.read(HEAD)
    except OSError:
        return ""  # its file went a moment ago
    match = _FRONT.match(head.decode("utf-8", "replace").replace("\r\n", "\n"))
    return match[1] if match else ""


def day_of_name(name: str) -> str:
    """The date that a title or file name begins with; "" if it begins otherwise. A year alone is no date."""
    match = _BEGINS.match(name)
    return match[1] if match else ""
