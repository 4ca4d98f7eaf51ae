"""Security middleware: host check, access token, cross-site request forgery, content security policy.

- Host: only names that the server was started for, against DNS rebinding.
- Token: required where others can reach the server; compared in constant time, then stored in a cookie.
- Writes: only from the notebook's own pages or from programs that are no browser, against cross-site request forgery.
- Size: a request's body is read up to a limit, whether it states its length or comes in pieces.
- Responses: scripts only from the server's own files, no framing by other sites, no MIME sniffing.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self'",
        # Vega and the browser's own MathML need no inline style sheets: styles are set through the DOM.
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}
LARGEST = 32 << 20
"""Bytes of a request's body; the longest page that can be saved fits, whatever its characters."""
DISCARDED = 512 << 20
"""Bytes of a larger body that are read, and not kept, before it is answered."""
TOO_LARGE = f"the request is larger than {LARGEST >> 20} MB"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware that refuses forbidden requests and adds the security headers to every response.

    Host names other than `hosts` and those of the loopback interface are refused, and with a `token` every request
    without it (in a cookie, `?token=` or `Authorization: Bearer`).
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = (), token: str | None = None) -> None:
        self.app, self.token = app, token
        self.hosts = LOOPBACK | {host.lower().strip("[]") for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                response = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    response.setdefault(name, value)
                # What a page shows may change at any moment; files with a version in their URL set their own.
                response.setdefault("cache-control", "no-cache")
            await send(message)

        taken = 0

        async def receive_some() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > LARGEST:
                if message.get("more_body", False):
                    await _discard(receive)
                raise HTTPException(413, TOO_LARGE)
            return message

        await (refusal or self.app)(scope, receive_some, send_guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if _hostname(headers.get("host", "")) not in self.hosts:
            return PlainTextResponse("this server does not answer to that host name", 421)
        if scope["method"] not in SAFE and not _own_page(headers):
            return PlainTextResponse(
                "only the notebook's own pages may write; this request came from another site", 403
            )
        return self._without_token(scope, headers) if self.token is not None else None

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """None if the request carries the token, a redirect that sets the cookie if the URL has it, else a refusal."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        name = cookie_name(scope)
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if any(map(self._is_token, [bearer, *_cookies(headers, name)])):
            return None
        if any(key == "token" and self._is_token(value) for key, value in query) and scope["method"] in SAFE:
            rest = urlencode([(key, value) for key, value in query if key != "token"])
            # The path alone, and never "//host": a redirect must stay here.
            redirect = RedirectResponse("/" + scope["path"].lstrip("/") + ("?" + rest if rest else ""), 303)
            redirect.set_cookie(name, str(self.token), httponly=True, samesite="strict", max_age=30 * 86400)
            return redirect
        return PlainTextResponse("this notebook needs its token; open the address that the server printed", 401)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), str(self.token).encode())


async def _discard(receive: Receive) -> None:
    """Read the rest of a body and keep none of it: most clients read no answer before they have sent everything."""
    left = DISCARDED
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return


def cookie_name(scope: Scope) -> str:
    """The name of the token's cookie; it holds the port, because servers on other ports of a host share its cookies."""
    server = scope.get("server") or ("", 0)
    return f"glassbook-{server[1]}"


def _cookies(headers: Headers, name: str) -> Iterator[str]:
    """Values of the cookies called `name`. Those of other programs, which may break every rule, are not read."""
    for line in headers.getlist("cookie"):
        for part in line.split(";"):
            if part.strip().startswith(f"{name}="):
                yield from (morsel.value for morsel in SimpleCookie(part.strip()).values())


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _own_page(headers: Headers) -> bool:
    """Whether a write comes from a page of this server or from a program that is no browser."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host")
    return True
