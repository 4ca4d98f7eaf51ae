"""Chat panel and its JSON API: one question to an assistant and to the base model it was made of, side by side.

The panel is the live block `chat` (templates/blocks/chat.html) with static/js/chat.js; /chat is a page of its own for
it, whose address holds the settings.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from glassbook.model_server import ChatSettings, available_models, chat_from_query, read_chat
from glassbook.web.address import as_bad_address, query_of
from glassbook.web.api.model_results import RESPONSES, model_result
from glassbook.web.render.blocks import chat_block
from glassbook.web.services import services_of
from glassbook.web.templating import respond

router = APIRouter(tags=["models"])


@router.get("/chat", include_in_schema=False)
def page(request: Request) -> HTMLResponse:
    """The panel, set as the address says; nothing is asked yet. Without a model, a form to choose one."""
    with as_bad_address():
        query = chat_from_query(query_of(request))
        settings = read_chat({"model": "builtin", **query})
    models = [model["name"] for model in available_models(services_of(request).notebook) if model["kind"] == "text"]
    chosen = {"chosen": "model" in query}
    return respond(request, "chat.html", models=models, **chosen, **chat_block(settings))


@router.post("/api/v1/chat", response_model=dict[str, Any], responses=RESPONSES)
async def chat(request: Request, settings: ChatSettings) -> Any:
    """An assistant's answer to a question, and what a base model makes of the question as a text.

    Its parts are the `answers` so far, and `done` of so many `tokens`.
    """
    return await model_result(request, "chat", settings.model_dump(mode="json"))
