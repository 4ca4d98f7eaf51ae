"""The steering panel: directions as sliders, plain beside steered, and what comes of it kept on a page."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook, Page, read_markdown, slug
from glassbook.web.render.markdown import page_url
from glassbook.web.response_cache import call_model_server
from glassbook.web.services import services
from glassbook.web.steering import Name, Settings, Strict, from_query, section, told
from glassbook.web.templating import respond
from glassbook.web.views.features import dashboards
from glassbook.web.views.models import available_models

router = APIRouter(tags=["steering"])

PROMPTS = ("One day, Tam came to the ford.", "The heron came to the mill weir.")
"""What a new panel begins with."""
RECENT = 50
"""Newest runs whose kept vectors are offered."""
HEADER = 1 << 20
"""Bytes of a safetensors header that are read at most, to see whether it is a vector's."""


class Keep(Strict):
    """Where steered texts are to be kept."""

    settings: Settings
    page: Name
    """Id, title or alias of a page; if there is none, the title of a new one."""


@router.get("/steer", include_in_schema=False)
async def panel(request: Request) -> HTMLResponse:
    """The panel, filled in as the address says; nothing is steered yet."""
    given = panel_settings(request)
    nb = services(request).notebook
    found, vectors = await run_in_threadpool(lambda: (dashboards(nb), kept_vectors(nb)))
    return respond(
        request,
        "steer.html",
        settings=given,
        models=await available_models(request),
        dashboards=[(record, header) for record, header in found],
        vectors=vectors,
    )


def panel_settings(request: Request) -> dict[str, Any]:
    """What the form is filled in with.

    Raises:
        HTTPException: 422, the address says something that cannot be.
    """
    try:
        said = from_query(request.query_params.multi_items())
        # An empty panel is no valid one yet: what it lacks stands in only for the check.
        sources = said["sources"] or [{"plus": "x", "site": "x"}]
        whole = {**said, "sources": sources, "prompts": said["prompts"] or PROMPTS}
        settings = Settings.model_validate(whole).model_dump(mode="json")
    except ValidationError as error:
        raise HTTPException(422, told(error)) from error
    except GlassbookError as error:
        raise HTTPException(422, str(error)) from error
    return settings if said["sources"] else {**settings, "sources": []}


def kept_vectors(nb: Notebook) -> list[tuple[str, str]]:
    """Runs and artifacts that are steering vectors, of the newest runs."""
    found = []
    for row in nb.index.run_table(limit=RECENT).rows:
        record = nb.run(row.id)
        found += [(record.id, name) for name in record.artifacts if is_vector(record.artifact(name))]
    return found


def is_vector(path: Path) -> bool:
    """Whether a file is a steering vector, by the header that safetensors begin with."""
    if path.suffix != ".safetensors":
        return False
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length <= HEADER else {}
    except (OSError, ValueError, struct.error):
        return False
    return isinstance(header, dict) and "glassbook.vector" in (header.get("__metadata__") or {})


@router.post("/api/v1/steer")
async def steer(request: Request, settings: Settings) -> dict[str, Any]:
    """Steer: every prompt continued plainly and steered, with effect and damage."""
    return {**await call_model_server(request, "steer", **settings.request()), "query": settings.query()}


@router.post("/api/v1/steer/keep")
async def keep(request: Request, body: Keep) -> dict[str, Any]:
    """Append the panel and its texts to a page, or begin a page with them.

    The texts are the model server's response to these settings, not what a browser sends.
    """
    answer = await call_model_server(request, "steer", **body.settings.request())
    nb = services(request).notebook
    page, new = await run_in_threadpool(lambda: append(nb, body.page, section(nb, body.settings, answer)))
    last = page.outline().sections[-1]
    return {"id": page.id, "title": page.title, "new": new, "url": page_url(page.id, last.slug)}


def append(nb: Notebook, name: str, text: str) -> tuple[Page, bool]:
    """Add a section to the end of a page, or to a new one.

    Returns:
        the page, and whether it is new.

    Raises:
        GlassbookError: the page cannot be written, or changes faster than it can be read.
    """
    ident = nb.index.resolve(name)
    if ident is None:
        title = " ".join(name.split())
        return nb.write(Page.new(title, f"\n{text}", id=slug(title) or "steering")), True
    for last in (False, False, True):
        page = nb.page(ident)
        # Whatever somebody else wrote meanwhile stays: the section goes below it.
        page.body = f"{page.body.rstrip()}\n\n{_closed(page.body)}{text}"
        try:
            return nb.write(page), False
        except GlassbookError:
            if last or nb.page(ident).source == page.source:
                raise
    raise AssertionError("the last attempt returns or raises")


def _closed(body: str) -> str:
    """The fence that a body left open, "" if none is: without it the section would be code."""
    probe = "the-end-of-this-page"
    for fence in ("", "```\n\n", "~~~\n\n"):
        if read_markdown(f"{body.rstrip()}\n\n{fence}# {probe}\n").sections[-1].title == probe:
            return fence
    return ""
