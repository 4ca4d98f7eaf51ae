"""Asking an app for its pages without a server or a network."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    """What the app said."""

    status: int
    media: str
    body: bytes


class Inside:
    """Asks an ASGI app for addresses, one after the other."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def get(self, path: str) -> Answer:
        """The answer to GET `path` (percent-encoded, without a query)."""
        return asyncio.run(self._get(path))

    async def _get(self, path: str) -> Answer:
        messages: list[Message] = []
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "client": None,
            "server": ("localhost", 80),
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        start = next(m for m in messages if m["type"] == "http.response.start")
        headers = {key.lower(): value.decode("latin-1") for key, value in start["headers"]}
        media = headers.get(b"content-type", "").partition(";")[0]
        return Answer(start["status"], media, b"".join(m.get("body", b"") for m in messages[1:]))
