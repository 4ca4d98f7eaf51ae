"""Base path middleware: the notebook below a path of another server, such as JupyterHub's or a reverse proxy's.

Inside, every address begins at "/". The path is taken off requests (a proxy may have done so already) and put before
the addresses in HTML and in redirects. JSON keeps the addresses of the inside; the scripts put the path before them,
which they know from where they were loaded (`rooted` in static/js/api.js).
"""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glassbook.errors import GlassbookError

# Text has no "<", but it may have quotes, and attributes may have ">": only whole tags are searched for addresses.
_TAG = re.compile(rb'<[a-zA-Z][^\s<>"]*(?:\s+[^\s=<>"]+(?:="[^"]*")?)*\s*/?>')
_VALUE = re.compile(rb'(\s(?:href|src|action|formaction)=")/(?!/)|="[^"]*"')
_PATH = re.compile(r"(/[\w.~@%+-]+)+", re.ASCII)


class BasePath:
    """ASGI middleware that serves an application below the path `base`."""

    def __init__(self, app: ASGIApp, base: str) -> None:
        self.app, self.base = app, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        base, page = self.base.encode(), bytearray()

        async def send_based(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("location", "").startswith("/"):
                    headers["location"] = self.base + headers["location"]
                if headers.get("content-type", "").startswith("text/html"):
                    start = message
                    return
            elif start is not None and message["type"] == "http.response.body":
                page.extend(message.get("body", b""))
                if message.get("more_body", False):
                    return
                body = _TAG.sub(
                    lambda tag: _VALUE.sub(lambda v: v[1] + base + b"/" if v[1] else v[0], tag[0]), bytes(page)
                )
                if scope["method"] != "HEAD":
                    MutableHeaders(scope=start)["content-length"] = str(len(body))
                await send(start)
                message = {"type": "http.response.body", "body": body}
            await send(message)

        await self.app(self._inside(scope), receive, send_based)

    def _inside(self, scope: Scope) -> Scope:
        path = scope["path"]
        if path != self.base and not path.startswith(f"{self.base}/"):
            return scope
        # Starlette takes paths apart by `path` alone; `raw_path` would contradict it.
        return {name: value for name, value in scope.items() if name != "raw_path"} | {
            "path": path[len(self.base) :] or "/"
        }


def check_base(base: str) -> str:
    """A base path without the slash at its end; "" if there is none.

    Raises:
        GlassbookError: it is no path of a URL.
    """
    path = base.rstrip("/")
    if path and (_PATH.fullmatch(path) is None or {".", ".."} & set(path.split("/"))):
        raise GlassbookError(f"{base!r} is no base path; write it as a URL has it, such as /user/me/notebook")
    return path
