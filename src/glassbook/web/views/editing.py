"""Page editor: create, edit, preview, save and delete pages; add pictures; conflicts give both versions (409)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from glassbook import experiments
from glassbook.notebook import InlineValue, LiveBlock, Notebook, Page
from glassbook.notebook.pages.page import KEYS, KINDS, LONGEST_NAME
from glassbook.web.api.responses import json_response
from glassbook.web.render.blocks import help_for_blocks, show_live
from glassbook.web.render.links import Links
from glassbook.web.render.markdown import page_url, render_markdown
from glassbook.web.saving import (
    EditConflict,
    compare,
    create,
    delete,
    merge_with_markers,
    save,
    sha_of,
    side_by_side,
    source_of,
)
from glassbook.web.services import services_of
from glassbook.web.templating import respond
from glassbook.web.views.pages import Ident, find_page

router = APIRouter(tags=["pages"])
MAX_LENGTH = 4_000_000
"""Characters of the longest page that can be edited in the browser."""

Text = Annotated[str, Field(max_length=MAX_LENGTH, description="the whole file, front matter and body")]
Sha = Annotated[str, Field(max_length=64, description="`sha` of the version that the edit began with")]


class Draft(BaseModel):
    """The editor's text, for a preview."""

    body: Text
    id: Annotated[
        str, Field(max_length=LONGEST_NAME, description="the page that is edited; relative links start from its file")
    ] = ""


class EditedPage(BaseModel):
    """An edit of an existing page."""

    text: Text
    base: Sha


class NewPage(BaseModel):
    """A page to be created."""

    text: Text = ""
    title: Annotated[str, Field(max_length=300)] = ""
    kind: Annotated[str, Field(max_length=100, description="one of the notebook's kinds of pages")] = ""


def _saved(notebook: Notebook, page: Page, status: int = 200) -> Response:
    address = notebook.index.address(page)
    return json_response(
        {"id": address, "title": page.title, "url": page_url(address), "sha": sha_of(page.source or "")}, status
    )


@router.get("/new", include_in_schema=False)
def new_page(
    request: Request,
    title: Annotated[str, Query(max_length=300)] = "",
    kind: Annotated[str, Query(max_length=100)] = "note",
) -> Response:
    names: dict[str, Any] = {"kinds": KINDS, "kind": kind if kind in KINDS else "note", "new_title": title}
    names["offered"] = _help()
    return respond(
        request, "edit.html", title="New page", page_id="", text="", sha="", book=_notebook_key(request), **names
    )


@router.get("/edit/{name:path}", include_in_schema=False)
def edit_page(request: Request, name: Ident) -> Response:
    notebook = services_of(request).notebook
    page = find_page(notebook, name)
    text, address = source_of(page), notebook.index.address(page)
    names: dict[str, Any] = {"page_id": address, "text": text, "sha": sha_of(text), "kinds": KINDS, "kind": page.kind}
    names["offered"] = _help()
    return respond(request, "edit.html", title=f"Edit {page.title}", new_title="", book=_notebook_key(request), **names)


def _help() -> dict[str, Any]:
    """What the editor offers to write: front matter, live blocks, and names of experiments."""
    return {
        "front_matter": [{"name": name, "doc": doc} for name, doc in KEYS.items()],
        "kinds": KINDS,
        "blocks": help_for_blocks(),
        "experiments": list(experiments.names()),
    }


@router.get("/api/v1/blocks")
def list_blocks() -> Response:
    """The kinds of live blocks with their keys, and the keys of front matter."""
    offered = _help()
    return json_response({"blocks": offered["blocks"], "front_matter": offered["front_matter"]})


def _notebook_key(request: Request) -> str:
    """Tells apart notebooks served at the same address: a draft in the browser belongs to one of them."""
    return sha_of(str(services_of(request).notebook.folder))[:12]


@router.post("/api/v1/preview")
def preview(request: Request, draft: Draft) -> Response:
    """A page's text as HTML; nothing is saved."""
    services = services_of(request)
    page = Page.parse(draft.body)
    path = ""
    if draft.id:
        path = services.notebook.index.path_at(draft.id) or ""

    def show(piece: LiveBlock | InlineValue) -> Any:
        return show_live(services, piece)

    links = Links(services.notebook, path, show=show)
    html = render_markdown(page.body).html(links.link, show, links.place)
    return json_response({"html": str(html), "title": page.title, "problem": page.problem})


@router.post("/api/v1/pages", status_code=201)
def create_page(request: Request, new: NewPage) -> Response:
    """Create a page; its id comes from its front matter, else from its title."""
    nb = services_of(request).notebook
    return _saved(nb, create(nb, new.text, new.title, new.kind), 201)


@router.get("/api/v1/pictures")
def pictures(
    request: Request,
    q: Annotated[str, Query(max_length=LONGEST_NAME, description="part of the path")] = "",
) -> Response:
    """Pictures beside pages whose paths below pages/ contain `q`; the first 20."""
    return json_response({"pictures": services_of(request).notebook.pictures(q)})


@router.post("/api/v1/pictures", status_code=201)
async def add_picture(
    request: Request,
    name: Annotated[str, Query(max_length=1000, description="what the file is called")] = "",
    page: Annotated[str, Query(max_length=LONGEST_NAME, description="the page that it is for; none if it is new")] = "",
    kind: Annotated[str, Query(max_length=100, description="kind of a new page")] = "note",
) -> Response:
    """Store a picture (the request's body: PNG, JPEG, GIF or WebP) beside a page.

    `markdown` is what shows it in the page.
    """
    nb = services_of(request).notebook
    data = await request.body()

    def add() -> str:
        beside = find_page(nb, page) if page else Page.new("new", kind=kind if kind in KINDS else "note")
        return nb.add_picture(data, name, beside).name

    file = await run_in_threadpool(add)
    words = file.rpartition(".")[0].replace("-", " ")  # what is read aloud, until the author writes something better
    return json_response({"name": file, "markdown": f"![{words}]({file})"}, 201)


@router.put("/api/v1/pages/{name:path}", responses={409: {"description": "the page has changed since"}})
def save_page(request: Request, name: Ident, edited: EditedPage) -> Response:
    """Save a page's text.

    If the file is no longer the version `base`, nothing is written to it: the response (409) holds both versions,
    their differences, and where copies of both are stored.
    """
    nb = services_of(request).notebook
    try:
        return _saved(nb, save(nb, name, edited.text, edited.base))
    except EditConflict as conflict:
        data: dict[str, Any] = {
            "error": str(conflict),
            "mine": conflict.mine,
            "theirs": conflict.theirs,
            "copies": [path.relative_to(nb.folder).as_posix() for path in conflict.copies],
        }
        if conflict.theirs is not None:
            changes = compare(conflict.mine, conflict.theirs)
            merged = merge_with_markers(changes)
            data |= {"sha": sha_of(conflict.theirs), "rows": side_by_side(changes), "merged": merged}
        return json_response(data, 409)


@router.delete("/api/v1/pages/{name:path}")
def delete_page(request: Request, name: Ident, base: Annotated[str, Query(max_length=64)]) -> Response:
    """Move a page's file to .glassbook/trash."""
    nb = services_of(request).notebook
    return json_response({"trash": delete(nb, name, base).relative_to(nb.folder).as_posix()})
