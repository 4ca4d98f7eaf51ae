"""Link graph of the pages: the neighbourhood of one page, or the notebook's highest-level pages.

The layout is computed in the browser (static/js/graph.js).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from glassbook.notebook.pages.page import LONGEST_NAME
from glassbook.web.api.responses import json_response
from glassbook.web.render.markdown import page_url
from glassbook.web.services import Services, services_of
from glassbook.web.templating import respond
from glassbook.web.views.pages import find_page

router = APIRouter(tags=["pages"])
MAX_NEIGHBOURS, MAX_PAGES = 60, 300
"""Nodes of the neighbourhood graph and of the whole one; more could not be read."""

Name = Annotated[str, Query(max_length=LONGEST_NAME, description="a page; default: the whole notebook")]
Depth = Annotated[int, Query(ge=1, le=2, description="how many links away from the page")]


def _graph(services: Services, name: str, depth: int) -> dict[str, Any]:
    """Nodes (URL, kind, number of links within the graph) and edges (pairs of ids)."""
    nb = services.notebook
    if name:
        page = find_page(services.notebook, name)
        graph = nb.index.graph(page, depth=depth, limit=MAX_NEIGHBOURS)
        nodes, edges, centre = list(graph.nodes), list(graph.edges), nb.index.address(page)
        total = len(nodes)
    else:
        rows = nb.index.page_rows(order="level", limit=MAX_PAGES)
        shown = {row.id for row in rows}
        nodes, centre, total = [(row.id, row.title, row.kind) for row in rows], "", nb.index.page_count()
        edges = [
            (row.id, target)
            for row in rows
            for target in dict.fromkeys(ident for _, ident in nb.index.links(row.path))
            if target in shown and target != row.id
        ]
    return {"page": centre, "depth": depth, "total": total, "edges": edges, "nodes": _with_neighbours(nodes, edges)}


def _with_neighbours(nodes: list[tuple[str, str, str]], edges: list[tuple[str, str]]) -> list[dict[str, Any]]:
    neighbours: dict[str, set[str]] = {ident: set() for ident, _, _ in nodes}
    for source, target in edges:
        if source in neighbours and target in neighbours and source != target:
            neighbours[source].add(target)
            neighbours[target].add(source)
    return [
        {"id": ident, "title": title, "kind": kind, "url": page_url(ident), "links": len(neighbours[ident])}
        for ident, title, kind in nodes
    ]


@router.get("/api/v1/graph")
def graph_json(request: Request, page: Name = "", depth: Depth = 1) -> Response:
    """Pages and the links between them: around one page, or (without `page`) those of the highest levels."""
    return json_response(_graph(services_of(request), page, depth))


@router.get("/graph", include_in_schema=False)
def graph_page(request: Request, page: Name = "", depth: Depth = 1) -> Response:
    graph = _graph(services_of(request), page, depth)
    title = next((node["title"] for node in graph["nodes"] if node["id"] == graph["page"]), "")
    return respond(request, "graph.html", title=f"Graph of {title}" if title else "Graph", centre=title, graph=graph)
