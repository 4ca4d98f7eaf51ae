"""What the desk was asked, remembered: opening the same panel again costs nothing."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from starlette.requests import HTTPConnection

from glassbook.web.services import services

KEPT = 200
"""Answers that are kept; the least used goes first."""

Answer = dict[str, Any]


class Asked:
    """The desk's answers by method and parameters, for the life of the server.

    Every question to the desk has the same answer the next time (sampling is seeded). Errors are not kept.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    async def call(self, desk: Any, method: str, **params: Any) -> Answer:
        """The answer, from memory if it is there; raises what the desk raises."""
        key = json.dumps([method, params], sort_keys=True)
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        answer = await desk.call(method, **params)
        self._answers[key] = answer
        while len(self._answers) > self.kept:
            self._answers.popitem(last=False)
        return answer


async def ask_desk(request: HTTPConnection, method: str, **params: Any) -> Answer:
    """Ask the desk of the app that a request came to.

    Raises:
        GlassbookError: the model is not there, or cannot do what was asked.
    """
    state = request.app.state
    if not hasattr(state, "asked"):
        state.asked = Asked()
    return await state.asked.call(services(request).desk, method, **params)
