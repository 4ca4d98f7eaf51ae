"""JSON of runs, jobs, features and experiments: the shapes that `/api/v1` answers and `--json` prints.

Verdicts and boards of claims have theirs in experiments/verdicts.py. Nothing here imports the web framework.
"""

from __future__ import annotations

import inspect
import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from glassbook import experiments
from glassbook.experiments import forms
from glassbook.experiments.verdicts import Verdict, tally, verdict_to_json
from glassbook.jobs.queue import Job, JobQueue, State
from glassbook.notebook import Notebook, RunRecord
from glassbook.notebook.index.index import RunTable
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard, FeatureRow
from glassbook.notebook.runs.freshness import stale

FILES = 500
"""Artifacts of a run that are listed."""
NEWEST = 20
"""Runs of an experiment that are listed with it."""


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when else None


# --- runs --------------------------------------------------------------------------------------------------------


def row_to_json(run: RunRecord) -> dict[str, Any]:
    """A run in a table."""
    return {
        "id": run.id,
        "experiment": run.experiment,
        "status": run.status,
        "seed": run.seed,
        "started": _iso(run.started),
        "ended": _iso(run.ended),
        "config": run.config,
        "results": run.results,
    }


def run_to_json(run: RunRecord) -> dict[str, Any]:
    """A run with everything that its own files say."""
    return {
        **row_to_json(run),
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


def run_details_to_json(notebook: Notebook, run: RunRecord, metrics: Sequence[str]) -> dict[str, Any]:
    """A run with what the notebook knows of it: its files, what makes it stale, the pages that cite it.

    Args:
        notebook: whose run it is.
        run: the run.
        metrics: names of the metrics that it has logged.
    """
    return {
        **run_to_json(run),
        "metrics": list(metrics),
        "files": artifacts(run),
        "stale": stale(run),
        "cited_by": [{"id": link.id, "title": link.title} for link in notebook.index.backlinks(run.id)],
    }


def artifacts(run: RunRecord) -> list[dict[str, Any]]:
    """Files under artifacts/ with their sizes, without symbolic links."""
    top, found = run.folder / "artifacts", []
    files = (
        os.path.join(folder, name) for folder, _, names in os.walk(top, followlinks=False) for name in sorted(names)
    )
    for path in itertools.islice(files, FILES):
        if os.path.isfile(path) and not os.path.islink(path):
            found.append({"path": os.path.relpath(path, run.folder), "size": os.path.getsize(path)})
    return found


def runs_to_json(table: RunTable) -> dict[str, Any]:
    """Some runs, how many there are, and the settings and results that they can be sorted by."""
    return {"runs": [row_to_json(run) for run in table.rows], "total": table.total, "columns": list(table.columns)}


# --- jobs --------------------------------------------------------------------------------------------------------


def job_to_json(job: Job) -> dict[str, Any]:
    """A job of the queue."""
    return {
        "id": job.id,
        "title": job.title,
        "command": job.command,
        "experiment": job.experiment,
        "settings": job.settings,
        "seed": job.seed,
        "gpus": job.gpus,
        "state": job.state,
        "cancelling": job.cancelling,
        "lost": job.lost,
        "attempt": job.attempt,
        "run": job.run_id,
        "created": _iso(job.created),
        "started": _iso(job.started),
        "ended": _iso(job.ended),
        "exit_code": job.exit_code,
        "error": job.error,
    }


def jobs_to_json(queue: JobQueue, state: State | None = None, limit: int = 100) -> dict[str, Any]:
    """Jobs, newest first, with their places in the queue."""
    places = queue_places(queue)
    return {"jobs": [{**job_to_json(job), "place": places.get(job.id)} for job in queue.jobs(state, limit)]}


def queue_places(queue: JobQueue) -> dict[int, int]:
    """Position in the queue, from 1, of every waiting job."""
    waiting = sorted(job.id for job in queue.jobs("queued", 1000))
    return {id: place for place, id in enumerate(waiting, 1)}


# --- features ----------------------------------------------------------------------------------------------------


def features_to_json(run: RunRecord, rows: Iterable[FeatureRow], total: int) -> dict[str, Any]:
    """Some features of a run's dictionary, and how many there are."""
    header = FeatureDashboard(run.folder).header
    return {"run": run.id, "header": header, "total": total, "features": [asdict(row) for row in rows]}


# --- experiments -------------------------------------------------------------------------------------------------


def experiment_card(notebook: Notebook, name: str, verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """An experiment in a list; `newest` is its newest run as a record."""
    question, terms, source = experiments.summary(name)
    newest = notebook.index.run_table(experiment=name, limit=1)
    return {
        "name": name,
        "question": question,
        "source": source,
        "terms": _terms(notebook, terms),
        "verdicts": tally(verdicts),
        "runs": newest.total,
        "newest": newest.rows[0] if newest.rows else None,
    }


def experiments_to_json(notebook: Notebook, verdicts: Callable[[str], Iterable[Verdict]]) -> dict[str, Any]:
    """Every installed experiment; under `broken`, why others cannot be used."""
    kinds, broken = experiments.working()
    cards = [experiment_card(notebook, name, verdicts(name)) for name in kinds]
    rows = [{**card, "newest": card["newest"] and row_to_json(card["newest"])} for card in cards]
    return {"experiments": rows, "broken": broken}


def experiment_details(notebook: Notebook, name: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """An experiment with its settings, claims, newest runs and the pages that link to its terms, as objects."""
    kind = experiments.find(name)
    quick = kind.quick()
    table = notebook.index.run_table(experiment=name, limit=NEWEST)
    links = {link.id: link for term in kind.terms for link in notebook.index.backlinks(term)}
    return {
        "name": name,
        "doc": inspect.getdoc(kind) or "",
        "source": kind.source,
        "terms": _terms(notebook, kind.terms),
        "fields": [_setting(field, getattr(quick, field.name)) for field in forms.fields(kind)],
        "verdicts": list(verdicts),
        "runs": table.rows,
        "total": table.total,
        "mentions": sorted(links.values(), key=lambda link: link.title.casefold()),
    }


def experiment_to_json(notebook: Notebook, name: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """`experiment_details` as plain data."""
    details = experiment_details(notebook, name, verdicts)
    return {
        **details,
        "verdicts": [verdict_to_json(verdict) for verdict in verdicts],
        "runs": [row_to_json(run) for run in details["runs"]],
        "mentions": [{"id": link.id, "title": link.title} for link in details["mentions"]],
    }


def _terms(notebook: Notebook, names: Iterable[str]) -> list[dict[str, Any]]:
    """Terms with the pages that explain them (None where there is none)."""
    return [{"name": name, "page": notebook.index.resolve(name)} for name in names]


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
