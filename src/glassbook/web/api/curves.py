"""Metric curves of runs: event logs read incrementally, and thinned for a screen without losing peaks.

The browser side is static/js/curves.js.
"""

from __future__ import annotations

import itertools
import math
import os
import threading
from array import array
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from glassbook.notebook.files import open_regular
from glassbook.notebook.runs.events import METRIC, read_lines, read_point
from glassbook.notebook.serialization import read_number

POINTS = 2000
"""Maximum number of points of a curve."""
MAX_LOGS = 8
"""Logs in memory."""
MAX_POINTS = 2_000_000
"""Points in memory, of all logs together."""


@dataclass
class Curve:
    """One metric: steps ascending, a value for each."""

    steps: list[int]
    values: list[float | None]
    """None where the value was NaN or infinite: a gap."""
    logged: int
    """Points before thinning."""


@dataclass
class _Log:
    """The part of an events.jsonl that has been read."""

    inode: int
    offset: int = 0
    metrics: dict[str, tuple[array[int], array[float]]] = field(default_factory=dict)

    @property
    def points(self) -> int:
        return sum(len(steps) for steps, _ in self.metrics.values())


class Curves:
    """Reads the metrics of runs; thread-safe."""

    def __init__(self) -> None:
        self._logs: OrderedDict[Path, _Log] = OrderedDict()
        self._lock = threading.Lock()

    def names(self, folder: Path, known: Collection[str] = ()) -> list[str]:
        """Names of the metrics logged by the run in `folder`, in order of first appearance.

        Args:
            folder: the run's.
            known: names that the index has. Where the log is not in memory yet, only its beginning is read, and those
                that do not stand there follow by name.
        """
        path = folder / "events.jsonl"
        with self._lock:
            if known and path not in self._logs:
                first = _first_names(path)
                return first + sorted(set(known).difference(first))
            log = self._read(path)
            return list(log.metrics) if log else []

    def curve(self, folder: Path, name: str, after: int | None = None, points: int = POINTS) -> Curve:
        """One metric of the run in `folder`, after step `after`, thinned to `points`; empty if it was never logged."""
        with self._lock:
            log = self._read(folder / "events.jsonl")
            steps, values = log.metrics.get(name, ((), ())) if log else ((), ())
            steps, values = list(steps), list(values)
        if any(later <= step for step, later in itertools.pairwise(steps)):
            # A resumed run repeats the steps since its last checkpoint: later lines win.
            latest = dict(zip(steps, values, strict=True))
            steps = sorted(latest)
            values = [latest[step] for step in steps]
        return cut(steps, values, after, points)

    def _read(self, path: Path) -> _Log | None:
        """The log, read up to its end; None if there is none."""
        try:
            with open_regular(path) as file:
                state = os.fstat(file.fileno())
                log = self._logs.get(path)
                if log is None or log.inode != state.st_ino or log.offset > state.st_size:
                    log = self._logs[path] = _Log(state.st_ino)
                self._logs.move_to_end(path)
                file.seek(log.offset)
                _read_appended(file, log)
        except OSError:
            self._logs.pop(path, None)
            return None
        while len(self._logs) > 1 and (
            len(self._logs) > MAX_LOGS or sum(log.points for log in self._logs.values()) > MAX_POINTS
        ):
            self._logs.popitem(last=False)
        return log


def _first_names(path: Path) -> list[str]:
    """The metrics in the first lines of a log."""
    log = _Log(0)
    try:
        with open_regular(path) as file:
            _take(log, next(read_lines(file), []))
    except OSError:
        return []
    return list(log.metrics)


def _read_appended(file: BinaryIO, log: _Log) -> None:
    for lines in read_lines(file):
        _take(log, lines)


def _take(log: _Log, lines: list[bytes]) -> None:
    for line in lines:
        log.offset += len(line) + 1
        point = read_point(line) if line.startswith(METRIC) else None
        if point is None:
            continue
        step, metrics = point
        for name, item in metrics.items():
            value = item if type(item) is float else read_number(item)
            if value is None:
                continue
            curve = log.metrics.get(name)
            if curve is None:
                curve = log.metrics[name] = (array("q"), array("d"))
            curve[0].append(step)
            curve[1].append(value)


def cut(steps: list[int], values: list[float], after: int | None, points: int) -> Curve:
    """A curve after step `after` (None: all of it), thinned to `points`."""
    first = 0 if after is None else next((i for i, step in enumerate(steps) if step > after), len(steps))
    return thin(steps[first:], values[first:], points)


def thin(steps: list[int], values: list[float], points: int = POINTS) -> Curve:
    """Min-max downsampling: the minimum and maximum of each of `points / 2` equal spans of (ascending) steps.

    A curve that is short enough stays as it is. A span with only NaN or infinities becomes a gap.
    """
    if len(steps) <= points:
        return Curve(steps, [value if math.isfinite(value) else None for value in values], len(steps))
    spans = points // 2
    first, width = steps[0], (steps[-1] - steps[0]) / spans
    kept: list[int] = []
    span, least, greatest = 0, -1, -1
    for i, step in enumerate(steps):
        here = min(int((step - first) / width), spans - 1)
        if here != span:
            kept += sorted({least, greatest})
            span, least, greatest = here, -1, -1
        if least < 0 or not math.isfinite(values[least]):
            least = greatest = i
        elif math.isfinite(values[i]):
            least = i if values[i] < values[least] else least
            greatest = i if values[i] > values[greatest] else greatest
    kept += sorted({least, greatest})
    shown = [values[i] if math.isfinite(values[i]) else None for i in kept]
    return Curve([steps[i] for i in kept], shown, len(steps))
