"""Numbers, times and Markdown escapes as people read them, the same in the terminal, the browser and on pages."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any


def number(value: Any) -> str:
    """Four significant digits; whole numbers whole, with thousands separated. What is no number stays as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "-∞"}.get(value, "NaN")
    return f"{value:.4g}"


def flop(value: float) -> str:
    """An amount of computation: "6.9 TFLOP", from a million tera on "3.15e+23 FLOP"."""
    if value < 1000 or not math.isfinite(value):
        return f"{number(value)} FLOP"
    for factor, prefix in ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"), (1e15, "P")):
        if float(f"{value / factor:.3g}") < 1000:
            return f"{value / factor:.3g} {prefix}FLOP"
    return f"{value:.3g} FLOP".replace("e+", "e")


def seconds(value: float) -> str:
    """A length of time: "42 s", "3 min 5 s", "5 min", "2 h 10 min"."""
    whole = round(value)
    if whole < 60:
        return f"{value:.1f} s" if value < 10 else f"{whole} s"
    parts = (whole // 60, "min", whole % 60, "s") if whole < 3600 else (whole // 3600, "h", whole % 3600 // 60, "min")
    return f"{parts[0]} {parts[1]}" + (f" {parts[2]} {parts[3]}" if parts[2] else "")


def ago(when: datetime) -> str:
    """How long ago a moment was: "3 hours ago"."""
    passed = (datetime.now(UTC) - when).total_seconds()
    for length, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if passed >= length:
            n = int(passed // length)
            return f"{n} {name}{'s' if n > 1 else ''} ago"
    return "just now"


def escape_markdown(text: Any) -> str:
    """Text that Markdown shows as it is, on one line: in a sentence or a cell of a table."""
    line = re.sub(r"\s*\n\s*", " ↵ ", str(text).strip())
    line = "".join(c if c.isprintable() else " " for c in line)
    return re.sub(r"([\\`*_\[\]<>|$#~!&^{}])", r"\\\1", line)


def nearest(word: str, names: Iterable[str]) -> str:
    """ "did you mean ...?", or the list of what there is if nothing is near."""
    names = list(names)
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names) or 'none'}"
