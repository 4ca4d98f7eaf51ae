"""Jobs: the queue of runs, the page of one job with its live log, and the API to create, cancel and repeat jobs."""

from __future__ import annotations

import math
import shlex
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, Response

from glassbook import experiments
from glassbook.errors import GlassbookError
from glassbook.experiments import forms
from glassbook.experiments.verdicts import verdict_to_json
from glassbook.jobs.queue import Job, State
from glassbook.notebook import RunRecord
from glassbook.notebook.runs.freshness import request_key, reusable_run
from glassbook.notebook.serialization import read_number
from glassbook.web.api.responses import json_response
from glassbook.web.api.serializers import job_log_to_json, job_to_json, jobs_to_json, queue_places
from glassbook.web.services import Services, services_of
from glassbook.web.templating import respond

router = APIRouter()
CHUNK = 64 * 1024
"""Maximum bytes of a log per response."""
JobId = Annotated[int, Path(ge=1, le=2**31, description="number of the job")]
Setting = str | int | float | bool | None | list[str | int | float | bool]


class JobRequest(BaseModel):
    """An experiment to run, with its settings."""

    model_config = ConfigDict(extra="forbid")
    experiment: Annotated[str, Field(max_length=200)]
    values: Annotated[dict[str, Setting], Field(max_length=200)] = {}
    """Setting -> value, as text or as plain data; what is left out keeps its default."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    quick: bool = False
    """Start from the quick settings; claims are never judged by them."""
    gpus: Annotated[int, Field(ge=0, le=64)] = 0
    again: bool = False
    """Run it even if a finished run has the same code, settings, seed, data and model."""


@router.post("/api/v1/jobs", status_code=201)
def create_job(request: Request, body: JobRequest) -> Response:
    """Queue a run of an experiment. What waits or runs already with the same settings is not queued twice.

    Where a finished run has the same code, settings, seed, data and model, nothing is queued: `job` is null, `run` is
    that run's id, and `why` says so in a line. `again` asks for the work all the same.

    A value that does not fit gives 400 with `fields`: name of the setting -> what is wrong.
    """
    services = services_of(request)
    try:
        kind = experiments.find(body.experiment)
        work = forms.build(kind, body.values, body.quick)
    except forms.FormError as error:
        return json_response({"error": str(error), "field": next(iter(error.problems)), "fields": error.problems}, 400)
    run = None if body.again else reusable_run(_key(work, body.seed), services.notebook.runs(work.name))
    if run is not None:
        why = f"this was run on {run.started:%Y-%m-%d}, and its code, settings, data and model are the same today"
        return json_response({"job": None, "run": run.id, "why": why})
    return json_response({"job": job_to_json(queue(services, work, body.seed, body.gpus))}, 201)


def _key(work: experiments.Experiment, seed: int) -> str:
    return request_key(work.name, experiments.code_root(work), experiments.settings(work), seed)


def queue(services: Services, work: experiments.Experiment, seed: int, gpus: int = 0) -> Job:
    """Put an experiment with its settings in the queue, unless the same waits or runs already."""
    command = shlex.join(forms.command(work, seed))
    settings = experiments.settings(work)
    return services.jobs.add(work.name, settings, seed, command=command, gpus=gpus, key=_key(work, seed))


@router.get("/api/v1/jobs")
def list_jobs(
    request: Request,
    state: Annotated[State | None, Query(description="only jobs in this state")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Jobs, newest first, with their places in the queue."""
    return json_response(jobs_to_json(services_of(request).jobs, state, limit))


@router.get("/jobs", include_in_schema=False)
def jobs_page(request: Request) -> HTMLResponse:
    services = services_of(request)
    jobs = services.jobs.jobs(limit=200)
    runs = {job.id: run for job in jobs if job.state == "running" and (run := run_of(services, job))}
    return respond(
        request, "jobs.html", title="Jobs", jobs=jobs, places=queue_places(services.jobs), runs=runs, percent=percent
    )


def run_of(services: Services, job: Job) -> RunRecord | None:
    """The run of a job; None if it has not started one, or the run was deleted."""
    if not job.run_id:
        return None
    try:
        return services.notebook.run(job.run_id)
    except GlassbookError:
        return None


def percent(run: RunRecord | None) -> float | None:
    """Progress of a run in percent; None if it does not report it."""
    progress = (run and run.progress) or {}
    done, total = (read_number(progress.get(name)) for name in ("done", "total"))
    if done is None or total is None or not math.isfinite(done) or not 0 < total < math.inf:
        return None
    return round(min(max(100 * done / total, 0), 100), 1)


def _details(services: Services, ident: int) -> dict[str, Any]:
    job = services.jobs.job(ident)
    run = run_of(services, job)
    return {
        "job": job,
        "run": run,
        "place": queue_places(services.jobs).get(job.id),
        "percent": percent(run),
        "verdicts": services.verdicts.of(job.experiment).verdicts if job.over and job.experiment else [],
    }


@router.get("/api/v1/jobs/{id}")
def job_json(request: Request, id: JobId) -> Response:
    """A job: its state, its place in the queue, its progress, and the verdicts when it is over."""
    details = _details(services_of(request), id)
    run = details["run"]
    return json_response(
        {
            **job_to_json(details["job"]),
            "place": details["place"],
            "percent": details["percent"],
            "progress": run.progress if run else None,
            "verdicts": [verdict_to_json(verdict) for verdict in details["verdicts"]],
        }
    )


@router.get("/jobs/{id}", include_in_schema=False)
def job_page(request: Request, id: JobId) -> HTMLResponse:
    services = services_of(request)
    details = _details(services, id)
    names = services.metric_names(details["run"]) if details["run"] else []
    return respond(request, "job.html", title=details["job"].title, metrics=names, **details)


@router.get("/api/v1/jobs/{id}/log")
def job_log(
    request: Request,
    id: JobId,
    after: Annotated[int, Query(ge=-1, le=2**53, description="bytes already seen; -1 for the last part only")] = 0,
) -> Response:
    """The log of a job: `text` after that many bytes, and `next`, the offset to read from next time."""
    return json_response(job_log_to_json(services_of(request).jobs.job(id), after, CHUNK))


@router.post("/api/v1/jobs/{id}/cancel")
def cancel_job(request: Request, id: JobId) -> Response:
    """Remove a waiting job from the queue, or stop a running one; its run can be resumed."""
    return json_response({"job": job_to_json(services_of(request).jobs.cancel(id))})


@router.post("/api/v1/jobs/{id}/again")
def job_again(request: Request, id: JobId) -> Response:
    """Resume a job that did not finish, or repeat a finished one."""
    return json_response({"job": job_to_json(services_of(request).jobs.again(id))})
