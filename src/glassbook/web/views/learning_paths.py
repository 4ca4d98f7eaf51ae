"""Learning paths as JSON: where each stands, and marking a step."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from glassbook.notebook.pages.learning_path import LearningPath
from glassbook.web.api.responses import json_response
from glassbook.web.learning_paths import current_paths, find_paths, set_step, shown
from glassbook.web.render.markdown import page_url
from glassbook.web.services import services_of
from glassbook.web.templating import render

router = APIRouter(tags=["pages"])
Number = Annotated[int, Field(ge=1, le=10_000, description="from 1")]


class MarkedStep(BaseModel):
    """A step of a path, and whether it is done."""

    path: Annotated[str, Field(max_length=1000, description="title of the path")]
    level: Number
    step: Number
    text: Annotated[str, Field(max_length=10_000, description="the step's text, so that no other one is marked")]
    done: bool
    cover: Annotated[bool, Field(description="whether `html` is wanted as the cover shows it")] = False


def _path_data(path: LearningPath) -> dict[str, Any]:
    levels = [
        {"level": level.name, "steps": [{"text": step.text, "done": step.done} for step in level.steps]}
        for level in path.levels
    ]
    at = path.current.number if path.current else None
    return {"title": path.title, "guide": path.guide, "current": at, "done": path.done, "levels": levels}


@router.get("/api/v1/paths")
def list_paths(request: Request) -> Response:
    """All learning paths, with their levels and steps; `current` is the number of the first level that is not done."""
    notebook = services_of(request).notebook
    found = find_paths(notebook)
    return json_response(
        {"paths": [{**_path_data(each.path), "url": page_url(notebook.index.address(each.page))} for each in found]}
    )


@router.post("/api/v1/paths/step", responses={409: {"description": "the path has changed"}})
def mark_step(request: Request, marked: MarkedStep) -> Response:
    """Mark a step as done today, or as not done: one line of its page changes. `html` shows the path as it is now."""
    notebook = services_of(request).notebook
    path = set_step(notebook, marked.path, marked.level, marked.step, marked.text, marked.done)
    if marked.cover:
        paths = [each for each in current_paths(notebook) if each["path"] == path]
        html = render("learning_paths.html", paths=paths)
    else:
        html = render("blocks/path.html", **shown(notebook, path))
    return json_response({**_path_data(path), "html": html})
