"""Model server client: starts the worker process, sends it requests and reads its responses; imports no torch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError

MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes of the longest response: attention of all heads over a long prompt."""
TIMEOUT = 300.0
"""Seconds after which a request is given up and the worker is ended."""


class ModelServer:
    """Models opened in a child process, which handles one request at a time.

    Args:
        folder: the notebook's folder; requests may name models and features of its runs.
        idle: seconds without a request after which the worker is ended.
    """

    def __init__(self, folder: Path, idle: float = 900.0) -> None:
        self.folder, self.idle = folder, idle
        self._process: asyncio.subprocess.Process | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()
        self._idle_timer: asyncio.TimerHandle | None = None

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request (of model_server.methods.METHODS) and wait for its result; the worker is started if needed.

        Raises:
            GlassbookError: why the request was refused, in one line, or that the worker died or took too long.
        """
        async with self._lock:
            if self._idle_timer is not None:
                self._idle_timer.cancel()
            request = json.dumps({"method": method, "params": params}).encode() + b"\n"
            try:
                response = await asyncio.wait_for(self._exchange(request), TIMEOUT)
            except TimeoutError:
                await self._kill()
                raise GlassbookError(
                    f"the model took more than {TIMEOUT:.0f} s; use a shorter prompt or fewer tokens"
                ) from None
            except asyncio.CancelledError:
                # The response on its way has no reader; it would be taken for that of the next request.
                await self._kill()
                raise
            self._idle_timer = asyncio.get_running_loop().call_later(self.idle, self._release)
        if "error" in response:
            raise GlassbookError(response["error"])
        return response["result"]

    async def close(self) -> None:
        """End the worker; the next request starts another."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        await self._kill()

    async def _exchange(self, request: bytes) -> dict[str, Any]:
        # A worker that died while idle is started again; one that dies of this request is not.
        for retry in (True, False):
            process = await self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(request)
                await process.stdin.drain()
                line = await process.stdout.readline()
            except (BrokenPipeError, ConnectionResetError):
                line = b""
            if line:
                return json.loads(line)
            await self._kill()
            if not retry:
                break
        raise GlassbookError(f"the process that holds the models died; see {self._log}, then try again")

    async def _running(self) -> asyncio.subprocess.Process:
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
                    limit=MAX_MESSAGE,
                    # Ctrl-C is for the web server, which then ends its worker.
                    start_new_session=True,
                )
        return self._process

    @property
    def _log(self) -> Path:
        return self.folder / ".glassbook" / "model-server.log"

    def _release(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # the worker ends at the end of its input
        self._process = None

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
