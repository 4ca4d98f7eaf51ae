"""Bounded calls: a function of one text run in a process that is stopped when it takes too much time or memory.

A regular expression that backtracks holds the interpreter's lock for hours, and nothing in the same process can stop
it. The worker process is started with the first call and kept; the system itself ends it when the call has used its
processor time, so that a busy machine stops nothing that is only slow to get its turn.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import select
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import IO, Any

from glassbook.errors import GlassbookError

MEMORY = 1 << 30
"""Bytes of address space that a worker may use."""
KEPT = 2
"""Idle workers that are kept."""
PATIENCE = 30
"""Seconds by the clock for each second of processor time, after which a worker is taken for stuck."""


class TooCostly(GlassbookError):
    """A call was stopped."""


def seconds_for(text: str) -> float:
    """Processor time that may be spent on a text: in proportion to its length."""
    return 1 + len(text) / 50_000


class Bounded:
    """A function that is called in a worker process.

    Args:
        function: "module:name" of a function whose arguments and result can be pickled.
    """

    def __init__(self, function: str) -> None:
        self.function = function
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def __call__(self, *args: Any, seconds: float) -> Any:
        """The result; raises what the function raises.

        Raises:
            TooCostly: it took more than `seconds` of processor time, or more memory than MEMORY.
        """
        worker = self._take()
        done = False
        try:
            good, result = worker.ask(args, seconds)
            done = True
        finally:
            self._give_back(worker) if done else worker.stop()
        if not good:
            raise result
        return result

    def _take(self) -> _Worker:
        with self._lock:
            if self._owner != os.getpid():  # a copy of this process must not share its pipes
                self._idle, self._owner = [], os.getpid()
            while self._idle:
                worker = self._idle.pop()
                if worker.process.poll() is None:
                    return worker
                worker.stop()
        return _Worker(self.function)

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            keep = len(self._idle) < KEPT
            if keep:
                self._idle.append(worker)
        if not keep:
            worker.stop()


class _Worker:
    def __init__(self, function: str) -> None:
        serve = "import sys; from glassbook.notebook.bounded import main; main(*sys.argv[1:])"
        # A session of its own: Ctrl-C is for the program that asks. It ends when that closes its input or ends.
        self.process = subprocess.Popen(
            [sys.executable, "-c", serve, function, *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def ask(self, args: tuple[Any, ...], seconds: float) -> tuple[bool, Any]:
        """(True, the result) or (False, the exception)."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            _send(stdin, (seconds, args))
            # The first call waits for the start as well.
            ready, _, _ = select.select([stdout], [], [], PATIENCE * (1 + seconds))
            answer = _receive(stdout) if ready else None
        except (BrokenPipeError, EOFError):
            answer = None
        if answer is None:
            raise TooCostly(f"it takes more than {seconds:.3g} seconds or {MEMORY >> 20} MB")
        return answer

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def _send(stream: IO[bytes], value: Any) -> None:
    data = pickle.dumps(value)
    stream.write(len(data).to_bytes(8, "little") + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    """What `_send` wrote; raises EOFError at the end."""
    size = stream.read(8)
    data = stream.read(int.from_bytes(size, "little"))
    if len(size) < 8 or len(data) < int.from_bytes(size, "little"):
        raise EOFError
    return pickle.loads(data)


def main(function: str, *path: str) -> None:
    """Answer calls until there are no more."""
    import resource
    import signal

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not print into the answers
    sys.path[:] = list(path)
    module, _, name = function.partition(":")
    called: Callable[..., Any] = getattr(importlib.import_module(module), name)
    with contextlib.suppress(OSError, ValueError):  # not every system limits address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    while True:
        try:
            seconds, args = _receive(sys.stdin.buffer)
        except EOFError:
            return
        # The signal's own way is to end the process, also while it is inside a regular expression.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            answer = True, called(*args)
        except (MemoryError, RecursionError):
            answer = False, TooCostly("it takes more memory than there is for it")
        except Exception as error:
            answer = False, error
        signal.setitimer(signal.ITIMER_PROF, 0)
        _send(answers, answer)
