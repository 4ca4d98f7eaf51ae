"""Experiments: cards of all experiments, and the page of one with its claims, its settings form and its newest runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse, Response

from glassbook import experiments
from glassbook.web.api.responses import json_response
from glassbook.web.api.serializers import (
    experiment_card,
    experiment_details,
    experiment_to_json,
    experiments_to_json,
)
from glassbook.web.services import services_of
from glassbook.web.templating import respond

router = APIRouter()
Name = Annotated[str, Path(max_length=200, description="name of an experiment")]


@router.get("/api/v1/experiments")
def list_experiments(request: Request) -> Response:
    """Every installed experiment, with how many of its claims hold; under `broken`, why others cannot be used."""
    services = services_of(request)
    return json_response(experiments_to_json(services.notebook, services.verdicts.of))


@router.get("/experiments", include_in_schema=False)
def experiments_page(request: Request) -> HTMLResponse:
    services = services_of(request)
    kinds, broken = experiments.working()
    cards = [experiment_card(services.notebook, name, services.verdicts.of(name)) for name in kinds]
    return respond(request, "experiments.html", title="Experiments", cards=cards, broken=broken)


@router.get("/api/v1/experiments/{name}")
def experiment_json(request: Request, name: Name) -> Response:
    """An experiment: its settings with their types and choices, its claims with verdicts, its newest runs."""
    services = services_of(request)
    return json_response(experiment_to_json(services.notebook, name, services.verdicts.of(name)))


@router.get("/x/{name}", include_in_schema=False)
def experiment_page(request: Request, name: Name) -> HTMLResponse:
    services = services_of(request)
    gpus = len(services.supervisor.gpus) if services.supervisor else 0
    details = experiment_details(services.notebook, name, services.verdicts.of(name))
    return respond(request, "experiment.html", title=name, gpus=gpus, **details)
