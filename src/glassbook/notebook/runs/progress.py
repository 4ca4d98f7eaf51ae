"""Progress of long work: a bar on stderr, or a line now and then where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import rich.progress

REDRAW = 0.1
"""Seconds between two drawings of the bar; `advance` costs next to nothing in between."""
LINE = 30.0
"""Seconds between two lines where there is no terminal."""
TELL = 1.0
"""Seconds between two reports to the run where there is no terminal, so that a browser sees the work move."""
WINDOW = 30.0
"""Seconds of work that the rate is taken over, so that it follows a change of pace."""


class Progress:
    """A context manager that counts work; made by `Run.progress`.

    Args:
        total: how many units there are, None if that is not known.
        label: what is being done.
        unit: what is counted.
        done: how many were done before (a resumed run).
        report: called with {label, done, total, unit} about every second or more often, and with a second argument
            True when the work begins or ends.
    """

    def __init__(
        self,
        total: int | None,
        label: str,
        unit: str,
        done: int = 0,
        report: Callable[[dict[str, Any], bool], object] = lambda work, edge: None,
    ) -> None:
        self.total, self.label, self.unit, self.done = total, label, unit, done
        self._report = report
        self._shown: dict[str, Any] = {}
        self._pace: deque[tuple[float, int]] = deque()
        self._next = self._line = 0.0
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None
        self._spoke = False

    def __enter__(self) -> Self:
        now = time.monotonic()
        self._pace.append((now, self.done))
        if sys.stderr.isatty():
            self._open_bar()
            self._next = now + REDRAW
        else:
            self._next, self._line = now + min(TELL, LINE), now + LINE
        self._tell(edge=True)
        return self

    def advance(self, n: int = 1, **shown_metrics: Any) -> None:
        """Count `n` more units; `shown_metrics` (numbers) stand beside the count when it is next shown."""
        self.done += n
        if shown_metrics:
            self._shown.update(shown_metrics)
        now = time.monotonic()
        if now >= self._next:
            if self._bar is not None or now >= self._line:
                self._show(now)
            else:
                self._next = min(now + TELL, self._line)
                self._tell()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None or self._spoke:
            self._show(time.monotonic())
        if self._bar is not None:
            self._bar.stop()
        self._tell(edge=True)

    @property
    def rate(self) -> float:
        """Units done in a second, over the last WINDOW seconds."""
        (since, before), now = self._pace[0], time.monotonic()
        return (self.done - before) / max(now - since, 1e-9)

    def _show(self, now: float) -> None:
        self._line = now + LINE
        self._next = now + (REDRAW if self._bar is not None else min(TELL, LINE))
        rate = self.rate
        left = max(self.total - self.done, 0) / rate if self.total is not None and rate > 0 else None
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task,
                completed=self.done,
                speed=self._speed(rate),
                left=_clock(left),
                shown=self._numbers(),
            )
        else:
            parts = [
                self._count(),
                self._speed(rate),
                f"{_clock(left)} left" if left is not None else "",
                self._numbers(),
            ]
            print(f"{self.label}: " + ", ".join(part for part in parts if part), file=sys.stderr, flush=True)
            self._spoke = True
        self._pace.append((now, self.done))
        while len(self._pace) > 2 and self._pace[1][0] < now - WINDOW:
            self._pace.popleft()
        self._tell()

    def _tell(self, edge: bool = False) -> None:
        self._report({"label": self.label, "done": self.done, "total": self.total, "unit": self.unit}, edge)

    def _count(self) -> str:
        return f"{self.done}/{self.total} {self.unit}" if self.total is not None else f"{self.done} {self.unit}"

    def _speed(self, rate: float) -> str:
        return f"{rate:.3g} {self.unit}/s" if rate < 1000 else f"{rate:.0f} {self.unit}/s"

    def _numbers(self) -> str:
        # Tensors come to float only here: waiting for a device at every step would slow the work down.
        return ", ".join(f"{name} {float(value):.4g}" for name, value in self._shown.items())

    def _open_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}", markup=False),
            TextColumn("{task.fields[left]}", markup=False),
            TextColumn("{task.fields[shown]}", markup=False),
            console=Console(stderr=True),
        )
        self._bar.start()
        self._task = self._bar.add_task(self.label, total=self.total, completed=self.done, speed="", left="", shown="")


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
