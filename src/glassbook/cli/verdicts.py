"""Every claim of every installed experiment, judged by the runs of a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassbook.experiments import base
from glassbook.notebook import Notebook, RunRecord, Verdict, judge


def default_runs(kind: type[base.Experiment], notebook: Notebook) -> list[RunRecord]:
    """The runs of an experiment at its default settings: the ones that its claims are judged by."""
    return notebook.runs(kind.name, base.settings(kind()))


def verdicts(name: str, notebook: Notebook, seeds: Sequence[int] | None = None) -> list[Verdict]:
    """The verdict on each claim of an experiment.

    Args:
        name: the experiment.
        notebook: whose runs judge.
        seeds: judge by these seeds alone; by default by all that were run, three at least.
    """
    kind = base.find(name)
    records = default_runs(kind, notebook)
    if seeds is not None:
        records = [record for record in records if record.seed in seeds]
    return [judge(claim, records, seeds=3 if seeds is None else len(set(seeds))) for claim in kind.claims]


def as_data(name: str, verdict: Verdict, source: str) -> dict[str, Any]:
    """A verdict as plain data.

    Args:
        name: the experiment.
        verdict: what was decided.
        source: whose claim it is, if it does not say so itself.
    """
    claim = verdict.claim
    return {
        "experiment": name,
        "id": claim.id,
        "sentence": claim.sentence,
        "state": verdict.state,
        "condition": str(claim.condition),
        "control": claim.control,
        "source": claim.source or source,
        "reason": verdict.reason,
        "values": {str(seed): value for seed, value in verdict.values.items()},
        "controls": {str(seed): value for seed, value in verdict.controls.items()},
        "runs": {str(seed): run for seed, run in verdict.runs.items()},
    }


def judged(names: Sequence[str], notebook: Notebook, seeds: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """All claims of some experiments, as plain data."""
    return [
        as_data(name, verdict, base.find(name).source) for name in names for verdict in verdicts(name, notebook, seeds)
    ]
