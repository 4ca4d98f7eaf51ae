"""JSON of runs, jobs, features and experiments: the shapes that `/api/v1` answers and `--json` prints.

Verdicts and boards of claims have theirs in experiments/verdicts.py. Nothing here imports the web framework.
"""

from __future__ import annotations

import codecs
import inspect
import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from glassbook import experiments
from glassbook.experiments import forms
from glassbook.experiments.estimate import expected, needs
from glassbook.experiments.evidence import settings_of
from glassbook.experiments.lineage import lineage_of
from glassbook.experiments.verdicts import Standing, tally, verdict_to_json
from glassbook.jobs.queue import Job, JobQueue, State
from glassbook.notebook import Notebook, RunRecord
from glassbook.notebook.index.index import RunTable
from glassbook.notebook.runs.compute import flop_by_kind
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard, FeatureRow
from glassbook.notebook.runs.freshness import stale

FILES = 500
"""Artifacts of a run that are listed."""
NEWEST = 20
"""Runs of an experiment that are listed with it."""


def _pick(record: Any, names: Iterable[str]) -> dict[str, Any]:
    """These attributes of a record, dates as text."""
    values = {name: getattr(record, name) for name in names}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


# --- runs --------------------------------------------------------------------------------------------------------


RUN_ROW = ("id", "experiment", "status", "seed", "started", "ended", "config", "results", "flop", "sabotage")
RUN_FILES = ("code", "environment", "error", "progress", "resumed", "charts", "tables", "images", "artifacts")


def row_to_json(run: RunRecord) -> dict[str, Any]:
    """A run in a list; `settings` is "default", "quick", "sabotage" or "other"; `note`, `tags` are people's words.

    `flop_by_kind` tells training from evaluation and generation; `flop` is training alone.
    """
    made = {"settings": settings_of(run), "reference": run.reference, "flop_by_kind": flop_by_kind(run.compute)}
    return {**_pick(run, RUN_ROW), **made, **run.annotations.to_data()}


def run_to_json(run: RunRecord) -> dict[str, Any]:
    """A run with everything that its own files say."""
    claims = [claim.to_data() for claim in run.claims]
    uses = [{"kind": used.kind, "name": used.name, "digest": used.digest} for used in run.uses]
    compute = [asdict(part) for part in run.compute]
    made = {"uses": uses, "compute": compute, "claims": claims, "notes": list(run.notes)}
    return {**row_to_json(run), **_pick(run, RUN_FILES), **made}


