"""`glassbook serve`: the notebook in a browser."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Any

from glassbook.cli.command import InNotebook, Option, parse, print_json

TOKEN = "GLASSBOOK_TOKEN"
"""Environment variable that holds the token: on the command line other users of the machine could read it."""


@dataclass(frozen=True, kw_only=True)
class Serve(InNotebook):
    """Show the notebook in a browser: read and write pages, run experiments, open models, steer.

    Only this machine can reach it unless --host says otherwise; then visitors need the token that is printed, or the
    one in $GLASSBOOK_TOKEN.
    """

    host: Annotated[str, Option("HOST", "127.0.0.1")] = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Option("PORT", "8765")] = 8765
    """Port to listen on; 0 takes any that is free."""
    name: Annotated[tuple[str, ...], Option("NAME ...")] = ()
    """Other host names that it answers to, when a proxy stands before it."""
    base: Annotated[str, Option("PATH", "/")] = ""
    """Path at which such a proxy shows it, such as /user/me/proxy/8765, whether or not the proxy takes it off."""
    slots: Annotated[int, Option("N", "1")] = 1
    """Jobs that run at the same time."""
    open: bool = False
    """Open a browser."""


def main(args: list[str]) -> int:
    options = parse(Serve, args, "glassbook serve")
    notebook = options.open_notebook()
    from glassbook.web.serve import serve

    def ready(url: str) -> None:
        data: dict[str, Any] = {"notebook": str(notebook.folder), "url": url}
        if options.json:
            print_json(data)
        else:
            print(
                f"The notebook {notebook.title!r} is open at\n  {url}\nCtrl-C closes it; jobs that run go on.",
                flush=True,
            )
        if options.open:
            import webbrowser

            webbrowser.open(url)

    serve(
        notebook,
        host=options.host,
        port=options.port,
        token=os.environ.get(TOKEN) or None,
        hosts=options.name,
        base=options.base,
        slots=options.slots,
        ready=ready,
    )
    return 0
