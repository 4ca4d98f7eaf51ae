"""JSON serializers of runs and jobs, for `--json` and `/api/v1`. Those of verdicts are in experiments/verdicts.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.responses import Response

from glassbook.jobs.queue import Job
from glassbook.notebook import RunRecord
from glassbook.notebook.serialization import to_json


def json_response(data: Any, status: int = 200) -> Response:
    """Data as a JSON answer; NaN and infinities stand in it as text, as in the notebook's files."""
    return Response(to_json(data, what="the answer").encode("utf-8", "replace"), status, media_type="application/json")


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when else None


def run_data(run: RunRecord) -> dict[str, Any]:
    """A run as the API tells it."""
    return {
        "id": run.id,
        "experiment": run.experiment,
        "status": run.status,
        "seed": run.seed,
        "started": _iso(run.started),
        "ended": _iso(run.ended),
        "config": run.config,
        "results": run.results,
        "code": run.code,
        "environment": run.environment,
        "claims": [claim.to_data() for claim in run.claims],
        "error": run.error,
        "notes": list(run.notes),
        "progress": run.progress,
        "resumed": run.resumed,
        "charts": run.charts,
        "tables": run.tables,
        "images": run.images,
        "artifacts": run.artifacts,
    }


def row_data(row: Any) -> dict[str, Any]:
    """A row of the table of runs as the API tells it."""
    return {
        "id": row.id,
        "experiment": row.experiment,
        "status": row.status,
        "seed": row.seed,
        "started": _iso(row.started),
        "ended": _iso(row.ended),
        "config": row.config,
        "results": row.results,
    }


def job_data(job: Job) -> dict[str, Any]:
    """A job as the API tells it."""
    return {
        "id": job.id,
        "title": job.title,
        "experiment": job.experiment,
        "seed": job.seed,
        "state": job.state,
        "run": job.run_id,
        "created": _iso(job.created),
        "started": _iso(job.started),
        "ended": _iso(job.ended),
        "exit_code": job.exit_code,
        "error": job.error,
        "attempt": job.attempt,
    }


def flat(data: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings with one name for each value: {"model": {"width": 3}} is {"model.width": 3}."""
    out: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            out |= flat(value, f"{before}{key}.")
        else:
            out[f"{before}{key}"] = value
    return out
