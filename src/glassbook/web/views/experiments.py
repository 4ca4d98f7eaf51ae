"""Experiments: cards of all experiments, and the page of one with its claims, its settings form and its newest runs."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse, Response

from glassbook import experiments
from glassbook.experiments import forms
from glassbook.experiments.verdicts import tally, verdict_to_json
from glassbook.web.api.serializers import json_response, row_data
from glassbook.web.render.blocks import verdicts_of
from glassbook.web.services import Services, services_of
from glassbook.web.templating import respond

router = APIRouter()
Name = Annotated[str, Path(max_length=200, description="name of an experiment")]
SHOWN = 20
"""Runs shown on an experiment's page."""


def _terms(services: Services, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The experiment's terms with the pages that explain them (None where there is none)."""
    return [{"name": name, "page": services.notebook.index.resolve(name)} for name in names]


def _card(services: Services, name: str) -> dict[str, Any]:
    question, terms, source = experiments.summary(name)
    newest = services.notebook.index.run_table(experiment=name, limit=1)
    return {
        "name": name,
        "question": question,
        "source": source,
        "terms": _terms(services, terms),
        "verdicts": tally(verdicts_of(services, name)),
        "runs": newest.total,
        "newest": newest.rows[0] if newest.rows else None,
    }


@router.get("/api/v1/experiments")
def list_experiments(request: Request) -> Response:
    """Every installed experiment, with how many of its claims hold; under `broken`, why others cannot be used."""
    kinds, broken = experiments.working()
    cards = [_card(services_of(request), name) for name in kinds]
    details = [{**card, "newest": card["newest"] and row_data(card["newest"])} for card in cards]
    return json_response({"experiments": details, "broken": broken})


@router.get("/experiments", include_in_schema=False)
def experiments_page(request: Request) -> HTMLResponse:
    kinds, broken = experiments.working()
    cards = [_card(services_of(request), name) for name in kinds]
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


def _details(services: Services, name: str) -> dict[str, Any]:
    kind = experiments.find(name)
    nb, quick = services.notebook, kind.quick()
    table = nb.index.run_table(experiment=name, limit=SHOWN)
    links = {link.id: link for term in kind.terms for link in nb.index.backlinks(term)}
    return {
        "name": name,
        "doc": inspect.getdoc(kind) or "",
        "source": kind.source,
        "terms": _terms(services, kind.terms),
        "fields": [_setting(field, getattr(quick, field.name)) for field in forms.fields(kind)],
        "verdicts": verdicts_of(services, name),
        "runs": table.rows,
        "total": table.total,
        "mentions": sorted(links.values(), key=lambda link: link.title.casefold()),
    }


@router.get("/api/v1/experiments/{name}")
def experiment_json(request: Request, name: Name) -> Response:
    """An experiment: its settings with their types and choices, its claims with verdicts, its newest runs."""
    details = _details(services_of(request), name)
    plain = {
        "verdicts": [verdict_to_json(verdict) for verdict in details["verdicts"]],
        "runs": [row_data(row) for row in details["runs"]],
        "mentions": [{"id": link.id, "title": link.title} for link in details["mentions"]],
    }
    return json_response({**details, **plain})


@router.get("/x/{name}", include_in_schema=False)
def experiment_page(request: Request, name: Name) -> HTMLResponse:
    services = services_of(request)
    gpus = len(services.supervisor.gpus) if services.supervisor else 0
    return respond(request, "experiment.html", title=name, gpus=gpus, **_details(services, name))
