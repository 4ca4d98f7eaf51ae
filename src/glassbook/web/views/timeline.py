"""Timeline: dated pages and runs by day, newest first; then the sessions without a date, by course."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from glassbook.assets.policy import moments
from glassbook.errors import GlassbookError
from glassbook.notebook import Page
from glassbook.web.api.responses import json_response
from glassbook.web.render.markdown import page_url
from glassbook.web.services import Services, services_of
from glassbook.web.templating import respond

router = APIRouter(tags=["pages"])
DAYS = 60
"""Days on one page of the timeline."""
UNDATED = 500
"""Sessions without a date that are shown."""
CHUNK = 500
"""Runs read from the index at a time."""

Before = Annotated[
    str, Query(pattern=r"^(\d{4}(-\d{2}(-\d{2})?)?)?$", description="only days before this one (YYYY-MM-DD)")
]


def _timeline(services: Services, before: str) -> dict[str, Any]:
    """Days, newest first, with pages, runs, moments; `older` is the `before` of the next part, "" if there is none."""
    pages: dict[str, list[dict[str, Any]]] = {}
    for moment in services.notebook.index.timeline(before=before, days=DAYS + 1):
        entry = {"id": moment.id, "title": moment.title, "kind": moment.kind, "url": page_url(moment.id)}
        pages.setdefault(moment.day, []).append(entry)
    runs = _runs(services, before)
    dated: dict[str, list[dict[str, Any]]] = {}
    for moment in moments():
        if not before or moment.day < before:
            dated.setdefault(moment.day, []).append(asdict(moment))
    days = sorted({*pages, *runs, *dated}, reverse=True)
    shown = days[:DAYS]
    entries = [
        {
            "day": day,
            "label": day_label(day),
            "pages": pages.get(day, []),
            "runs": _by_experiment(runs.get(day, [])),
            "moments": dated.get(day, []),
        }
        for day in shown
    ]
    undated = [] if before else _undated(services)
    return {"days": entries, "before": before, "older": shown[-1] if len(days) > DAYS else "", "undated": undated}


def _undated(services: Services) -> list[dict[str, Any]]:
    """Sessions without a date: courses in the order of their source, the sessions of each from the last to the first.

    What course and which session a page is of stand in its front matter (`course`, `session`), as imports write them.
    """
    nb = services.notebook
    courses: dict[tuple[str, str], list[tuple[int, int, Page]]] = {}
    for path in nb.index.undated("session", UNDATED):
        try:
            page = nb.page_in(path)
        except GlassbookError:
            continue  # deleted since the index was read
        said = page.extra
        course = (str(said.get("source") or ""), str(said.get("course") or ""))
        courses.setdefault(course, []).append((_number(said.get("session")), _number(said.get("line")), page))
    out = []
    for (source, course), sessions in sorted(courses.items(), key=lambda one: (one[0][0], min(s[1] for s in one[1]))):
        ordered = sorted(sessions, key=lambda session: (-session[0], session[1], session[2].title))
        pages = [{"id": page.id, "title": page.title, "url": page_url(nb.index.address(page))} for *_, page in ordered]
        out.append({"source": source, "course": course, "pages": pages})
    return out


def _number(value: Any) -> int:
    """The number that front matter gives, the last of several; 0 if it gives none."""
    numbers = [n for n in (value if isinstance(value, list) else [value]) if isinstance(n, int)]
    return max(numbers, default=0)


def _runs(services: Services, before: str) -> dict[str, list[Any]]:
    """The newest runs by the day on which they started, for one day more than is shown."""
    found: dict[str, list[Any]] = {}
    offset = 0
    while len(found) <= DAYS:
        rows = services.notebook.index.run_table(order="started", descending=True, limit=CHUNK, offset=offset).rows
        for row in rows:
            day = row.started.astimezone().date().isoformat()
            if not before or day < before:
                found.setdefault(day, []).append(row)
        if len(rows) < CHUNK:
            break
        offset += CHUNK
    return {day: found[day] for day in sorted(found, reverse=True)[: DAYS + 1]}


def _by_experiment(runs: list[Any]) -> list[dict[str, Any]]:
    """A day's runs by experiment: the count of each status, and the id of the newest."""
    out = []
    for name in dict.fromkeys(run.experiment for run in runs):
        mine = [run for run in runs if run.experiment == name]
        counts = dict(Counter(run.status for run in mine))
        out.append({"experiment": name, "count": len(mine), "states": counts, "run": mine[0].id})
    return out


def day_label(day: str) -> str:
    """A date in words: "21 November 2025", "November 2025", "2025"."""
    match = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", day)
    if match is None:
        return day
    year, month, in_month = match.groups()
    try:
        when = date(int(year), int(month or 1), int(in_month or 1))
    except ValueError:
        return day
    if in_month:
        return f"{when.day} {when:%B} {year}"
    return f"{when:%B} {year}" if month else year


@router.get("/api/v1/timeline")
def timeline_json(request: Request, before: Before = "") -> Response:
    """Days, newest first, with dated pages, runs by experiment, risk awareness moments; undated sessions by course."""
    return json_response(_timeline(services_of(request), before))


@router.get("/timeline", include_in_schema=False)
def timeline_page(request: Request, before: Before = "") -> Response:
    return respond(request, "timeline.html", title="Timeline", **_timeline(services_of(request), before))
