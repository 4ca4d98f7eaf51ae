"""Import page: a file is dropped or chosen, its plan is looked at, and then it becomes pages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from glassbook.errors import GlassbookError
from glassbook.notebook import InlineValue, LiveBlock
from glassbook.notebook.importing import Choice
from glassbook.notebook.importing.archive import ENDINGS
from glassbook.notebook.importing.arranging import Action
from glassbook.notebook.importing.plan import shortened
from glassbook.notebook.importing.reading import READERS
from glassbook.notebook.pages.page import KINDS
from glassbook.web.api.responses import json_response
from glassbook.web.incoming import drop, planned, receive
from glassbook.web.render.links import Links
from glassbook.web.render.markdown import page_url, render_markdown
from glassbook.web.security import LARGEST
from glassbook.web.services import Services, services_of
from glassbook.web.templating import respond

router = APIRouter(tags=["pages"])
SHOWN = 20_000
"""Characters of each text that are shown side by side."""

Token = Annotated[str, Field(max_length=32)]
Name = Annotated[str, Query(max_length=400, description="the file's name; its ending says what it is")]
Kind = Annotated[str, Query(max_length=20, description="of the pages that do not say theirs")]
Where = Annotated[str, Query(max_length=1000, description="`path` of the planned page")]
Target = Annotated[str, Query(max_length=1000, description="file of the page beside it; the one that it joins")]


class Decision(BaseModel):
    """What one planned page becomes."""

    action: Action
    target: Annotated[str, Field(max_length=1000, description="file of the page that it joins")] = ""


class Agreed(BaseModel):
    """The plan as its reader wants it."""

    kind: Annotated[str, Field(max_length=20)] = ""
    links: bool = True
    choices: Annotated[dict[str, Decision], Field(max_length=100_000)] = {}


@router.get("/import", include_in_schema=False)
def import_page(request: Request) -> Response:
    endings = [*READERS, *ENDINGS]
    return respond(request, "import.html", title="Import", endings=endings, largest=LARGEST >> 20, kinds=KINDS)


@router.post("/api/v1/imports", status_code=201)
async def receive_import(request: Request, name: Name) -> Response:
    """Receive a file (the request's body) and plan its import; nothing of the notebook changes."""
    services, data = services_of(request), await request.body()

    def plan_it() -> dict[str, Any]:
        token = receive(services.notebook, name, data)
        try:
            return _arranged(services, token, "")
        except GlassbookError:
            drop(services.notebook, token)
            raise

    return json_response(await run_in_threadpool(plan_it), 201)


@router.get("/api/v1/imports/{token}")
def read_import(request: Request, token: Token, kind: Kind = "") -> Response:
    """The plan for a file that was received: its pages, what each joins, links, and what is left out."""
    return json_response(_arranged(services_of(request), token, kind))


def _arranged(services: Services, token: str, kind: str) -> dict[str, Any]:
    fitted = planned(services.notebook, token).arrange(services.notebook, kind)
    return {"token": token, **fitted.to_data()}


@router.get("/api/v1/imports/{token}/page")
def read_import_page(request: Request, token: Token, path: Where, target: Target = "", kind: Kind = "") -> Response:
    """One planned page as HTML, `mine`, and the page beside it, `theirs`."""
    services = services_of(request)
    nb = services.notebook
    choices = {path: Choice("join", target) if target else Choice("own")}
    item = next(item for item in planned(nb, token).arrange(nb, kind, "own", choices).pages if item.page.path == path)
    body = item.words(links=True) if item.page.copy is None else item.page.copy.decode("utf-8", "replace")
    data = {"mine": _html(services, body, f"pages/{path}"), "theirs": None}
    if item.joined:
        there = nb.page_in(item.joined.path)
        data["theirs"] = _html(services, there.body, item.joined.path)
    return json_response(data)


def _html(services: Services, body: str, path: str) -> str:
    """The beginning of a text as HTML; live blocks stand there as their names, for nothing is to be looked up yet."""
    text = body[:SHOWN] + ("\n\n..." if len(body) > SHOWN else "")

    def show(piece: LiveBlock | InlineValue) -> Markup:
        return Markup("<code>{}</code>").format(piece.kind or "live block")

    links = Links(services.notebook, path)
    return str(render_markdown(text).html(links.link, show, links.place))


@router.post("/api/v1/imports/{token}")
def apply_import(request: Request, token: Token, agreed: Agreed) -> Response:
    """Make the pages, all or none of them, and forget the file."""
    nb = services_of(request).notebook
    choices = {path: Choice(said.action, said.target) for path, said in agreed.choices.items()}
    fitted = planned(nb, token).arrange(nb, agreed.kind, choices=choices)
    report = fitted.apply(links=agreed.links)
    drop(nb, token)
    changed = [*report.made, *report.updated, *report.joined.values()]
    nb.index.touch([f"pages/{path}" for path in changed])
    contents = [item.page.path for item in fitted.pages if item.page.rest]
    first = next(iter([*contents, *changed, *report.same]), "")
    made = {shortened(path, 20): page_url(path.removesuffix(".md")) for path in (report.made + report.updated)[:100]}
    joined = {path: page_url(path.removesuffix(".md")) for path in dict.fromkeys(report.joined.values())}
    assert report.file is not None
    data = report.to_data() | {"report": report.file.relative_to(nb.folder).as_posix()}
    return json_response({**data, "pages": made | joined, "first": first and page_url(first.removesuffix(".md"))})


@router.delete("/api/v1/imports/{token}")
def drop_import(request: Request, token: Token) -> Response:
    """Forget a file that was received."""
    drop(services_of(request).notebook, token)
    return json_response({"dropped": token})
