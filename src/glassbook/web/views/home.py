"""Home page: what there is to try, recent pages, sessions and runs; also serves the Vega script."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from glassbook.notebook.pages.page import KINDS
from glassbook.web.learning_paths import current_paths
from glassbook.web.render.vega import vega_bundle
from glassbook.web.services import services_of
from glassbook.web.templating import respond
from glassbook.web.views.cover import offers
from glassbook.web.views.features import HELPERS

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request) -> HTMLResponse:
    nb = services_of(request).notebook
    return respond(
        request,
        "home.html",
        **HELPERS,
        recent=nb.index.page_rows(order="modified", limit=8),
        first_steps=nb.index.resolve("first-steps"),
        sessions=nb.index.page_rows(kind="session", order="modified", limit=1),
        runs=nb.index.run_table(limit=6).rows,
        **offers(services_of(request)),
        paths=current_paths(nb),
        counts={kind: nb.index.page_count(kind) for kind in KINDS},
    )


@router.get("/static/vega.js")
def vega_js() -> Response:
    return Response(vega_bundle(), media_type="text/javascript", headers={"cache-control": "max-age=604800"})
