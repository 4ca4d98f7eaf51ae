"""Rename of a page: what would change in all pages, and then all of it or nothing."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.pages.page import LONGEST_NAME
from glassbook.notebook.renaming import Renaming, Rewritten, plan
from glassbook.web.api.responses import json_response
from glassbook.web.render.markdown import page_url
from glassbook.web.saving import is_unicode
from glassbook.web.services import services_of
from glassbook.web.templating import respond
from glassbook.web.views.pages import Ident, find_page

router = APIRouter(tags=["pages"])


class NewName(BaseModel):
    """What a page shall be called."""

    page: Annotated[str, Field(max_length=LONGEST_NAME, description="id, title or alias of the page")]
    title: Annotated[str, Field(max_length=300)]
    id: Annotated[str, Field(max_length=300, description="its new id, the end of its address; empty to keep it")] = ""
    keep_names: Annotated[bool, Field(description="whether its old names stay as aliases")] = True


class AgreedName(NewName):
    """The same, with the preview that its author has seen."""

    digest: Annotated[str, Field(max_length=64, description="`digest` of the preview")]


def _planned(notebook: Notebook, name: NewName) -> Renaming:
    if not is_unicode(name.title + name.id):
        raise GlassbookError("this name contains half a character (a lone surrogate); remove it")
    path = find_page(notebook, name.page).path
    assert path is not None
    page = notebook.page_in(path.relative_to(notebook.folder).as_posix())
    return plan(notebook, page, name.title, name.id, name.keep_names)


def _change_data(change: Rewritten) -> dict[str, Any]:
    lines = [{"line": line, "before": _shown(before), "after": _shown(after)} for line, before, after in change.lines]
    return {"title": change.page.title, "path": change.path, "lines": lines}


def _shown(line: str) -> str:
    return line.encode("utf-8", "replace").decode()[:600]


@router.get("/rename/{name:path}", include_in_schema=False)
def rename_page(request: Request, name: Ident) -> Response:
    notebook = services_of(request).notebook
    page = find_page(notebook, name)
    address = notebook.index.address(page)
    return respond(
        request,
        "rename.html",
        title=f"Rename {page.title}",
        page_id=address,
        page_title=page.title,
        own_id=page.id,
        path=page.path.relative_to(notebook.folder).as_posix() if page.path else "",
    )


@router.post("/api/v1/rename/preview")
def preview_rename(request: Request, name: NewName) -> Response:
    """What a renaming would change, page by page and line by line; nothing is written.

    `digest` names exactly this change; send it to make it.
    """
    planned = _planned(services_of(request).notebook, name)
    return json_response(
        {
            "digest": planned.digest,
            "aliases": planned.renamed.page.aliases,
            "page": _change_data(planned.renamed),
            "others": [_change_data(change) for change in planned.others],
        }
    )


@router.post("/api/v1/rename", responses={409: {"description": "a page has changed since the preview"}})
def rename(request: Request, name: AgreedName) -> Response:
    """Rename a page and update the links in all others, as the preview said; all of it or nothing."""
    notebook = services_of(request).notebook
    planned = _planned(notebook, name)
    if planned.digest != name.digest:
        raise Conflict("pages have changed since the preview; look at the changes again")
    renamed, *others = notebook.write_all(planned.pages)
    address = notebook.index.address(renamed)
    return json_response({"id": address, "title": renamed.title, "url": page_url(address), "changed": len(others)})
