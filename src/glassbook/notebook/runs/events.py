"""Event log of a run: one JSON object on each line of events.jsonl, append-only.

A line is one `write` to the kernel, so a process that is killed loses no line that `append` returned from. A line
that was cut short (a full disk, a power cut) is passed over when reading and repaired when the run is resumed.

Events: start (process, time, job), metric (step, metrics), note, result, uses (kind, name, digest, path), compute
(kind, label, flop, seconds, how), chart, table, image, artifact, heartbeat, end.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.notebook.files import disk_errors, open_regular
from glassbook.notebook.serialization import read_json, read_number, to_json

METRIC = b'{"event":"metric"'
"""How a line of metrics begins; summaries pass over these lines without reading them."""
CHUNK = 1 << 20
LONGEST = 16 << 20
"""Bytes of a line. A log is read no further than a longer one, which no run writes: it would not fit the memory."""


class EventLog:
    """The writing end of one events.jsonl; safe to use from several threads.

    Raises:
        GlassbookError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = time.time()
        """When the last line was written, in seconds since 1970."""
        self._lock = threading.RLock()
        self._torn = False
        with disk_errors(path):
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)

    @property
    def open(self) -> bool:
        """Whether lines can still be appended."""
        return self._fd >= 0

    def append(self, line: bytes) -> None:
        """Append one line (with its newline) in one write.

        Raises:
            GlassbookError: the log is closed, or the disk refused; what the disk took of the line will be passed over.
        """
        with self._lock:
            self._check_open()
            if not os.fstat(self._fd).st_nlink:
                raise GlassbookError(f"run {self.path.parent.name} was deleted while it went on; nothing is kept of it")
            try:
                if self._torn or os.write(self._fd, line) != len(line):
                    self._append_again(line)
            except OSError as error:
                raise GlassbookError(
                    f"cannot record in {self.path}: {error.strerror or error}; fix that and resume the run"
                ) from error
            self.written = time.time()

    def check_place(self) -> None:
        """Raise GlassbookError if the log has ended, or is not at its path any more: the run was deleted or moved."""
        with self._lock:
            self._check_open()
            try:
                there = os.path.samestat(os.stat(self.path), os.fstat(self._fd))
            except OSError:
                there = False
            if not there:
                raise GlassbookError(
                    f"run {self.path.parent.name} was deleted or moved while it went on; start it again"
                )

    def _check_open(self) -> None:
        if self._fd < 0:
            raise GlassbookError(f"run {self.path.parent.name} has ended; nothing more can be recorded in it")

    def _append_again(self, line: bytes) -> None:
        # The disk took a part of a line. End that line, so that it spoils no other, and write the whole one again.
        self._torn = True
        left = memoryview(b"\n" + line)
        while left:
            left = left[os.write(self._fd, left) :]
        self._torn = False

    def event(self, event: str, **data: Any) -> None:
        """Append one event with the time; raises as `append` and `to_json` do."""
        record = {"event": event, "time": round(time.time(), 3), **data}
        self.append(to_json(record, what=f"the {event}").encode() + b"\n")

    def beat(self, every: float, **data: Any) -> None:
        """Append a heartbeat if the log is open and the last line is older than `every` seconds."""
        with self._lock:
            if self.open and time.time() - self.written >= every:
                self.event("heartbeat", **data)

    def sync(self) -> None:
        """Wait until the disk has every line."""
        with self._lock, disk_errors(self.path):
            os.fsync(self._fd)

    def close(self) -> None:
        """Close the file; closing twice is no harm."""
        with self._lock:
            descriptor, self._fd = self._fd, -1
            if descriptor >= 0:
                os.close(descriptor)


def repair(path: Path) -> None:
    """Mend the end of a log before it goes on: complete its last line, or cut off what is left of a torn one."""
    with disk_errors(path), open(path, "ab+") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        end, tail = _last_line(file, size)
        if not tail:
            return
        if read_event(tail) is None:
            file.truncate(end)
        else:
            file.write(b"\n")
        file.flush()
        os.fsync(file.fileno())


def _last_line(file: Any, size: int) -> tuple[int, bytes]:
    """(where the unfinished last line begins, its bytes)."""
    tail, begin = b"", size
    while begin > 0 and b"\n" not in tail:
        step = min(CHUNK, begin)
        begin -= step
        file.seek(begin)
        tail = file.read(step) + tail
    newline = tail.rfind(b"\n")
    return begin + newline + 1, tail[newline + 1 :]


