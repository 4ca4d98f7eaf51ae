"""Deferred Ctrl-C: the step under way ends before SIGINT takes effect."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def defer_sigint() -> Iterator[Callable[[], bool]]:
    """Hold back Ctrl-C while a step is under way; a second Ctrl-C does not wait.

    Yields a function that says whether Ctrl-C was pressed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread receives SIGINT
        return
    pressed = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: Any) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    signal.signal(signal.SIGINT, handle)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
