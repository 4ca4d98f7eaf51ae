"""Experiments: what can be run, with which settings, and what its claims say."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse, Response

from glassbook import experiments
from glassbook.experiments import forms
from glassbook.experiments.verdicts import tally, verdict_to_json
from glassbook.web.api.serializers import answer, row_data
from glassbook.web.render.blocks import judged
from glassbook.web.services import Services, services
from glassbook.web.templating import respond

router = APIRouter()
Name = Annotated[str, Path(max_length=200, description="name of an experiment")]
SHOWN = 20
"""Runs shown on an experiment's page."""


def _terms(known: Services, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The experiment's terms with the pages that explain them (None where there is none)."""
    return [{"name": name, "page": known.notebook.index.resolve(name)} for name in names]


def _card(known: Services, name: str) -> dict[str, Any]:
    question, terms, source = experiments.summary(name)
    newest = known.notebook.index.run_table(experiment=name, limit=1)
    return {
        "name": name,
        "question": question,
        "source": source,
        "terms": _terms(known, terms),
        "verdicts": tally(judged(known, name)),
        "runs": newest.total,
        "newest": newest.rows[0] if newest.rows else None,
    }


@router.get("/api/v1/experiments")
def list_experiments(request: Request) -> Response:
    """Every installed experiment, with how many of its claims hold; under `broken`, why others cannot be used."""
    kinds, broken = experiments.working()
    cards = [_card(services(request), name) for name in kinds]
    told = [{**card, "newest": card["newest"] and row_data(card["newest"])} for card in cards]
    return answer({"experiments": told, "broken": broken})


@router.get("/experiments", include_in_schema=False)
def experiments_page(request: Request) -> HTMLResponse:
    """Every installed experiment as a card."""
    kinds, broken = experiments.working()
    cards = [_card(services(request), name) for name in kinds]
    return respond(request, "experiments.html", title="Experiments", cards=cards, broken=broken)


def _setting(field: forms.Field, quick: Any) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": field.type,
        "doc": field.doc,
        "text": field.text,
        "quick": field.to_text(quick),
        "choices": list(field.choices),
        "optional": field.optional,
        "wants": field.wants,
    }


def _told(known: Services, name: str) -> dict[str, Any]:
    kind = experiments.find(name)
    nb, quick = known.notebook, kind.quick()
    table = nb.index.run_table(experiment=name, limit=SHOWN)
    links = {link.id: link for term in kind.terms for link in nb.index.backlinks(term)}
    return {
        "name": name,
        "doc": inspect.getdoc(kind) or "",
        "source": kind.source,
        "terms": _terms(known, kind.terms),
        "fields": [_setting(field, getattr(quick, field.name)) for field in forms.fields(kind)],
        "verdicts": judged(known, name),
        "runs": table.rows,
        "total": table.total,
        "mentions": sorted(links.values(), key=lambda link: link.title.casefold()),
    }


@router.get("/api/v1/experiments/{name}")
def experiment_json(request: Request, name: Name) -> Response:
    """An experiment: its settings with what may stand in them, its claims with verdicts, its newest runs."""
    told = _told(services(request), name)
    plain = {
        "verdicts": [verdict_to_json(verdict) for verdict in told["verdicts"]],
        "runs": [row_data(row) for row in told["runs"]],
        "mentions": [{"id": link.id, "title": link.title} for link in told["mentions"]],
    }
    return answer({**told, **plain})


@router.get("/x/{name}", include_in_schema=False)
def experiment_page(request: Request, name: Name) -> HTMLResponse:
    """An experiment: what it asks, a form to run it, what its runs say."""
    known = services(request)
    gpus = len(known.supervisor.gpus) if known.supervisor else 0
    return respond(request, "experiment.html", title=name, gpus=gpus, **_told(known, name))
