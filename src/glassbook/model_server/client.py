"""Asking the desk: the side that imports no torch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError

LINE = 64 * 1024 * 1024
"""Bytes of the longest answer: attention of all heads over a long prompt."""
PATIENCE = 300.0
"""Seconds after which a question is given up and the process is ended."""


class Desk:
    """Models opened in a child process; one question is answered at a time.

    Args:
        folder: the notebook's folder; models and features of its runs can be asked for.
        idle: seconds without a question after which the process is ended.
    """

    def __init__(self, folder: Path, idle: float = 900.0) -> None:
        self.folder, self.idle = folder, idle
        self._process: asyncio.subprocess.Process | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = _LoopLock()
        self._sleep: asyncio.TimerHandle | None = None

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask; the process is started if it does not run.

        Args:
            method: one of desk.methods.METHODS.
            params: its arguments, JSON data.

        Raises:
            GlassbookError: what the desk refused, in one line, or that it died or took too long.
        """
        if method == "models":  # needs no model
            from glassbook.model_server.available import known_models
            from glassbook.notebook import Notebook

            return {"models": await asyncio.to_thread(lambda: known_models(Notebook(self.folder)))}
        async with self._lock.get():
            if self._sleep is not None:
                self._sleep.cancel()
            question = json.dumps({"method": method, "params": params}).encode() + b"\n"
            try:
                answer = await asyncio.wait_for(self._ask(question), PATIENCE)
            except TimeoutError:
                await self._end()
                raise GlassbookError(f"the model took more than {PATIENCE:.0f} s; ask for less") from None
            except asyncio.CancelledError:
                # Nobody reads the answer that is on its way; it would be taken for the next question's.
                await self._end()
                raise
            self._sleep = asyncio.get_running_loop().call_later(self.idle, self._doze)
        if "error" in answer:
            raise GlassbookError(answer["error"])
        return answer["result"]

    async def close(self) -> None:
        """End the process; the next question starts another."""
        if self._sleep is not None:
            self._sleep.cancel()
        await self._end()

    async def _ask(self, question: bytes) -> dict[str, Any]:
        # A process that died while nobody asked is no reason to fail; one that dies of the question is.
        for last in (False, True):
            process = await self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(question)
                await process.stdin.drain()
                line = await process.stdout.readline()
            except (BrokenPipeError, ConnectionResetError):
                line = b""
            if line:
                return json.loads(line)
            await self._end()
            if last:
                break
        raise GlassbookError(f"the process that holds the models died; see {self._log}, then ask again")

    async def _started(self) -> asyncio.subprocess.Process:
        loop = asyncio.get_running_loop()
        if self._process is not None and self._loop is not loop:
            # Its pipes belong to a loop that is gone.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process = None
        self._loop = loop
        if self._process is None or self._process.returncode is not None:
            self._log.parent.mkdir(exist_ok=True)
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",  # a file in the current folder must not stand in for a module
                    "-m",
                    "glassbook.model_server.worker",
                    str(self.folder),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    limit=LINE,
                    # Ctrl-C is for the server, which then ends its desk.
                    start_new_session=True,
                )
        return self._process

    @property
    def _log(self) -> Path:
        return self.folder / ".glassbook" / "desk.log"

    def _doze(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # the child ends when nobody can ask any more
        self._process = None

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class _LoopLock:
    """An asyncio lock that is made in the loop that first asks for it, and made again in another."""

    def __init__(self) -> None:
        self._lock: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard = threading.Lock()

    def get(self) -> asyncio.Lock:
        """The lock of the running loop."""
        with self._guard:
            loop = asyncio.get_running_loop()
            if self._lock is None or self._loop is not loop:
                self._lock, self._loop = asyncio.Lock(), loop
            return self._lock