def run_details_to_json(notebook: Notebook, run: RunRecord, metrics: Sequence[str]) -> dict[str, Any]:
    """A run with what the notebook knows of it: its files, what makes it stale, the pages that cite it."""
    return {
        **run_to_json(run),
        "lineage": asdict(lineage_of(notebook)(run)),
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


def runs_to_json(notebook: Notebook, table: RunTable) -> dict[str, Any]:
    """Some runs, how many there are, what they can be sorted by, and the tags of all runs.

    `flop` is a run's own training, `flop_total` with that of all it built on.
    """
    total = lineage_of(notebook)
    return {
        "runs": [row_to_json(run) | {"flop_total": total(run).flop} for run in table.rows],
        "total": table.total,
        "columns": list(table.columns),
        "tags": list(table.tags),
    }


# --- jobs --------------------------------------------------------------------------------------------------------


JOB = ("id", "title", "command", "experiment", "settings", "seed", "gpus", "state", "cancelling", "lost", "attempt")
JOB += ("created", "started", "ended", "exit_code", "error")


def job_to_json(job: Job) -> dict[str, Any]:
    return {**_pick(job, JOB), "run": job.run_id}


def jobs_to_json(queue: JobQueue, state: State | None = None, limit: int = 100) -> dict[str, Any]:
    """Jobs, newest first, with their places in the queue."""
    places = queue_places(queue)
    return {"jobs": [{**job_to_json(job), "place": places.get(job.id)} for job in queue.jobs(state, limit)]}


def job_log_to_json(job: Job, after: int, limit: int) -> dict[str, Any]:
    """A part of a job's log: `text`, and `next`, the offset of what follows it.

    Args:
        job: the job.
        after: bytes to leave out; -1 for all but the last `limit`.
        limit: bytes to read at most.
    """
    try:
        with open(job.log, "rb") as file:
            size = file.seek(0, 2)
            begin = max(size - limit, 0) if after < 0 else min(after, size)
            file.seek(begin)
            data = file.read(limit)
    except OSError:
        return {"text": "", "next": 0, "size": 0, "over": job.over}
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    # A character whose last bytes are still to come is left for the next part.
    text = decoder.decode(data, final=job.over and begin + len(data) >= size)
    return {"text": text, "next": begin + len(data) - len(decoder.getstate()[0]), "size": size, "over": job.over}


def queue_places(queue: JobQueue) -> dict[int, int]:
    """Position in the queue, from 1, of every waiting job."""
    waiting = sorted(job.id for job in queue.jobs("queued", 1000))
    return {id: place for place, id in enumerate(waiting, 1)}


# --- features ----------------------------------------------------------------------------------------------------


def features_to_json(run: RunRecord, rows: Iterable[FeatureRow], total: int) -> dict[str, Any]:
    header = FeatureDashboard(run.folder).header
    return {"run": run.id, "header": header, "total": total, "features": [asdict(row) for row in rows]}


# --- experiments -------------------------------------------------------------------------------------------------


def experiment_card(notebook: Notebook, name: str, entry: Standing) -> dict[str, Any]:
    """An experiment in a list; `newest` is its newest run as a record."""
    question, terms, source = experiments.summary(name)
    newest = notebook.index.run_table(experiment=name, limit=1)
    return {
        "name": name,
        "question": question,
        "source": source,
        "terms": _terms(notebook, terms),
        "verdicts": tally(entry.verdicts),
        "origin": entry.origin,
        **_costs(name),
        "runs": newest.total,
        "newest": newest.rows[0] if newest.rows else None,
    }


def experiments_to_json(notebook: Notebook, standing_of: Callable[[str], Standing]) -> dict[str, Any]:
    """Every installed experiment; under `broken`, why others cannot be used."""
    kinds, broken = experiments.working()
    cards = [experiment_card(notebook, name, standing_of(name)) for name in kinds]
    rows = [{**card, "newest": card["newest"] and row_to_json(card["newest"])} for card in cards]
    return {"experiments": rows, "broken": broken}


def experiment_details(notebook: Notebook, name: str, entry: Standing) -> dict[str, Any]:
    """An experiment with its settings, claims, newest runs and the pages that link to its terms, as objects."""
    kind = experiments.find(name)
    quick = kind.quick()
    table = notebook.index.run_table(experiment=name, archived=False, limit=NEWEST)
    links = {link.id: link for term in kind.terms for link in notebook.index.backlinks(term)}
    return {
        "name": name,
        "doc": inspect.getdoc(kind) or "",
        "source": kind.source,
        "terms": _terms(notebook, kind.terms),
        "fields": [_setting(field, getattr(quick, field.name)) for field in forms.fields(kind) if not field.hidden],
        "verdicts": list(entry.verdicts),
        "origin": entry.origin,
        **_costs(name),
        "runs": table.rows,
        "total": table.total,
        "mentions": sorted(links.values(), key=lambda link: link.title.casefold()),
    }


def experiment_to_json(notebook: Notebook, name: str, entry: Standing) -> dict[str, Any]:
    """`experiment_details` as plain data."""
    details = experiment_details(notebook, name, entry)
    return {
        **details,
        "verdicts": [verdict_to_json(verdict) for verdict in entry.verdicts],
        "runs": [row_to_json(run) for run in details["runs"]],
        "mentions": [{"id": link.id, "title": link.title} for link in details["mentions"]],
    }


def _costs(name: str) -> dict[str, Any]:
    """What a run of an experiment at its default settings is expected to cost, and the data that it needs."""
    data = [asdict(need) | {"text": need.text} for need in needs(experiments.find(name))]
    cost = expected(name)
    return {"data": data, "expected": asdict(cost) | {"text": cost.text}}


def _terms(notebook: Notebook, names: Iterable[str]) -> list[dict[str, Any]]:
    """Terms with the pages that explain them (None where there is none)."""
    return [{"name": name, "page": notebook.index.resolve(name)} for name in names]


def _setting(field: forms.Field, quick: Any) -> dict[str, Any]:
    named = _pick(field, ("name", "type", "doc", "text", "optional", "wants"))
    return {**named, "quick": field.to_text(quick), "choices": list(field.choices)}
