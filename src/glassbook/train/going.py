"""What every long training does beside its steps: shows how far it is, and stops at Ctrl-C without losing a step."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from glassbook.notebook import Run


@contextlib.contextmanager
def progress(run: Run | None, steps: int, label: str, done: int) -> Iterator[Callable[..., None]]:
    """Yields `advance(n, **shown)`: the run's progress bar, or nothing where there is no run."""
    if run is None:
        yield lambda n=1, **shown: None
        return
    with run.progress(steps, label, done=done) as bar:
        yield bar.advance


@contextlib.contextmanager
def polite_interrupts() -> Iterator[Callable[[], bool]]:
    """Let the step that is under way end before Ctrl-C takes effect; a second Ctrl-C does not wait.

    Yields a function that says whether Ctrl-C was pressed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread is sent Ctrl-C
        return
    asked = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def how_to_resume(done: int, steps: int, checkpoint: Path | None, run: Run | None) -> str:
    """The line that a training stopped by Ctrl-C ends with."""
    if checkpoint is None:
        return f"stopped after step {done} of {steps}; no checkpoint folder was given, so nothing is kept"
    how = f"glassbook run {run.experiment} --resume {run.id}" if run is not None else "train(..., resume=True)"
    return f"stopped after step {done} of {steps}, checkpoint written; go on with: {how}"
