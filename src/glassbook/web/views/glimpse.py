"""Glimpses of pages: what a link shows while the pointer rests on it (static/js/hover.js)."""

from __future__ import annotations

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from glassbook.web.api.responses import json_response
from glassbook.web.render.links import Links
from glassbook.web.render.markdown import page_url, render_markdown
from glassbook.web.services import services_of
from glassbook.web.views.glossary import first_sentence
from glassbook.web.views.pages import Ident, find_page

router = APIRouter(tags=["pages"])
READ = 20_000
"""Characters of a page that are looked at."""


@router.get("/api/v1/glimpse/{name:path}")
def glimpse(request: Request, name: Ident) -> Response:
    """A page's title, kind and first sentence (as HTML), for a preview of a link to it."""
    notebook = services_of(request).notebook
    page = find_page(notebook, name)
    links = Links(notebook, page.path.relative_to(notebook.folder).as_posix() if page.path else "")
    html = render_markdown(first_sentence(page.body[:READ])).html(links.link, lambda piece: Markup(), links.place)
    address = notebook.index.address(page)
    data = {"id": address, "url": page_url(address), "title": page.title, "kind": page.kind, "level": page.level}
    return json_response({**data, "html": str(html)})
