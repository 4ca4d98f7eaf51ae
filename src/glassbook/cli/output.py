"""What a person sees: plain tables that fit 80 columns, states in colour."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def console() -> Console:
    """A console on stdout as wide as the terminal, and never wider than is easy to read."""
    return Console(file=sys.stdout, width=min(shutil.get_terminal_size((80, 24)).columns, 120), highlight=False)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[str] = (), wide: str = ""
) -> Table:
    """A table without lines around its cells.

    Args:
        columns: the headings.
        rows: one cell for each column.
        numbers: columns that are aligned to the right and never broken.
        wide: the column that takes what width is left, and wraps.
    """
    out = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        if name in numbers:
            out.add_column(name, justify="right", no_wrap=True)
        elif name == wide:
            out.add_column(name, ratio=1, overflow="fold")
        else:
            out.add_column(name, overflow="fold")
    for row in rows:
        out.add_row(*[cell if isinstance(cell, Text) else Text(str(cell)) for cell in row])
    return out


def side_by_side(plain: str, steered: str) -> Table:
    """A plain and a steered text, half of the width each."""
    out = table(("plain", "steered"), [(plain, steered)])
    for column in out.columns:
        column.ratio = 1
    return out


class GrowingText:
    """A text on stdout that is printed as it grows."""

    def __init__(self) -> None:
        self._printed = ""

    def grow(self, text: str) -> None:
        """Print what a text has more than before. Its last spaces wait: the whole text may not have them."""
        text = text.rstrip()
        if text.startswith(self._printed):
            print(text[len(self._printed) :], end="", flush=True)
            self._printed = text

    def end(self, text: str) -> None:
        """Print the rest of the whole text; all of it, on a new line, if it is not what was printed."""
        if not text.startswith(self._printed):
            self.stop()
            self._printed = ""
        print(text[len(self._printed) :])

    def stop(self) -> None:
        """End the line that the text broke off in."""
        if self._printed:
            print()


_COLOURS = {"holds": "green", "fails": "red", "finished": "green", "failed": "red"}


def state(name: str, label: str = "") -> Text:
    """A verdict's state or a run's status, in its colour; `label` is what is printed, by default the name."""
    return Text(label or name, style=_COLOURS.get(name, "yellow"))


def one_line(text: str, width: int) -> str:
    """Text on one line: newlines and runs of spaces become one space; cut with an ellipsis."""
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= width else text[: width - 1] + "…"


def words(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
