"""Jinja2 templates: an environment that escapes everything, and filters for numbers, durations and dates."""

from __future__ import annotations

import functools
import hashlib
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from glassbook import formatting
from glassbook.assets.reference import machine_of
from glassbook.experiments.evidence import settings_of
from glassbook.notebook.pages.page import KINDS
from glassbook.notebook.runs.compute import flop_by_kind
from glassbook.notebook.serialization import to_json, whole
from glassbook.web.services import services_of

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
ABSOLUTE_DATES: ContextVar[bool] = ContextVar("absolute_dates", default=False)
"""Whether `ago` gives dates: in an exported page "3 hours ago" would soon be wrong."""


@functools.cache
def environment() -> Environment:
    """The template environment; undefined names are errors."""
    env = Environment(
        loader=PackageLoader("glassbook.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"number": formatting.number, "flop": formatting.flop, "seconds": formatting.seconds}
    env.filters |= {"flop_by_kind": flop_by_kind}
    env.filters |= {"ago": ago, "moment": moment, "path": path_part}
    env.filters |= {"machine": machine_of, "settings": settings_of}
    env.globals |= {"static": static_url, "page_kinds": KINDS, "to_json": lambda value: to_json(value, what="the data")}
    return env


def render(template: str, **names: Any) -> str:
    return environment().get_template(template).render(**names)


def respond(request: Request, template: str, status: int = 200, **names: Any) -> HTMLResponse:
    """A template as an HTML response; every template gets `request`, `notebook` and `here` (the path)."""
    common = {
        "notebook": services_of(request).notebook,
        "here": request.url.path,
        "request": request,
    }
    # What a page shows may come from names that are not Unicode.
    return HTMLResponse(whole(render(template, **{**common, **names})), status)


def static_url(name: str) -> str:
    """URL of a static file, with a version that changes when the file does."""
    return f"/static/{name}?v={_digest(name)}"


@functools.lru_cache
def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]


def path_part(text: str) -> str:
    """Text escaped for the path of a URL; slashes stay, for ids may hold them."""
    return quote(whole(str(text)), safe="/")


def ago(when: datetime | None) -> str:
    """How long ago a moment was, or its date where the page is made to last."""
    if when is None:
        return ""
    return moment(when) if ABSOLUTE_DATES.get() else formatting.ago(when)


def moment(when: datetime | None) -> str:
    """A moment in the time of the machine, to the minute."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M") if when else ""
