"""Uvicorn server of a notebook: binds the port, makes a token where others can reach it, runs until Ctrl-C."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Callable

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook


def serve(
    notebook: Notebook,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    hosts: tuple[str, ...] = (),
    base: str = "",
    slots: int = 1,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until interrupted; `ready` is called with the URL to open, and the token in it, when requests are accepted.

    An address that others can reach needs a token: a random one is made if none is given. `hosts` are further names
    that are accepted, for a reverse proxy; `base` is the path at which it shows the notebook.

    Raises:
        GlassbookError: the address is in use or not available, or the base is no path.
    """
    import uvicorn

    from glassbook.web.app import create_app
    from glassbook.web.base_path import check_base

    base = check_base(base)
    listening = _listen(host, port)
    if token is None and not _is_loopback(host):
        token = secrets.token_urlsafe(24)
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listening.getsockname()[1]}{base}/" + (f"?token={token}" if token else "")
    app = create_app(notebook, hosts=(host, *hosts), token=token, slots=slots, base=base)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    started = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await started(sockets)
        if not server.should_exit:
            ready(url)

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
