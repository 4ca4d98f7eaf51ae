"""The board of claims: what is claimed, what the runs say, and what has still to be run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import HTMLResponse, Response

from glassbook import experiments
from glassbook.web.api.serializers import answer, job_data, verdict_data
from glassbook.web.services import Services, services
from glassbook.web.templating import respond
from glassbook.web.views.jobs import queue

router = APIRouter()
State = Literal["", "holds", "fails", "untested"]


def _board(known: Services) -> list[dict[str, Any]]:
    """Every experiment that claims something: the installed ones, then those known from their runs alone."""
    return [
        {
            "name": judged.name,
            "installed": judged.installed,
            "source": experiments.find(judged.name).source if judged.installed else "",
            "verdicts": list(judged.verdicts),
            "missing": list(judged.missing),
        }
        for judged in known.verdicts.board()
        if judged.verdicts
    ]


@router.get("/api/v1/claims")
def list_claims(
    request: Request, state: Annotated[State, Query(description="only claims with this verdict")] = ""
) -> Response:
    """Every claim of every experiment with its verdict, its numbers for each seed, and the seeds still to be run."""
    board = _board(services(request))
    for entry in board:
        entry["verdicts"] = [verdict_data(v) for v in entry["verdicts"] if state in ("", v.state)]
    return answer({"experiments": [entry for entry in board if entry["verdicts"]]})


@router.get("/claims", include_in_schema=False)
def claims_page(request: Request, state: State = "") -> HTMLResponse:
    """The board of claims."""
    board = _board(services(request))
    states = [verdict.state for entry in board for verdict in entry["verdicts"]]
    counts = {name: states.count(name) for name in ("holds", "fails", "untested")}
    for entry in board:
        entry["verdicts"] = [v for v in entry["verdicts"] if state in ("", v.state)]
    shown = [entry for entry in board if entry["verdicts"]]
    return respond(request, "claims.html", title="Claims", board=shown, counts=counts, state=state, total=len(states))


@router.post("/api/v1/claims/{experiment}/missing", status_code=201)
def run_missing(request: Request, experiment: Annotated[str, Path(max_length=200)]) -> Response:
    """Queue what an experiment's claims still need: a run with default settings for each missing seed."""
    known, kind = services(request), experiments.find(experiment)
    jobs = [queue(known, kind(), seed) for seed in known.verdicts.of(experiment).missing]
    return answer({"jobs": [job_data(job) for job in jobs]}, 201)
