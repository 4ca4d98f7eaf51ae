"""Search: everything at once, by kind, with the words found marked; and what is meant while it is typed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from glassbook.notebook import Hit
from glassbook.semantic_search import has_model
from glassbook.web.api.serializers import answer
from glassbook.web.render.links import address_of, url_of
from glassbook.web.render.markdown import page_url
from glassbook.web.services import Services, services
from glassbook.web.templating import respond

router = APIRouter(tags=["search"])
KINDS = {"page": "Pages", "experiment": "Experiments", "claim": "Claims", "run": "Runs", "feature": "Features"}
"""Kinds of things that are found, in the order in which they are shown."""
Kind = Literal["", "page", "experiment", "claim", "run", "feature"]
Words = Annotated[str, Query(max_length=1000, description="words, or a phrase in quotes; the last may be a beginning")]
SHOWN = 40


def _found(known: Services, text: str, kind: Kind, limit: int) -> list[Hit]:
    return known.notebook.search(text, limit, [kind] if kind else None) if text.strip() else []


def hit_data(hit: Hit) -> dict[str, Any]:
    """A hit as the API tells it; `excerpt` is [text, whether it was searched for] pairs."""
    return {
        "kind": hit.kind,
        "id": hit.id,
        "title": hit.title,
        "section": hit.section,
        "heading": hit.heading,
        "excerpt": [list(piece) for piece in hit.excerpt],
        "text": hit.text,
        "url": url_of(hit),
    }


@router.get("/api/v1/search")
def search_json(
    request: Request,
    q: Words = "",
    kind: Annotated[Kind, Query(description="only things of this kind")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """Pages (at the section that matches best), runs, claims, experiments and features that hold all the words."""
    return answer({"q": q, "hits": [hit_data(hit) for hit in _found(services(request), q, kind, limit)]})


@router.get("/search", include_in_schema=False)
def search_page(request: Request, q: Words = "", kind: Kind = "") -> Response:
    """What was found, by kind; the kind of the best match comes first."""
    hits = _found(services(request), q, kind, SHOWN)
    groups = [
        (found, KINDS[found], [(hit, url_of(hit)) for hit in hits if hit.kind == found]) for found in _order(hits)
    ]
    title = f"Search: {q}" if q else "Search"
    names: dict[str, Any] = {"kinds": KINDS, "groups": groups, "shown": SHOWN}
    meaning = has_model(services(request).notebook)
    return respond(request, "search.html", title=title, query=q, kind=kind, meaning=meaning, **names)


class Meant(BaseModel):
    """What is looked for by its meaning."""

    q: Annotated[str, Field(min_length=1, max_length=1000, description="a question, or a few words")]
    limit: Annotated[int, Field(ge=1, le=50, description="how many pages")] = 10


@router.post("/api/v1/search/meaning")
async def search_meaning(request: Request, meant: Meant) -> Response:
    """The pages nearest in meaning, each at the section that is; needs `embedding = "FOLDER"` in glassbook.toml."""
    # Not from memory: pages change.
    answered = await services(request).model_server.call("similar", text=meant.q, limit=meant.limit)
    found = [{**near, "url": page_url(near["id"], near["section"])} for near in answered["found"]]
    return answer({"q": meant.q, "found": found})


def _order(hits: list[Hit]) -> list[str]:
    return list(dict.fromkeys(hit.kind for hit in hits))


@router.get("/api/v1/complete")
def complete(
    request: Request,
    q: Annotated[str, Query(max_length=300, description="the beginning of a name")] = "",
    kind: Annotated[str, Query(max_length=20, description="only things of this kind")] = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Response:
    """Names that begin so: titles and aliases of pages, tags, experiments. `link` is what to write in [[...]]."""
    nb = services(request).notebook
    if not q.strip():
        return answer({"suggestions": []})
    found = nb.complete(q, limit * 3 if kind else limit)
    kept = [s for s in found if kind in ("", s.kind)][:limit]
    suggestions = [
        {"kind": s.kind, "id": s.id, "title": s.title, "hint": s.hint, "url": address_of(s.kind, s.id)} for s in kept
    ]
    for entry in suggestions:
        if entry["kind"] == "page":
            entry["link"] = _as_link(services(request), entry["id"], entry["title"])
    return answer({"suggestions": suggestions})


def _as_link(known: Services, ident: str, title: str) -> str:
    """The title where it means this page and can stand in a link; else the id."""
    fits = title and not any(sign in title for sign in "[]|#\n")
    return title if fits and known.notebook.resolve(title) == ident else ident
