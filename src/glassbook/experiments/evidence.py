"""Evidence of a notebook: its own runs and the reference evidence that ships, as one list of records.

Live blocks, inline values, verdicts, the API, exports and the command line all take their runs from here. Nothing here
runs an experiment.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from glassbook.assets.reference import reference_run, reference_runs
from glassbook.errors import GlassbookError
from glassbook.experiments import base
from glassbook.experiments.verdicts import Standing, judging
from glassbook.formatting import nearest, number
from glassbook.notebook import InlineValue, Notebook, RunRecord, same_data
from glassbook.notebook.runs.claims import find_claim


def records(notebook: Notebook, experiment: str | None = None) -> list[RunRecord]:
    """The runs of a notebook, newest first, then the reference runs; all, or those of one experiment."""
    return [*notebook.runs(experiment), *reference_runs(experiment)]


def run(notebook: Notebook, id: str) -> RunRecord:
    """The reference run with this id, else the notebook's run whose id begins so; GlassbookError if there is none."""
    return reference_run(id) or notebook.run(id)


def shown_runs(notebook: Notebook, experiment: str) -> list[RunRecord]:
    """The runs that figures of an experiment are taken from, best first: only those at its default settings.

    Finished ones of the notebook, newest first; then the reference; then those that have not finished.
    """
    able = judging(experiment, records(notebook, experiment))
    return sorted(able, key=lambda r: 1 if r.reference else 0 if r.status == "finished" else 2)


def settings_of(record: RunRecord) -> Literal["default", "quick", "sabotage", "other"]:
    """Which settings a run has; all of an experiment that is not installed count as its defaults."""
    if record.sabotage:
        return "sabotage"
    if judging(record.experiment, [record]):
        return "default"
    return "quick" if same_data(record.config, base.settings(base.find(record.experiment).quick())) else "other"


# --- inline values ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """What an inline value says in its sentence."""

    text: str
    """The number, or the verdict in words; "not run yet" if there is nothing."""
    note: str
    """What it is based on: seeds, values and origin."""
    kind: Literal["run", "claim", "experiment"]
    """What it links to ..."""
    ident: str
    """... and its id there."""
    stale: tuple[str, ...] = ()
    """What has changed since."""


def show_value(value: InlineValue, standing_of: Callable[[str], Standing]) -> Shown:
    """What `{{run: superposition mmcs}}` or `{{claim: superposition/dictionary-recovers}}` stands for.

    A result is the median over the seeds that judge; a trailing % shows it as a percentage.

    Raises:
        GlassbookError: there is no such experiment, result or claim, or it is written in another way.
    """
    return _claim(value.text, standing_of) if value.kind == "claim" else _result(value.text, standing_of)


def _claim(text: str, standing_of: Callable[[str], Standing]) -> Shown:
    name, slash, id = text.partition("/")
    if not slash:
        raise GlassbookError("write it as {{claim: EXPERIMENT/ID}}")
    entry = standing_of(_known(name, standing_of))
    claim = find_claim([verdict.claim for verdict in entry.verdicts], id, name)
    verdict = next(verdict for verdict in entry.verdicts if verdict.claim is claim)
    note = "; ".join(filter(None, [claim.sentence, verdict.reason, entry.origin, verdict.replication]))
    label = "not run yet" if verdict.state == "not-run" else verdict.label
    return Shown(label, note, "claim", f"{name}#{id}", verdict.stale)


def _result(text: str, standing_of: Callable[[str], Standing]) -> Shown:
    words = text.split()
    if len(words) < 2 or words[2:] not in ([], ["%"]):
        raise GlassbookError("write it as {{run: EXPERIMENT RESULT}} or {{run: EXPERIMENT RESULT %}}")
    name, metric = words[:2]
    entry = standing_of(_known(name, standing_of))
    if not entry.records:
        reasons = [verdict.reason for verdict in entry.verdicts[:1]]
        return Shown("not run yet", "; ".join([f"{name}: {metric}", *reasons]), "experiment", name)
    values = {run.seed: run.results[metric] for run in entry.records if metric in run.results}
    if not values:
        there = dict.fromkeys(key for run in entry.records for key in run.results)
        raise GlassbookError(f"{name} has no result {metric!r}; {nearest(metric, there)}")
    median = statistics.median(values.values()) if all(map(math.isfinite, values.values())) else math.nan
    said = number(100 * median) + " %" if words[2:] else number(median)
    seeds = ", ".join(f"{number(value)} (seed {seed})" for seed, value in values.items())
    note = f"{metric}, {'median of ' if len(values) > 1 else ''}{seeds}; {entry.origin}"
    stale = entry.verdicts[0].stale if entry.verdicts else ()
    return Shown(said, note, "run", entry.records[0].id, stale)


def _known(name: str, standing_of: Callable[[str], Standing]) -> str:
    if not (base.default_settings(name) is not None or standing_of(name).records):
        base.find(name)  # says which names are near
    return name
