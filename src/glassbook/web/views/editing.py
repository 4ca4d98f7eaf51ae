"""Writing pages: the editor, its preview, and saving so that nothing written is lost."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from glassbook.notebook import Page
from glassbook.notebook.pages.page import KINDS
from glassbook.web.api.serializers import answer
from glassbook.web.render.blocks import show_block
from glassbook.web.render.links import Links
from glassbook.web.render.markdown import page_url, render_markdown
from glassbook.web.saving import TwoVersions, compare, create, merged, save, sha_of, side_by_side, source_of, take_away
from glassbook.web.services import services
from glassbook.web.templating import respond
from glassbook.web.views.pages import Ident, find_page

router = APIRouter(tags=["pages"])
LONGEST = 4_000_000
"""Characters of a page that can be edited here."""

Text = Annotated[str, Field(max_length=LONGEST, description="the whole file, front matter and body")]
Sha = Annotated[str, Field(max_length=64, description="`sha` of the version that the edit began with")]


class Draft(BaseModel):
    """What stands in the editor."""

    body: Text
    id: Annotated[str, Field(max_length=400, description="the page it belongs to, for addresses beside it")] = ""


class Edited(BaseModel):
    """A page that was edited."""

    text: Text
    base: Sha


class NewPage(BaseModel):
    """A page to be made."""

    text: Text = ""
    title: Annotated[str, Field(max_length=300)] = ""
    kind: Annotated[str, Field(max_length=100, description="one of the notebook's kinds of pages")] = ""


def _saved(page: Page, status: int = 200) -> Response:
    return answer(
        {"id": page.id, "title": page.title, "url": page_url(page.id), "sha": sha_of(page.source or "")}, status
    )


@router.get("/new", include_in_schema=False)
def new_page(
    request: Request,
    title: Annotated[str, Query(max_length=300)] = "",
    kind: Annotated[str, Query(max_length=100)] = "note",
) -> Response:
    """The editor, empty."""
    names: dict[str, Any] = {"kinds": KINDS, "kind": kind if kind in KINDS else "note", "new_title": title}
    return respond(request, "edit.html", title="New page", page_id="", text="", sha="", book=_book(request), **names)


@router.get("/p/{name:path}/edit", include_in_schema=False)
def edit_page(request: Request, name: Ident) -> Response:
    """The editor with a page's file in it."""
    page = find_page(services(request), name)
    text = source_of(page)
    names: dict[str, Any] = {"page_id": page.id, "text": text, "sha": sha_of(text), "kinds": KINDS, "kind": page.kind}
    return respond(request, "edit.html", title=f"Edit {page.title}", new_title="", book=_book(request), **names)


def _book(request: Request) -> str:
    """Tells notebooks apart that were served at the same address: drafts in the browser belong to one of them."""
    return sha_of(str(services(request).notebook.folder))[:12]


@router.post("/api/v1/preview")
def preview(request: Request, draft: Draft) -> Response:
    """What a page's text would look like; nothing is saved."""
    known = services(request)
    page = Page.parse(draft.body)
    path = ""
    if draft.id and known.notebook.resolve(draft.id) is not None:
        at = find_page(known, draft.id).path
        path = at.relative_to(known.notebook.folder).as_posix() if at else ""
    links = Links(known.notebook, path)
    html = render_markdown(page.body).html(links.link, lambda block: show_block(known, block), links.place)
    return answer({"html": str(html), "title": page.title, "problem": page.problem})


@router.post("/api/v1/pages", status_code=201)
def make_page(request: Request, new: NewPage) -> Response:
    """Make a page; its id comes from its front matter, else from its title."""
    return _saved(create(services(request).notebook, new.text, new.title, new.kind), 201)


@router.put("/api/v1/pages/{name:path}", responses={409: {"description": "the page has changed meanwhile"}})
def save_page(request: Request, name: Ident, edited: Edited) -> Response:
    """Save a page's text.

    If the file is no longer the version `base`, nothing is written to it: the answer (409) holds both versions, what
    differs, and where both are kept.
    """
    nb = services(request).notebook
    try:
        return _saved(save(nb, name, edited.text, edited.base))
    except TwoVersions as both:
        data: dict[str, Any] = {
            "error": str(both),
            "mine": both.mine,
            "theirs": both.theirs,
            "kept": [path.relative_to(nb.folder).as_posix() for path in both.kept],
        }
        if both.theirs is not None:
            changes = compare(both.mine, both.theirs)
            data |= {"sha": sha_of(both.theirs), "rows": side_by_side(changes), "merged": merged(changes)}
        return answer(data, 409)


@router.delete("/api/v1/pages/{name:path}")
def delete_page(request: Request, name: Ident, base: Annotated[str, Query(max_length=64)]) -> Response:
    """Move a page's file to .glassbook/trash."""
    nb = services(request).notebook
    return answer({"kept": take_away(nb, name, base).relative_to(nb.folder).as_posix()})
