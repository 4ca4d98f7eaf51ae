"""Latents panel and its JSON API: a picture's most active latents as sliders, decoded as they move; or noise removed.

The panel is the live block `latents` (templates/blocks/latents.html) with static/js/latents.js; /latents is a page of
its own for it, whose address holds the settings.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from glassbook.model_server import (
    LatentSettings,
    check_latents,
    is_local,
    latents_from_query,
    models_with_latents,
    read_latents,
)
from glassbook.web.address import as_bad_address, query_of
from glassbook.web.render.blocks import latents_block
from glassbook.web.services import services_of
from glassbook.web.templating import respond

router = APIRouter(tags=["models"])


@router.get("/latents", include_in_schema=False)
def page(request: Request) -> HTMLResponse:
    """The panel, set as the address says; nothing is decoded yet."""
    notebook = services_of(request).notebook
    with as_bad_address():
        settings = read_latents(latents_from_query(query_of(request, lists=["set"])))
        check_latents(notebook, settings)
    models = models_with_latents(notebook)
    if not is_local(notebook, settings.model):
        raise HTTPException(404, f"no model is called {settings.model}; choose one of {', '.join(models[:5])}")
    names = latents_block(settings)
    return respond(request, "latents.html", models=list(dict.fromkeys([settings.model, *models])), **names)


@router.post("/api/v1/latents")
async def latents(request: Request, settings: LatentSettings) -> dict[str, Any]:
    """A picture, its active latents, and what they decode to where they are moved; or the picture without noise.

    Pictures are PNGs as data addresses. Latents are in units of their spread from their mean over held-out pictures.
    """
    return await services_of(request).call_model_server("latents", **settings.model_dump(mode="json"))
