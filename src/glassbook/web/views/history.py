"""History of a page: the versions that saves replaced and the copies of conflicts, each compared with the page now.

To restore a version is to save its text as an edit of the page (`PUT /api/v1/pages`), so nothing is lost by it either.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from glassbook.notebook import Notebook, Page
from glassbook.web.api.responses import json_response
from glassbook.web.render.markdown import page_url
from glassbook.web.saving import compare, conflict_copies, conflict_text, is_unicode, sha_of, side_by_side
from glassbook.web.services import services_of
from glassbook.web.templating import respond
from glassbook.web.views.pages import Ident, find_page

router = APIRouter(tags=["pages"])
Version = Annotated[str, Query(max_length=200, description="name of a version, as the list gives it, to get its text")]


@dataclass(frozen=True)
class Kept:
    """A version that can be restored."""

    name: str
    when: datetime
    size: int
    conflict: bool
    """Whether it is one of the two versions of an edit conflict; else the page was like this until then."""


def kept_versions(notebook: Notebook, page: Page) -> list[Kept]:
    """All versions of a page that are kept, the newest first."""
    assert page.path is not None
    saved = [Kept(v.name, v.until, v.size, False) for v in notebook.history.versions(page.path)]
    copies = [Kept(c.name, c.when, c.size, True) for c in conflict_copies(notebook, page.id)]
    return sorted([*saved, *copies], key=lambda version: version.when, reverse=True)


def version_text(notebook: Notebook, page: Page, name: str) -> str:
    """The text of a version; GlassbookError if there is none of that name."""
    assert page.path is not None
    copy = conflict_text(notebook, page.id, name)
    return notebook.history.text(page.path, name) if copy is None else copy


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@router.get("/history/{name:path}", include_in_schema=False)
def history_page(request: Request, name: Ident, version: Version = "") -> Response:
    notebook = services_of(request).notebook
    page = find_page(notebook, name)
    names: dict[str, Any] = {"page_id": notebook.index.address(page), "page_title": page.title}
    if version:
        shown = _compared(notebook, page, version)
        return respond(request, "version.html", title=f"Version of {page.title}", **names, **shown)
    versions = kept_versions(notebook, page)
    return respond(request, "history.html", title=f"History of {page.title}", versions=versions, **names)


def _compared(notebook: Notebook, page: Page, version: str) -> dict[str, Any]:
    """A version beside the page now, for its template."""
    text, now = version_text(notebook, page, version), page.source or ""
    return {
        "version": next(v for v in kept_versions(notebook, page) if v.name == version),
        "rows": side_by_side(compare(_shown(text), _shown(now))) if text != now else [],
        "text": _shown(text),
        "whole": is_unicode(text),
        "sha": sha_of(now),
    }


@router.get("/api/v1/history/{name:path}")
def history_json(
    request: Request,
    name: Ident,
    version: Version = "",
) -> Response:
    """The versions of a page that are kept, the newest first; with `version`, the text of that one.

    To restore one, save its text with `PUT /api/v1/pages/{name}`.
    """
    notebook = services_of(request).notebook
    page = find_page(notebook, name)
    if version:
        text = version_text(notebook, page, version)
        return json_response({"version": version, "text": _shown(text), "utf8": is_unicode(text)})
    address = notebook.index.address(page)
    versions = [
        {"name": v.name, "when": v.when.isoformat(), "size": v.size, "conflict": v.conflict}
        for v in kept_versions(notebook, page)
    ]
    return json_response({"id": address, "url": page_url(address), "versions": versions})
