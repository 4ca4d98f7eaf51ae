"""Model server client: starts the worker process, sends it requests and reads its responses; imports no torch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError

MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes of the longest response: attention of all heads over a long prompt."""
TIMEOUT = 300.0
"""Seconds after which a request is given up."""
PATIENCE = 5.0
"""Seconds that the worker has to end a request that was given up, before it is killed and its models are lost."""
REMIND = 0.2
"""Seconds between two signals meanwhile: one that comes before the worker has begun with the request has no effect."""


@dataclass
class _Request:
    """A request on its way: its line, and who wants parts of the result."""

    line: bytes
    partial: Callable[[dict[str, Any]], object] | None
    given_up: bool = False


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
        self._ending: asyncio.Task[None] | None = None
        """Waits for the end of a request that was given up."""

    async def call(
        self, method: str, *, partial: Callable[[dict[str, Any]], object] | None = None, **params: Any
    ) -> dict[str, Any]:
        """Send a request (of model_server.methods.METHODS) and wait for its result; the worker is started if needed.

        Where the call is cancelled, the worker gives the request up and keeps its models.

        Args:
            method: its name in METHODS.
            partial: called with each part of the result that comes before the whole; it must not raise.
            params: of the method.

        Raises:
            GlassbookError: why the request was refused, in one line, or that the worker died or took too long.
        """
        line = json.dumps({"method": method, "params": params, "partial": partial is not None}).encode() + b"\n"
        async with self._lock:
            if self._ending is not None and not self._ending.done():
                await asyncio.wait([self._ending])
            if self._idle_timer is not None:
                self._idle_timer.cancel()
            request = _Request(line, partial)
            exchange = asyncio.create_task(self._exchange(request))
            try:
                response = await asyncio.wait_for(asyncio.shield(exchange), TIMEOUT)
            except TimeoutError:
                self._give_up(request, exchange)
                raise GlassbookError(
                    f"the model took more than {TIMEOUT:.0f} s; use a shorter prompt or fewer tokens"
                ) from None
            except asyncio.CancelledError:
                if exchange.cancelling():  # the whole loop ends
                    await self._kill()
                else:
                    self._give_up(request, exchange)
                raise
            except GlassbookError:
                raise
            except Exception:
                await self._kill()  # the rest of its response would be taken for the next one
                raise
            self._start_idle_timer()
        if "error" in response:
            raise GlassbookError(response["error"])
        return response["result"]

    async def close(self) -> None:
        """End the worker; the next request starts another."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        await self._kill()

    def _give_up(self, request: _Request, exchange: asyncio.Task[dict[str, Any]]) -> None:
        request.given_up = True
        self._ending = asyncio.create_task(self._end(exchange))

    async def _end(self, exchange: asyncio.Task[dict[str, Any]]) -> None:
        """Have the worker end a request, and read its response: the next request's would be behind it."""
        try:
            for _ in range(round(PATIENCE / REMIND)):
                if self._process is not None and self._process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        # One that has only just started dies of it, and has no models yet.
                        self._process.send_signal(signal.SIGUSR1)
                if (await asyncio.wait([exchange], timeout=REMIND))[0]:
                    break
        finally:
            if exchange.done() and not exchange.cancelled():
                exchange.exception()  # nobody else asks for it
                self._start_idle_timer()
            else:
                exchange.cancel()
                await self._kill()

    async def _exchange(self, request: _Request) -> dict[str, Any]:
        # A worker that died while idle is started again; one that dies of this request is not.
        for retry in (True, False):
            process = await self._running()
            assert process.stdin is not None
            try:
                process.stdin.write(request.line)
                await process.stdin.drain()
                response = await _response(process, request)
            except (BrokenPipeError, ConnectionResetError):
                response = None
            if response is not None:
                return response
            await self._kill()
            if not retry or request.given_up:
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

    def _start_idle_timer(self) -> None:
        self._idle_timer = asyncio.get_running_loop().call_later(self.idle, self._release)

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


async def _response(process: asyncio.subprocess.Process, request: _Request) -> dict[str, Any] | None:
    """The response to a request, after its parts; None if the worker died before."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        message = json.loads(line)
        if "partial" not in message:
            return message
        if request.partial is not None and not request.given_up:
            request.partial(message["partial"])
    return None
