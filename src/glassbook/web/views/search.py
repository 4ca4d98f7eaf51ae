"""Search: full text over pages, runs, claims, experiments and features; name completion; semantic search.

Full text and completion come from the notebook's index; semantic search (static/js/semantic_search.js) comes from the
model server.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from glassbook.notebook import Hit
from glassbook.semantic_search import has_model
from glassbook.web.api.responses import json_response
from glassbook.web.render.links import address_of
from glassbook.web.render.markdown import page_url
from glassbook.web.services import Services, services_of
from glassbook.web.templating import respond

router = APIRouter(tags=["search"])
KINDS = {"page": "Pages", "experiment": "Experiments", "claim": "Claims", "run": "Runs", "feature": "Features"}
"""Kinds of hits, with their headings."""
Kind = Literal["", "page", "experiment", "claim", "run", "feature"]
Words = Annotated[
    str, Query(max_length=1000, description="words, or phrases in quotes; the last word also matches as a prefix")
]
MAX_HITS = 40
MAX_NAME, HINT = 300, 120
"""Characters of a query that are taken for the prefix of a name, and of a text that is shown beside a title."""


def _found(services: Services, text: str, kind: Kind, limit: int) -> list[Hit]:
    return services.notebook.index.search(text, limit, [kind] if kind else None) if text.strip() else []


def hit_data(hit: Hit) -> dict[str, Any]:
    """A hit as JSON; `excerpt` is a list of [text, whether it matches] pairs."""
    return {**asdict(hit), "text": hit.text, "url": address_of(hit.kind, hit.id, hit.section)}


@router.get("/api/v1/search")
def search_json(
    request: Request,
    q: Words = "",
    kind: Annotated[Kind, Query(description="only things of this kind")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """Pages (at the section that matches best), runs, claims, experiments and features that hold all the words."""
    return json_response({"q": q, "hits": [hit_data(hit) for hit in _found(services_of(request), q, kind, limit)]})


@router.get("/api/v1/find")
def find_json(request: Request, q: Words = "", limit: Annotated[int, Query(ge=1, le=50)] = 12) -> Response:
    """What a search box offers while somebody types: names with this prefix, then what holds all the words.

    Of each its kind, title, URL and a hint: what else tells it apart, or the text that was found. `near` marks what
    holds words spelled alike instead.
    """
    index = services_of(request).notebook.index
    if not q.strip():
        return json_response({"q": q, "found": []})
    names = [
        {"kind": s.kind, "title": s.title, "hint": s.hint, "url": address_of(s.kind, s.id), "near": False}
        for s in index.complete(q[:MAX_NAME], limit // 2)
    ]
    hits = [
        {
            "kind": hit.kind,
            "title": f"{hit.title} § {hit.heading}" if hit.heading and hit.heading != hit.title else hit.title,
            "hint": hit.text[:HINT],
            "url": address_of(hit.kind, hit.id, hit.section),
            "near": hit.near,
        }
        for hit in index.search(q, limit)
    ]
    found: dict[Any, dict[str, Any]] = {}
    for entry in [*names, *hits]:
        found.setdefault(entry["url"], entry)
    return json_response({"q": q, "found": list(found.values())[:limit]})


@router.get("/search", include_in_schema=False)
def search_page(request: Request, q: Words = "", kind: Kind = "") -> Response:
    hits = _found(services_of(request), q, kind, MAX_HITS)
    # The kind of the best match comes first.
    groups = [
        (name, KINDS[name], [(hit, address_of(hit.kind, hit.id, hit.section)) for hit in hits if hit.kind == name])
        for name in dict.fromkeys(hit.kind for hit in hits)
    ]
    title = f"Search: {q}" if q else "Search"
    names: dict[str, Any] = {"kinds": KINDS, "groups": groups, "shown": MAX_HITS}
    semantic = has_model(services_of(request).notebook)
    return respond(request, "search.html", title=title, searched=q, kind=kind, semantic=semantic, **names)


class SemanticQuery(BaseModel):
    """A query of the semantic search."""

    q: Annotated[str, Field(min_length=1, max_length=1000, description="a question, or a few words")]
    limit: Annotated[int, Field(ge=1, le=50, description="maximum number of pages")] = 10


@router.post("/api/v1/search/semantic")
async def semantic_search(request: Request, query: SemanticQuery) -> Response:
    """The pages nearest in meaning, each at its best section; needs `embedding = "FOLDER"` in glassbook.toml."""
    # Not cached: pages change.
    result = await services_of(request).model_server.call("similar", text=query.q, limit=query.limit)
    found = [{**match, "url": page_url(match["id"], match["section"])} for match in result["found"]]
    return json_response({"q": query.q, "found": found})


@router.get("/api/v1/complete")
def complete(
    request: Request,
    q: Annotated[str, Query(max_length=300, description="the prefix of a name")] = "",
    kind: Annotated[str, Query(max_length=20, description="only things of this kind")] = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Response:
    """Names with this prefix: titles and aliases of pages, tags, experiments. `link` is what to write in [[...]]."""
    nb = services_of(request).notebook
    if not q.strip():
        return json_response({"suggestions": []})
    found = nb.index.complete(q, limit * 3 if kind else limit)
    suggestions = [
        {"kind": s.kind, "id": s.id, "title": s.title, "hint": s.hint, "url": address_of(s.kind, s.id)}
        for s in [s for s in found if kind in ("", s.kind)][:limit]
    ]
    for entry in suggestions:
        if entry["kind"] == "page":
            entry["link"] = _link_text(services_of(request), entry["id"], entry["title"])
    return json_response({"suggestions": suggestions})


def _link_text(services: Services, ident: str, title: str) -> str:
    """The title if it resolves to this page and is valid in a wikilink; else the id."""
    fits = title and not any(sign in title for sign in "[]|#\n")
    return title if fits and services.notebook.index.resolve(title) == ident else ident
