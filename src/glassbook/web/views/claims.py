"""The board of claims: what is claimed, what the runs say, and what has still to be run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import HTMLResponse, Response

from glassbook import experiments
from glassbook.web.blocks import judged
from glassbook.web.evidence import answer, job_data, verdict_data
from glassbook.web.services import Services, services
from glassbook.web.templating import respond
from glassbook.web.views.jobs import queue

router = APIRouter()
SEEDS = 3
"""Seeds over which a claim is judged."""
State = Literal["", "holds", "fails", "untested"]


def _board(known: Services) -> list[dict[str, Any]]:
    """Every experiment that claims something: the installed ones, then those known from their runs alone."""
    there = experiments.names()
    gone = sorted({run.experiment for run in known.notebook.runs()} - set(there))
    board = []
    for name in [*there, *gone]:
        installed = name in there
        verdicts = judged(known, name)
        if verdicts:
            source = experiments.find(name).source if installed else ""
            missing = _missing(known, name) if installed else []
            board.append(
                {"name": name, "installed": installed, "source": source, "verdicts": verdicts, "missing": missing}
            )
    return board


def _missing(known: Services, name: str) -> list[int]:
    """The first seeds that have no finished run with the settings that claims are judged by."""
    runs = known.notebook.runs(name, experiments.default_settings(name))
    done = {run.seed for run in runs if run.status == "finished"}
    wanted = SEEDS - len(done)
    return [seed for seed in range(SEEDS + len(done)) if seed not in done][: max(wanted, 0)]


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
    jobs = [queue(known, kind(), seed) for seed in _missing(known, experiment)]
    return answer({"jobs": [job_data(job) for job in jobs]}, 201)
