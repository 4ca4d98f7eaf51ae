"""Change notifications as server-sent events: they say that something changed; pages then fetch what they show.

The browser side is static/js/events.js (one stream for all tabs) and live.js.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from glassbook.web.services import Services, services_of

POLL = 0.4
"""Seconds between two looks at the notebook while a browser listens."""
PING = 15.0
"""Seconds of silence after which a comment keeps the connection open."""

router = APIRouter(include_in_schema=False)


@router.get("/events")
async def events(request: Request) -> StreamingResponse:
    """The stream; it ends when the browser disconnects or the server stops."""
    return StreamingResponse(_changes(request, services_of(request)), media_type="text/event-stream")


async def _changes(request: Request, services: Services) -> AsyncIterator[str]:
    seen, silent = None, 0.0
    yield "retry: 2000\n\n"
    while not await request.is_disconnected() and not request.app.state.stopping.is_set():
        now = (services.notebook.index.version, services.jobs.version())
        if now != seen:
            seen, silent = now, 0.0
            yield f"event: changed\ndata: {json.dumps({'notebook': now[0], 'jobs': now[1]})}\n\n"
        elif silent >= PING:
            silent = 0.0
            yield ": still here\n\n"
        silent += POLL
        await asyncio.sleep(POLL)