def read_event(line: bytes) -> dict[str, Any] | None:
    """One line of the log, or None if it is torn or not an event."""
    try:
        event = read_json(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def read_point(line: bytes) -> tuple[int, dict[str, Any]] | None:
    """(step, metrics) of a line of metrics; None for any other line, and where the step is no 64-bit number."""
    event = read_event(line)
    if event is None or event["event"] != "metric":
        return None
    step, metrics = event.get("step"), event.get("metrics")
    if isinstance(step, int) and -(2**63) <= step < 2**63 and isinstance(metrics, dict):
        return step, metrics
    return None


def read_lines(file: Any) -> Iterator[list[bytes]]:
    """The whole lines from where the file stands, without their ends, some at a time; none from one beyond LONGEST."""
    rest = b""
    while len(rest) <= LONGEST and (chunk := file.read(CHUNK)):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield lines


@dataclass
class Summary:
    """What a log says, metrics apart. It is brought up to date by reading only what was appended since."""

    offset: int = 0
    """Bytes read so far: whole lines only."""
    mark: str = ""
    """Digest of the last line read; if another stands there, the log is another one and is read from the start."""
    mark_size: int = 0
    first: float | None = None
    """Time of the first start, in seconds since 1970."""
    last: float | None = None
    """Time of the newest event that was read (metrics apart)."""
    start: dict[str, Any] = field(default_factory=dict)
    """The newest start event."""
    starts: int = 0
    end: dict[str, Any] | None = None
    """The end event of the newest start."""
    results: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    progress: dict[str, Any] | None = None
    uses: list[dict[str, Any]] = field(default_factory=list)
    """What the work said that it depends on (see freshness.py)."""
    compute: list[dict[str, Any]] = field(default_factory=list)
    """What parts of the work have cost: the newest event of each kind and label (see compute.py)."""
    torn: int = 0
    """Lines that could not be read."""
    latest: dict[str, list[Any]] = field(default_factory=dict)
    """Each metric's last logged [step, value]."""

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Summary:
        """The summary of which `asdict` gave the data; keys of a later version are left out."""
        known = {f.name for f in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})

    def take(self, line: bytes) -> None:
        """Add one line of the log."""
        if line.startswith(METRIC) and line.endswith(b"}"):
            return
        event = read_event(line)
        if event is None:
            self.torn += bool(line.strip())
            return
        moment = read_number(event.get("time"))
        self.last = moment if moment is not None else self.last
        kind = event["event"]
        if kind == "start":
            self.first = self.first if self.first is not None else moment
            self.start, self.end, self.progress, self.starts = event, None, None, self.starts + 1
        elif kind == "end":
            self.end = event
        elif kind == "result" and isinstance(event.get("metrics"), dict):
            self.results.update(event["metrics"])
        elif kind == "note" and isinstance(event.get("text"), str):
            self.notes.append(event["text"])
        elif kind == "uses":
            self.uses.append(event)
        elif kind == "compute":
            part = (event.get("kind"), event.get("label"))
            self.compute = [c for c in self.compute if (c.get("kind"), c.get("label")) != part] + [event]
        elif kind == "heartbeat" and isinstance(event.get("progress"), dict):
            self.progress = event["progress"]


def summarise(path: Path, known: Summary | None = None) -> Summary:
    """The summary of a log, going on from `known` where the file still begins with what that was made from.

    A log that is missing or cannot be read gives an empty summary.
    """
    try:
        with open_regular(path) as file:
            summary = known if known and _continues(file, known) else Summary()
            file.seek(summary.offset)
            _read_on(file, summary)
            return summary
    except OSError:
        return Summary()


def _continues(file: Any, known: Summary) -> bool:
    if known.offset == 0:
        return False
    file.seek(known.offset - known.mark_size)
    return _digest(file.read(known.mark_size)) == known.mark


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:16]


def _read_on(file: Any, summary: Summary) -> None:
    last = None
    for lines in read_lines(file):
        summary.latest.update(_latest(b"\n".join(lines)))
        for line in lines:
            summary.take(line)
            summary.offset += len(line) + 1
        last = lines[-1]
    if last is not None:
        summary.mark, summary.mark_size = _digest(last + b"\n"), len(last) + 1


_NAME = re.compile(rb'"((?:[^"\\]|\\.)+)":')
_FRAME = {b"event", b"time", b"step", b"metrics"}
"""Keys of the line itself; a metric may be called so all the same."""


def _latest(lines: bytes) -> dict[str, list[Any]]:
    """The last [step, value] of each metric in some lines, found without reading most of them."""
    found: dict[str, list[Any]] = {}
    if METRIC not in lines:
        return found
    names = set(_NAME.findall(lines))
    names -= {name for name in _FRAME if not re.search(rb'"metrics":\{[^}]*"' + name + rb'":', lines)}
    points: dict[int, tuple[int, dict[str, Any]] | None] = {}  # where a line begins -> what it says
    for name in names:
        try:
            text, end = json.loads(b'"' + name + b'"'), len(lines)
        except ValueError:  # in a damaged line
            continue
        while (at := lines.rfind(b'"' + name + b'":', 0, end)) >= 0:
            begin = lines.rfind(b"\n", 0, at) + 1
            if begin not in points:
                stop = lines.find(b"\n", at)
                points[begin] = read_point(lines[begin : stop if stop >= 0 else len(lines)])
            point = points[begin]
            if point is not None and text in point[1]:
                found[text] = [point[0], point[1][text]]
                break
            end = begin
    return found


def read_metrics(path: Path, name: str) -> tuple[list[int], list[float]]:
    """Steps (ascending) and values of one metric; for a step logged twice the last value counts.

    A run that is resumed logs again what it had logged since its last checkpoint, so later lines win.
    """
    key = to_json(name, what="the name").encode()
    points: dict[int, float] = {}
    for step, metrics in _points(path, key):
        value = read_number(metrics.get(name))
        if value is not None:
            points[step] = value
    steps = sorted(points)
    return steps, [points[step] for step in steps]


def metric_names(path: Path) -> dict[str, int]:
    """Each metric's name and the last step it was logged at, in the order in which they first appear."""
    names: dict[str, int] = {}
    for step, metrics in _points(path, b'"metric"'):
        names |= {name: max(step, names.get(name, step)) for name in metrics}
    return names


def _points(path: Path, holding: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """(step, metrics) of each line of metrics that holds some bytes; nothing if there is no log that can be read."""
    try:
        file = open_regular(path)
    except OSError:
        return
    with file:
        for lines in read_lines(file):
            for line in lines:
                if holding in line and (point := read_point(line)) is not None:
                    yield point
