"""Contents page of an import: the pages that a text became, in its author's order, and the words between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from glassbook.notebook.importing.plan import Plan, PlannedPage, place, title_of_file

_GROUPS = {"paper": "Papers and talks", "talk": "Papers and talks", "term": "Terms", "note": "Notes"}


def with_contents(plan: Plan) -> Plan:
    """The plan with a page of contents, if it makes several pages of the lines of one text."""
    parts = [page for page in plan.pages if page.lines and not page.rest]
    if len(parts) < 2 or any(page.rest for page in plan.pages):
        return plan
    taken = {page.path for page in plan.pages}
    title = title_of_file(plan.name)
    page = PlannedPage(place("note", title, taken), title, "note", parts[0].source, rest=True)
    return replace(plan, pages=(page, *plan.pages))


def contents(rest: PlannedPage, parts: Sequence[PlannedPage], link: Callable[[PlannedPage], str]) -> str:
    """The body of the page of contents.

    Args:
        rest: the page that takes the lines which belong to none of the others; they stay as they are.
        parts: the other pages of the same text.
        link: what stands for one of them.
    """
    lines = [line for line in rest.body.split("\n") if line.strip()]
    pieces = [(number, "", line) for number, line in zip(rest.lines, lines, strict=True)]
    courses = {page.front.get("course") for page in parts if page.kind == "session"}
    for page in parts:
        group = _GROUPS.get(page.kind, "Notes")
        if page.kind == "session":
            group = f"Course {page.front.get('course')}" if len(courses) > 1 else "Sessions"
        pieces.append((page.lines[0], group, f"- {link(page)}"))
    out: list[str] = []
    now = before = ""
    for _, group, text in sorted(pieces):
        if group and group != now:
            out += ["", f"## {group}", ""]
            now = group
        elif not (group and before):
            out.append("")
        out.append(text)
        before = group
    return "\n".join(out).strip("\n") + "\n"


def label(title: str) -> str:
    """A title as the label of a link can hold it."""
    return re.sub(r"\s*\|\s*", ", ", title.replace("[", "(").replace("]", ")"))
