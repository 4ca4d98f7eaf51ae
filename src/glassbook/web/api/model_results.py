"""Results of the model server as JSON, or as a stream of JSON lines that begins before the result is there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from fastapi import Request
from starlette.responses import StreamingResponse

from glassbook.web.services import services_of

Added = Callable[[dict[str, Any]], dict[str, Any]]
"""Result of the model server -> what the response has besides."""
LINES = "application/x-ndjson"
"""What a request accepts in order to get a stream."""
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": 'The result; as JSON lines, parts of it ({"partial": ...}) come before: then the last line is '
        '{"result": ...} or {"error": ...}. Closing the connection gives the request up.',
        "content": {LINES: {"schema": {"type": "string"}}},
    }
}
"""For the description of a route that answers in either way."""


async def model_result(request: Request, method: str, params: dict[str, Any], added: Added = lambda result: {}) -> Any:
    """What the model server answers, in the form that the request accepts.

    Args:
        request: its Accept header chooses; without JSON lines in it the response is plain JSON.
        method: of the model server.
        params: its parameters.
        added: result -> what stands in it besides.
    """
    services = services_of(request)
    if LINES not in request.headers.get("accept", ""):
        result = await services.call_model_server(method, **params)
        return {**result, **added(result)}

    async def lines() -> AsyncIterator[str]:
        async with aclosing(services.stream_model_server(method, **params)) as messages:
            async for message in messages:
                if "result" in message:
                    message = {"result": {**message["result"], **added(message["result"])}}
                yield json.dumps(message) + "\n"

    return StreamingResponse(lines(), media_type=LINES)
