"""In-process client of an ASGI app: fetches its pages without a server or a network, for exports."""

from __future__ import annotations

import asyncio
import contextvars
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.types import Message

from glassbook.web.templating import ABSOLUTE_DATES


@dataclass(frozen=True)
class Fetched:
    """A response of the app."""

    status: int
    media: str
    body: bytes
    location: str = ""
    """Target of a redirect, "" if it is none."""


class InProcessClient:
    """Fetches addresses of an ASGI app, one after the other; used in a `with` block.

    Times in the pages are dates, not "3 hours ago". In the end the model server of the app is closed, if one was asked.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._runner = asyncio.Runner()
        self._context = contextvars.copy_context()
        self._context.run(ABSOLUTE_DATES.set, True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._runner.run(self.app.state.services.model_server.close())
        self._runner.close()

    def get(self, path: str, query: str = "") -> Fetched:
        """The response to GET `path` (percent-encoded) with a query string."""
        return self._runner.run(self._ask("GET", path, query), context=self._context)

    def post(self, path: str, data: Any) -> Fetched:
        """The response to POST `path` with plain data as JSON."""
        return self._runner.run(self._ask("POST", path, body=json.dumps(data).encode()), context=self._context)

    async def _ask(self, method: str, path: str, query: str = "", body: bytes = b"") -> Fetched:
        messages: list[Message] = []
        scope: dict[str, Any] = {
            "type": "http",
            # From 2.4 on an app need not watch for disconnects; this client never disconnects.
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost"), *([(b"content-type", b"application/json")] if body else [])],
            "client": None,
            "server": ("localhost", 80),
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        start = next(m for m in messages if m["type"] == "http.response.start")
        headers = {key.lower(): value.decode("latin-1") for key, value in start["headers"]}
        media = headers.get(b"content-type", "").partition(";")[0]
        answer = b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body")
        return Fetched(start["status"], media, answer, headers.get(b"location", ""))
