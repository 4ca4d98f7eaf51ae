"""Claims of all experiments with their verdicts, and the seeds that have still to be run."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import HTMLResponse, Response

from glassbook import experiments
from glassbook.experiments.verdicts import STATES, Standing, State, claims_to_json, tally
from glassbook.web.api.responses import json_response
from glassbook.web.api.serializers import job_to_json
from glassbook.web.services import Services, services_of
from glassbook.web.templating import respond
from glassbook.web.views.jobs import queue

router = APIRouter()
Filter = Literal["", State]
Order = Literal["name", "fails", "missing"]
ORDERS = {"name": "experiment", "fails": "failing first", "missing": "most seeds to run first"}
"""Orders of the experiments, and what the page calls them."""


def _board(services: Services, state: str) -> list[Standing]:
    """Every experiment that claims something, with those of its claims that are in `state` ("" for all)."""
    entries = [
        replace(entry, verdicts=tuple(v for v in entry.verdicts if state in ("", v.state)))
        for entry in services.verdicts.board()
    ]
    return [entry for entry in entries if entry.verdicts]


@router.get("/api/v1/claims")
def list_claims(
    request: Request, state: Annotated[Filter, Query(description="only claims with this verdict")] = ""
) -> Response:
    """Every claim of every experiment with its verdict, its numbers for each seed, and the missing seeds."""
    return json_response(claims_to_json(_board(services_of(request), state)))


def _ordered(board: list[Standing], order: Order) -> list[Standing]:
    """Experiments with the most failing claims, or the most seeds to run, first; equal ones stay in their order."""
    if order == "fails":
        return sorted(board, key=lambda entry: -tally(entry.verdicts).get("fails", 0))
    return sorted(board, key=lambda entry: -len(entry.todo)) if order == "missing" else board


@router.get("/claims", include_in_schema=False)
def claims_page(request: Request, state: Filter = "", order: Order = "name") -> HTMLResponse:
    services = services_of(request)
    verdicts = [verdict for entry in services.verdicts.board() for verdict in entry.verdicts]
    counts = dict.fromkeys(STATES, 0) | tally(verdicts)
    names = {"counts": counts, "state": state, "order": order, "orders": ORDERS, "total": len(verdicts), "tally": tally}
    return respond(request, "claims.html", title="Claims", board=_ordered(_board(services, state), order), **names)


@router.post("/api/v1/claims/{experiment}/missing", status_code=201)
def run_missing(request: Request, experiment: Annotated[str, Path(max_length=200)]) -> Response:
    """Queue a run with default settings for each seed that is missing, or whose run is stale."""
    services, kind = services_of(request), experiments.find(experiment)
    jobs = [queue(services, kind(), seed) for seed in services.verdicts.of(experiment).todo]
    return json_response({"jobs": [job_to_json(job) for job in jobs]}, 201)
