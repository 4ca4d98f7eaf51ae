"""Unlinked mentions: pages that say the name of a page without linking to it, and the link made in one step."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook import Notebook, Page
from glassbook.notebook.pages.links import Mention, mentions
from glassbook.notebook.pages.page import LONGEST_NAME
from glassbook.notebook.pages.plain import plain_text
from glassbook.web.api.responses import json_response
from glassbook.web.render.markdown import page_url
from glassbook.web.saving import sha_of
from glassbook.web.services import services_of
from glassbook.web.views.pages import Ident, find_page

router = APIRouter(tags=["pages"])
MAX_PAGES = 60
"""Pages that are looked through."""
SHORTEST = 3
"""Characters of a name that is looked for: shorter ones are mostly other words."""


def _names(page: Page) -> list[str]:
    return [name for name in dict.fromkeys((page.title, *page.aliases)) if len(name) >= SHORTEST]


def unlinked(notebook: Notebook, page: Page) -> list[tuple[Page, list[Mention]]]:
    """Pages that mention a page and do not link to it, with the places."""
    assert page.path is not None
    own = page.path.relative_to(notebook.folder).as_posix()
    linking = {own, *notebook.index.linking(page)}
    files: dict[str, None] = {}
    for name in _names(page):
        hits = notebook.index.search(f'"{name}"', MAX_PAGES, ["page"])
        files |= dict.fromkeys(path for hit in hits if (path := notebook.index.path_of(hit.id)))
    found = []
    for path in [path for path in files if path not in linking][:MAX_PAGES]:
        other = notebook.page_in(path)
        places = mentions(other.body, _names(page))
        if places:
            found.append((other, places))
    return found


def _link_to(notebook: Notebook, page: Page, said: str, source: str) -> str:
    """A wikilink that shows what is said and leads to the page."""
    assert page.path is not None
    own = page.path.relative_to(notebook.folder).as_posix()
    address = notebook.index.address(page)
    return f"[[{said}]]" if notebook.index.path_of(said, source) == own else f"[[{address}|{said}]]"


@router.get("/api/v1/mentions/{name:path}")
def list_mentions(request: Request, name: Ident) -> Response:
    """Places in other pages that name this page (by its title or an alias) without linking to it.

    Only pages without any link to it are listed. `sha`, `line` and `number` name a place for `POST /api/v1/mentions`.
    """
    notebook = services_of(request).notebook
    pages: list[dict[str, Any]] = []
    for other, places in unlinked(notebook, find_page(notebook, name)):
        address = notebook.index.address(other)
        shown = [
            {"number": n, "line": place.line, "text": plain_text(place.text)[:300]} for n, place in enumerate(places, 1)
        ]
        pages.append(
            {
                "id": address,
                "title": other.title,
                "url": page_url(address),
                "sha": sha_of(other.source or ""),
                "places": shown,
            }
        )
    return json_response({"pages": pages})


class Place(BaseModel):
    """A place that shall be a link."""

    page: Annotated[str, Field(max_length=LONGEST_NAME, description="the page that is mentioned")]
    source: Annotated[str, Field(max_length=LONGEST_NAME, description="the page that mentions it")]
    sha: Annotated[str, Field(max_length=64, description="`sha` of the version in which the place was found")]
    number: Annotated[int, Field(ge=1, le=1000, description="number of the place in that page, from 1")]


@router.post("/api/v1/mentions", responses={409: {"description": "the page has changed since"}})
def link_mention(request: Request, place: Place) -> Response:
    """Make a mention a link; nothing else in the page changes."""
    notebook = services_of(request).notebook
    page = find_page(notebook, place.page)
    # One reading, bytes that are not UTF-8 as they are: `write` refuses if the file is no longer the one in which
    # the place is found.
    other = notebook.page_at(place.source)
    assert other.path is not None
    if sha_of(other.source or "") != place.sha:
        raise Conflict(f"{other.title} has changed; look for mentions again")
    places = mentions(other.body, _names(page))
    if place.number > len(places):
        raise GlassbookError(f"{other.title} has no such mention of {page.title}; look for mentions again")
    at = places[place.number - 1]
    said = other.body[at.start : at.end]
    link = _link_to(notebook, page, said, other.path.relative_to(notebook.folder).as_posix())
    other.body = f"{other.body[: at.start]}{link}{other.body[at.end :]}"
    saved = notebook.write(other)
    return json_response(
        {"link": link, "sha": sha_of(saved.source or ""), "url": page_url(notebook.index.address(saved))}
    )
