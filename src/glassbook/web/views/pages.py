"""Pages of the notebook: as HTML, as Markdown files, as JSON, and in filtered lists; files beside pages."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import asdict
from pathlib import Path as File
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from glassbook.errors import GlassbookError
from glassbook.notebook import Backlink, InlineValue, LiveBlock, Notebook, Page
from glassbook.notebook.pages.page import LONGEST_NAME
from glassbook.notebook.pages.plain import plain_text
from glassbook.notebook.pages.references import References
from glassbook.web.api.responses import json_response
from glassbook.web.render.blocks import show_live
from glassbook.web.render.citations import citation, cite, link_citations
from glassbook.web.render.links import Links
from glassbook.web.render.markdown import page_url, render_markdown
from glassbook.web.saving import is_unicode, sha_of
from glassbook.web.services import Services, services_of
from glassbook.web.templating import respond
from glassbook.web.views.run_files import file_inside, harmless_response

router = APIRouter(tags=["pages"])
Ident = Annotated[str, Path(max_length=LONGEST_NAME, description="id, title or alias of a page")]
_MOVED = re.compile(r"(.+)/(edit|rename|history)", re.DOTALL)
"""Where the editor and its like were before, and no page is: a page may have any name."""
STARTED = secrets.token_hex(4)
"""Part of every ETag: another server process may have other templates, and counts changes from zero."""
MAX_BACKLINKS = 500
"""Backlinks that are read; every page may link to one."""
SHOWN_BACKLINKS = 40
"""Linking pages shown in the margin."""
PER_PAGE = 100
Order = Literal["title", "path", "level", "modified"]


def find_page(notebook: Notebook, name: str) -> Page:
    """The page at an address, or that a name leads to; see `Index.path_at`.

    Bytes that are not UTF-8 become question marks; `source` is exactly the file's.
    """
    page = notebook.page_at(name)
    if page.source is not None and not is_unicode(page.source):
        shown = Page.parse(page.source.encode("utf-8", "replace").decode(), page.path, page.id)
        shown.source = page.source
        return shown
    return page


def page_data(services: Services, page: Page) -> dict[str, Any]:
    nb = services.notebook
    path = page.path.relative_to(nb.folder).as_posix() if page.path else ""
    address = nb.index.address(page)
    rendered = render_markdown(page.body)
    pieces: list[LiveBlock | InlineValue] = []

    def show(piece: LiveBlock | InlineValue) -> Any:
        pieces.append(piece)
        return show_live(services, piece)

    links = Links(nb, path, show=show)
    html = rendered.html(links.link, show, links.place)
    runs, names = _evidence(pieces)
    works = _works(services, page.refs)
    return {
        "id": address,
        "title": page.title,
        "kind": page.kind,
        "level": page.level,
        "tags": page.tags,
        "aliases": page.aliases,
        "refs": page.refs,
        "extra": page.extra,
        "problem": page.problem,
        "path": path,
        "sha": sha_of(page.source or ""),
        "body": page.body,
        "html": link_citations(html, works["references"]),
        "sections": [s for s in rendered.sections if s.level],
        "backlinks": nb.index.backlinks(address, limit=MAX_BACKLINKS),
        "links": [{"target": target, "id": ident} for target, ident in nb.index.links(page)],
        **works,
        "runs": list(dict.fromkeys([*links.runs, *runs])),
        "experiments": names,
    }


def _works(services: Services, keys: list[str]) -> dict[str, Any]:
    """The works cited, or their bare keys and the reason if references.json cannot be read."""
    try:
        references = cite(References(services.notebook.folder), keys) if keys else []
        return {"references": references, "references_problem": None}
    except GlassbookError as problem:
        return {"references": [citation(key, None) for key in keys], "references_problem": str(problem)}


def _evidence(pieces: list[LiveBlock | InlineValue]) -> tuple[list[str], list[str]]:
    """Runs and experiments that live blocks and inline values show."""
    runs, names = [], []
    for block in pieces:
        if isinstance(block, InlineValue):
            names += re.split(r"[ /]", block.text)[:1]
            continue
        run, name = block.data.get("run"), block.data.get("experiment")
        name = block.data.get("name") if block.kind == "experiment" else name
        if isinstance(run, str) and run.isprintable() and run:
            runs.append(run)
        if isinstance(name, str) and name:
            names.append(name)
    return list(dict.fromkeys(runs)), list(dict.fromkeys(names))


def etag_of(services: Services, page: Page) -> str:
    """Changes whenever the page would look different: with its text, with the notebook, with the age of a run."""
    parts = [STARTED, sha_of(page.source or ""), str(services.notebook.index.version)]
    if any(mark in page.body for mark in ("```", "~~~", "{{", "![[")):
        parts.append(str(int(time.time() // 60)))  # live blocks say how old their run is, and whether it is stale
    references = services.notebook.folder / "references.json"
    if page.refs and references.is_file():
        parts.append(str(references.stat().st_mtime_ns))
    return '"' + hashlib.sha256(" ".join(parts).encode()).hexdigest()[:24] + '"'


def _is_known(request: Request, tag: str) -> bool:
    """Whether the browser has this version already."""
    given = request.headers.get("if-none-match", "")
    return tag in [part.strip().removeprefix("W/") for part in given.split(",")]


def mentions(links: list[Backlink]) -> list[dict[str, Any]]:
    """Backlinks grouped by page, each with its first line as plain text and how many more there are."""
    pages: dict[str, dict[str, Any]] = {}
    for link in links:
        first = {"id": link.id, "title": link.title, "text": plain_text(link.text), "more": -1}
        entry = pages.setdefault(link.id, first)
        entry["more"] += 1
    return list(pages.values())


# --- a page -----------------------------------------------------------------------------------------------------------


@router.get("/markdown/{name:path}", include_in_schema=False)
def page_markdown(request: Request, name: Ident) -> Response:
    page = find_page(services_of(request).notebook, name)
    data = (page.source or "").encode("utf-8", "surrogateescape")
    return Response(data, media_type="text/markdown; charset=utf-8", headers={"content-security-policy": "sandbox"})


@router.get("/p/{name:path}", include_in_schema=False)
def page_view(request: Request, name: Ident) -> Response:
    services = services_of(request)
    try:
        page = find_page(services.notebook, name)
    except GlassbookError:
        if (moved := _MOVED.fullmatch(name)) is None:
            raise
        return RedirectResponse(f"/{moved[2]}{page_url(moved[1]).removeprefix('/p')}", 307)
    address = services.notebook.index.address(page)
    if address != name:
        return RedirectResponse(page_url(address), 307)  # an alias or title
    tag = etag_of(services, page)
    if _is_known(request, tag):
        return Response(status_code=304, headers={"etag": tag})
    data = page_data(services, page)
    found = mentions(data["backlinks"])
    headings = [s for s in data["sections"] if s.level <= 3]
    titled = bool(headings) and headings[0].level == 1 and headings[0].title.casefold() == page.title.casefold()
    shown = {
        **data,
        "headings": [s for s in headings if s.level > 1 or not titled] if len(headings) > 1 else [],
        "titled": titled,
        "mentions": found[:SHOWN_BACKLINKS],
        "more_mentions": max(len(found) - SHOWN_BACKLINKS, 0),
        "at_least": len(data["backlinks"]) == MAX_BACKLINKS,
    }
    shown["page_id"] = shown.pop("id")
    result = respond(request, "page.html", **shown)
    result.headers["etag"] = tag
    return result


@router.get("/api/v1/pages/{name:path}")
def page_json(request: Request, name: Ident) -> Response:
    """A page: front matter, body, rendered HTML, links from and to it, works cited.

    `sha` names this version; send it as `base` to change the page.
    """
    services = services_of(request)
    data = page_data(services, find_page(services.notebook, name))
    data["html"] = str(data["html"])
    data["url"] = page_url(data["id"])
    data["sections"] = [{"title": s.title, "slug": s.slug, "level": s.level} for s in data["sections"]]
    data["backlinks"] = [asdict(link) for link in data["backlinks"]]
    data["references"] = [asdict(work) for work in data["references"]]
    data["extra"] = _plain_data(data["extra"])
    return json_response(data)


def _plain_data(value: Any) -> Any:
    """Front matter as JSON; dates become text."""
    if isinstance(value, dict):
        return {str(key): _plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_data(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


@router.get("/beside/{path:path}", include_in_schema=False)
def page_attachment(request: Request, path: Annotated[str, Path(max_length=4000)]) -> FileResponse:
    missing = GlassbookError("there is no file of that name under pages/")
    if any(part.startswith(".") for part in File(path).parts):
        raise missing
    pages = services_of(request).notebook.folder / "pages"
    return harmless_response(file_inside(pages, path, missing), svg=True)


# --- lists ------------------------------------------------------------------------------------------------------------

Kind = Annotated[str, Query(max_length=100, description="only pages of this kind")]
Tag = Annotated[str, Query(max_length=200, description="only pages with this tag")]
Part = Annotated[int, Query(ge=1, le=1_000_000, description="page of the list, from 1")]


def _listed(services: Services, kind: str, tag: str, order: Order, part: int, limit: int) -> dict[str, Any]:
    nb = services.notebook
    rows = nb.index.page_rows(kind or None, tag or None, order=order, limit=limit, offset=(part - 1) * limit)
    total = nb.index.page_count(kind or None, tag or None)
    return {"pages": rows, "total": total, "part": part, "parts": max(1, -(-total // limit))}


def row_to_json(row: Any) -> dict[str, Any]:
    return {**asdict(row), "path": str(row.path), "modified": row.modified.isoformat(), "url": page_url(row.id)}


@router.get("/api/v1/pages")
def list_pages(
    request: Request,
    kind: Kind = "",
    tag: Tag = "",
    order: Order = "title",
    page: Part = 1,
    limit: Annotated[int, Query(ge=1, le=1000)] = PER_PAGE,
) -> Response:
    """Pages filtered by kind and tag, `limit` at a time."""
    listed = _listed(services_of(request), kind, tag, order, page, limit)
    return json_response({**listed, "pages": [row_to_json(row) for row in listed["pages"]]})


@router.get("/pages", include_in_schema=False)
def pages_page(request: Request, kind: Kind = "", tag: Tag = "", order: Order = "title", page: Part = 1) -> Response:
    listed = _listed(services_of(request), kind, tag, order, page, PER_PAGE)
    return respond(request, "pages.html", title="All pages", kind=kind, tag=tag, order=order, **listed)
