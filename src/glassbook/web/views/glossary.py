"""Glossary: terms from high level to low, each with its first sentence and the verdicts of its experiments."""

from __future__ import annotations

import functools
import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from starlette.responses import Response

from glassbook import experiments
from glassbook.errors import GlassbookError
from glassbook.experiments.verdicts import tally
from glassbook.notebook import InlineValue, LiveBlock, Notebook
from glassbook.web.api.responses import json_response
from glassbook.web.render.blocks import show_live
from glassbook.web.render.links import Links
from glassbook.web.render.markdown import Rendered, page_url, render_markdown
from glassbook.web.services import Services, services_of
from glassbook.web.templating import respond
from glassbook.web.views.pages import find_page

router = APIRouter(tags=["pages"])
PER_PAGE = 200
MAX_LENGTH = 320
"""Characters of a first sentence; a longer one is cut at a word."""
CACHE_SIZE = 4000
"""Rendered first sentences in memory."""
_SENTENCE = re.compile(r".*?[.!?]+[)\]\"'”’*_]*(?=\s|$)(?!\s+[a-z])", re.S)
_SHORTENED = re.compile(r"(?:\b(?:e\.g|i\.e|etc|cf|vs|al|Fig|Eq|Sec)|\b[A-Z])\.$")


def first_sentence(body: str) -> str:
    """The first sentence of the first paragraph, as Markdown; "" if there is no paragraph."""
    paragraph = _first_paragraph(body)
    text, end = "", 0
    for match in _SENTENCE.finditer(paragraph):
        text, end = paragraph[: match.end()], match.end()
        # A point inside mathematics, code or a link ends nothing.
        whole = text.count("$") % 2 == 0 and text.count("`") % 2 == 0 and text.count("[[") == text.count("]]")
        if whole and not _SHORTENED.search(text):
            break
    text = (text if end else paragraph).strip()
    if len(text) <= MAX_LENGTH or "$" in text:
        return text
    return text[:MAX_LENGTH].rsplit(" ", 1)[0] + " …"


def _first_paragraph(body: str) -> str:
    lines: list[str] = []
    fence = ""
    for line in body.replace("\r\n", "\n").split("\n"):
        bare = line.strip()
        if bare.startswith(("```", "~~~")):
            fence = "" if fence and bare.startswith(fence) else fence or bare[:3]
            continue
        if fence or bare.startswith(("#", "|", "<", "!", "---", "$$")):
            if lines:
                break
            continue
        if not bare:
            if lines:
                break
            continue
        lines.append(re.sub(r"^(?:[-*+>]|\d+[.)])\s+", "", bare))
    return " ".join(lines)


def _sentence(services: Services, row: Any) -> Markup:
    """The first sentence of a page as HTML; its file is read once per version."""
    links = Links(services.notebook, row.path)
    rendered = _rendered_sentence(services.notebook, row.id, row.modified)

    def show(piece: LiveBlock | InlineValue) -> Markup:
        return show_live(services, piece) if isinstance(piece, InlineValue) else Markup("")

    return rendered.html(links.link, show, links.place)


@functools.lru_cache(CACHE_SIZE)
def _rendered_sentence(notebook: Notebook, ident: str, modified: datetime) -> Rendered:
    return render_markdown(first_sentence(find_page(notebook, ident).body[:20_000]))


def evidence_by_term(services: Services) -> dict[str, list[dict[str, Any]]]:
    """For the id of each term's page: its experiments, with how many of their claims are in each state."""
    found: dict[str, list[dict[str, Any]]] = {}
    for standing in services.verdicts.board():
        terms = experiments.summary(standing.experiment)[1] if standing.installed else ()
        entry = {"experiment": standing.experiment, "claims": tally(standing.verdicts)}
        for ident in dict.fromkeys(filter(None, map(services.notebook.index.resolve, terms))):
            found.setdefault(ident, []).append(entry)
    return found


def _terms(services: Services, part: int) -> dict[str, Any]:
    nb = services.notebook
    total = nb.index.page_count("term")
    rows = nb.index.page_rows("term", order="level", limit=PER_PAGE, offset=(part - 1) * PER_PAGE)
    evidence = evidence_by_term(services)
    terms = []
    for row in rows:
        try:
            sentence = _sentence(services, row)
        except GlassbookError:
            continue  # deleted since the index was read
        terms.append(
            {
                "id": row.id,
                "title": row.title,
                "level": row.level,
                "aliases": list(row.aliases),
                "url": page_url(row.id),
                "sentence": sentence,
                "evidence": evidence.get(row.id, []),
            }
        )
    return {"terms": terms, "total": total, "part": part, "parts": max(1, -(-total // PER_PAGE))}


Part = Annotated[int, Query(ge=1, le=1_000_000, description="page of the list, from 1")]


@router.get("/api/v1/glossary")
def glossary_json(request: Request, page: Part = 1) -> Response:
    """Terms from high level to low, those without a level last; `sentence` is HTML, `evidence` counts verdicts."""
    data = _terms(services_of(request), page)
    return json_response({**data, "terms": [{**term, "sentence": str(term["sentence"])} for term in data["terms"]]})


@router.get("/glossary", include_in_schema=False)
def glossary_page(request: Request, page: Part = 1) -> Response:
    return respond(request, "glossary.html", title="Glossary", **_terms(services_of(request), page))
