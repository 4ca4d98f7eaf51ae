"""Job logs: the last line and the end of what a job's process wrote."""

from __future__ import annotations

import re
from pathlib import Path

TAIL = 64 * 1024
"""Bytes that are read from the end of a log at most."""

_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\n]{0,200}\x07|.)")
"""Colours and other orders to a terminal."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def tail(log: Path, begin: int = 0, size: int = TAIL) -> str:
    """The end of a log as plain text, "" if there is none yet.

    Args:
        log: the file.
        begin: where to begin at the earliest.
        size: bytes to read at most.
    """
    try:
        with log.open("rb") as file:
            end = file.seek(0, 2)
            first = max(begin, end - size)
            file.seek(first)
            data = file.read()
    except FileNotFoundError:
        return ""
    if first > begin:  # do not begin in the middle of a line
        data = data.partition(b"\n")[2]
    return plain_text(data.decode("utf-8", "replace"))


def plain_text(text: str) -> str:
    """What is left of a terminal's text on paper: no colours, no control characters."""
    text = _CONTROLS.sub("", _ESCAPES.sub("", text)).replace("\r\n", "\n")
    # A bar that was redrawn in place is shown as it was last.
    return "\n".join(line.rpartition("\r")[2] if not line.endswith("\r") else line for line in text.split("\n"))


def last_line(log: Path, begin: int = 0) -> str:
    """The last line with anything in it, at most 500 characters of it."""
    lines = (line.strip() for line in reversed(tail(log, begin).splitlines()))
    return next((line[:500] for line in lines if line), "")
