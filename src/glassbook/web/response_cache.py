"""Response cache of the model server: opening the same panel again costs nothing."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from starlette.requests import HTTPConnection

from glassbook.model_server import ModelServer
from glassbook.web.services import services_of

SIZE = 200
"""Responses in memory; the least recently used goes first."""

Response = dict[str, Any]


class ResponseCache:
    """Results of the model server by method and parameters, for the life of the web server.

    The same request always has the same result (sampling is seeded). Errors are not cached.
    """

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self._responses: OrderedDict[str, Response] = OrderedDict()

    async def call(self, server: ModelServer, method: str, **params: Any) -> Response:
        """The result of a request, from memory if it is there; raises what the model server raises."""
        key = json.dumps([method, params], sort_keys=True)
        if key in self._responses:
            self._responses.move_to_end(key)
            return self._responses[key]
        response = await server.call(method, **params)
        self._responses[key] = response
        while len(self._responses) > self.size:
            self._responses.popitem(last=False)
        return response


async def call_model_server(request: HTTPConnection, method: str, **params: Any) -> Response:
    """The result of a request to the model server of the app that an HTTP request came to.

    Raises:
        GlassbookError: there is no such model, or the request is wrong.
    """
    state = request.app.state
    if not hasattr(state, "response_cache"):
        state.response_cache = ResponseCache()
    return await state.response_cache.call(services_of(request).model_server, method, **params)
