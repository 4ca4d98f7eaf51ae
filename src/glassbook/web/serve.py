"""Uvicorn server of a notebook: binds the port, makes a token where others can reach it, runs until Ctrl-C."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook


@dataclass(frozen=True)
class Address:
    """Address of a running server."""

    host: str
    port: int
    token: str | None

    @property
    def url(self) -> str:
        """The URL to open in a browser, with the token if there is one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")


def serve(
    notebook: Notebook,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    hosts: tuple[str, ...] = (),
    slots: int = 1,
    ready: Callable[[Address], None] = lambda address: None,
) -> None:
    """Serve until interrupted.

    Args:
        notebook: the notebook to serve.
        host: address to listen on. One that others can reach needs a token; a random one is made if none is given.
        port: port to listen on; 0 picks a free one.
        token: secret that every request must carry.
        hosts: further accepted host names, for a reverse proxy.
        slots: number of jobs that run at the same time.
        ready: called when the server accepts requests.

    Raises:
        GlassbookError: the address is in use or not available.
    """
    import uvicorn

    from glassbook.web.app import create_app

    listening = _listen(host, port)
    if token is None and not _is_loopback(host):
        token = secrets.token_urlsafe(24)
    address = Address(host, listening.getsockname()[1], token)
    app = create_app(notebook, hosts=(host, *hosts), token=token, slots=slots)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    started = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await started(sockets)
        if not server.should_exit:
            ready(address)

    server.startup = startup  # pyright: ignore[reportAttributeAccessIssue]
    stop = server.handle_exit

    def handle_exit(*args: object) -> None:
        app.state.stopping.set()  # open streams end by themselves
        stop(*args)  # pyright: ignore[reportArgumentType]

    server.handle_exit = handle_exit  # pyright: ignore[reportAttributeAccessIssue]
    with listening:
        server.run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is explicit: asyncio turns off Nagle's delay (40 ms for a small response) only if it says TCP.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or error
        raise GlassbookError(f"cannot listen on {host}:{port}: {why}; choose another with --port or --host") from error
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
