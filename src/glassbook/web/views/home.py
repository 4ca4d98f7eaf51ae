"""The first page: where to begin, what is new, what runs."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from glassbook import experiments
from glassbook.web import chart_images as vega
from glassbook.web.services import services
from glassbook.web.templating import respond

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request) -> HTMLResponse:
    """The notebook's cover: sessions of late, newest runs, where to start."""
    known = services(request)
    nb = known.notebook
    return respond(
        request,
        "home.html",
        recent=nb.page_rows(order="modified", limit=8),
        first_steps=nb.resolve("first-steps"),
        sessions=nb.page_rows(kind="session", order="modified", limit=5),
        runs=nb.run_table(limit=6).rows,
        names=list(experiments.working()[0]),
        counts={kind: nb.page_count(kind) for kind in ("term", "paper", "talk", "session", "project", "note")},
    )


@router.get("/static/vega.js")
def vega_js() -> Response:
    """Vega, Vega-Lite and Vega-Embed as vl-convert carries them."""
    return Response(vega.bundle(), media_type="text/javascript", headers={"cache-control": "max-age=604800"})
