"""Verdicts on claims: which runs judge an experiment's claims, and what they say.

A claim is judged by the newest finished run of each seed, at the default settings of its experiment. It holds only if
it holds on every seed, and on at least `SEEDS` of them. Where the control does not hold, or a number is missing or not
finite, the runs have shown nothing, whichever way the claim's own metric came out. Quick runs and sabotage runs
judge nothing. Sabotage runs say what else a verdict needs: that the claim's condition was seen to fail where it has to.

Reference evidence (experiments/evidence.py) is judged by the same rules, apart from the runs of the notebook: it gives
the verdict until every seed has been run here, and a verdict says whether runs here replicate it. Its sabotage runs
count until the same sabotage has been run here.

The command line, the web pages, live blocks and exports all ask this module, and print `verdict_to_json`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean, stdev
from typing import Any, Literal, get_args

from glassbook.assets.reference import machine_of
from glassbook.experiments import base
from glassbook.notebook import Claim, Condition, RunRecord, same_data
from glassbook.notebook.runs.freshness import Snapshot, stale

State = Literal["not-run", "so-far", "holds", "fails", "not-shown"]
STATES: tuple[State, ...] = get_args(State)
Origin = Literal["", "here", "reference"]
SEEDS = 3
"""Seeds that have to have finished before a claim holds or fails."""


@dataclass(frozen=True)
class Verdict:
    """What the runs say about a claim, with the numbers that say it."""

    claim: Claim
    state: State
    """`not-run`: no run judges it. `so-far`: too few seeds have finished; `met` says how they came out. `holds`:
    claim and control hold on every seed. `fails`: the control holds and the claim does not, on some seed.
    `not-shown`: the control does not hold, or a number is missing or not finite, on some seed."""
    reason: str
    """One line: why the state is what it is."""
    met: bool | None = None
    """Whether the claim's condition holds on all seeds that have finished; None if nothing was shown."""
    values: Mapping[int, float] = field(default_factory=dict)
    """Seed -> the claim's metric in the newest finished run of that seed."""
    controls: Mapping[int, float] = field(default_factory=dict)
    """Seed -> the control's metric in the same run; empty if there is no control."""
    runs: Mapping[int, str] = field(default_factory=dict)
    """Seed -> id of the run that the numbers come from."""
    seeds: int = SEEDS
    """How many seeds have to have finished."""
    stale: tuple[str, ...] = ()
    """What has changed since those runs, one line each."""
    origin: Origin = ""
    """Where those runs were made: `here` (in this notebook) or with the `reference` that ships; "" without any."""
    replicated: bool | None = None
    """Whether the runs made here come out as the reference does; None without any, and where the reference is missing
    or has shown nothing."""
    seeds_here: int = 0
    """Seeds that have finished here, beside a reference."""
    condition_broken: tuple[str, ...] = ()
    """Ids of those of the claim's sabotages under which its condition failed."""
    control_broken: tuple[str, ...] = ()
    """Ids of those under which only its control failed."""
    held_under: tuple[str, ...] = ()
    """Ids of those that were run and broke neither."""

    @property
    def never_seen_to_fail(self) -> bool:
        """Whether the claim's condition never failed, here or under a sabotage, and no reason is given for it.

        A control that fails does not count: it says that a run could not have shown the claim, not that the claim
        can come out otherwise.
        """
        return self.met is True and not self.condition_broken and self.claim.no_sabotage is None

    @property
    def explanation(self) -> str:
        """Why the claim does not hold, as far as its authors can tell; "" where it holds or nothing is known yet."""
        failed = self.state in ("fails", "not-shown") or (self.state == "so-far" and self.met is False)
        return self.claim.explanation or "" if failed else ""

    @property
    def noise_floors(self) -> dict[str, float]:
        """Metric -> its `noise_floor` over the seeds, for the claim's metric and the control's."""
        control = self.claim.control_condition
        measured = {self.claim.metric: self.values} | ({control.metric: self.controls} if control else {})
        return {name: floor for name, values in measured.items() if (floor := noise_floor(values.values())) is not None}

    @property
    def margin(self) -> float | None:
        """Distance between the mean of the claim's metric over the seeds and the bound; None without a finite one."""
        margin = abs(mean(self.values.values()) - self.claim.bound) if self.values else math.nan
        return margin if math.isfinite(margin) else None

    @property
    def within_noise(self) -> bool:
        """Whether the margin is below the noise floor: these seeds cannot tell the metric from the bound."""
        floor = self.noise_floors.get(self.claim.metric)
        return self.margin is not None and floor is not None and self.margin < floor

    @property
    def replication(self) -> str:
        """`replicated` in words: "", "replicated here", "not replicated here so far (1 of 3 seeds)"."""
        if self.replicated is None:
            return ""
        so_far = f" so far ({self.seeds_here} of {self.seeds} seeds)" if self.seeds_here < self.seeds else ""
        return f"{'' if self.replicated else 'not '}replicated here{so_far}"

    @property
    def sabotaged(self) -> str:
        """What sabotages did, in words: "broken by A; only the control broken by B; held under C"."""
        parts = {
            "broken by": self.condition_broken,
            "only the control broken by": self.control_broken,
            "held under": self.held_under,
        }
        told = "; ".join(f"{what} {', '.join(names)}" for what, names in parts.items() if names)
        return f"never seen to fail ({told or 'no sabotage has been run'})" if self.never_seen_to_fail else told

    @property
    def label(self) -> str:
        """The state in words: "not run", "1 of 3 seeds, holds so far", "holds", "fails", "not shown"."""
        if self.state == "so-far":
            return f"{len(self.runs)} of {self.seeds} seeds, {'holds' if self.met else 'fails'} so far"
        return self.state.replace("-", " ")


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain data, the same for `--json` and `/api/v1`."""
    return {
        "claim": verdict.claim.to_data(),
        "state": verdict.state,
        "label": verdict.label,
        "reason": verdict.reason,
        "explanation": verdict.explanation,
        "met": verdict.met,
        "stale": list(verdict.stale),
        "origin": verdict.origin,
        "replicated": verdict.replicated,
        "replication": verdict.replication,
        "values": {str(seed): value for seed, value in verdict.values.items()},
        "controls": {str(seed): value for seed, value in verdict.controls.items()},
        "runs": {str(seed): run for seed, run in verdict.runs.items()},
        "noise_floors": verdict.noise_floors,
        "margin": verdict.margin,
        "within_noise": verdict.within_noise,
        "condition_broken": list(verdict.condition_broken),
        "control_broken": list(verdict.control_broken),
        "held_under": list(verdict.held_under),
        "never_seen_to_fail": verdict.never_seen_to_fail,
        "sabotaged": verdict.sabotaged,
    }


def noise_floor(values: Iterable[float]) -> float | None:
    """The smallest difference that measurements of a few seeds can tell from none, at 95 % confidence.

    It is half the width of the two-sided 95 % t interval of their mean, t(0.975, n - 1) * s / sqrt(n), where s is the
    sample standard deviation. None for fewer than two values, or where one is not finite.
    """
    sample = list(values)
    if len(sample) < 2 or not all(map(math.isfinite, sample)):
        return None
    from scipy.special import stdtrit  # takes a third of a second

    return float(stdtrit(len(sample) - 1, 0.975)) * stdev(sample) / math.sqrt(len(sample))


def judge(claim: Claim, records: Iterable[RunRecord], seeds: int = SEEDS) -> Verdict:
    """Decide `claim` from the newest finished run of each seed.

    Args:
        claim: the claim.
        records: runs of one experiment with one setting, in any order; those that have not finished do not count.
        seeds: how many distinct seeds have to have finished.
    """
    runs = _newest(records)
    control = claim.control_condition
    values = _pick(runs, claim.metric)
    controls = _pick(runs, control.metric) if control else {}
    met: bool | None = None
    if not runs:
        state, reason = "not-run", "no run has finished"
    elif gap := _gap(claim, control, runs, values, controls):
        state, reason = "not-shown", gap
    else:
        missed = _missed(claim.condition, values)
        met = missed is None
        on = f"on all {len(runs)} seeds" if len(runs) > 1 else "on 1 seed"
        reason = missed or f"{claim.condition} {on}" + (f", control {control} as well" if control else "")
        state = "so-far" if len(runs) < seeds else "holds" if met else "fails"
    ids = {seed: run.id for seed, run in runs.items()}
    origin: Origin = "" if not runs else "reference" if next(iter(runs.values())).reference else "here"
    return Verdict(claim, state, reason, met, values, controls, ids, seeds, origin=origin)


Broken = Literal["condition", "control", "nothing"]


def broken(claim: Claim, records: Iterable[RunRecord]) -> Broken | None:
    """What sabotaged runs broke of `claim`, on every seed.

    `condition`: its condition failed, whatever the control did. `control`: where the condition holds, the control
    fails. A number that is missing or not finite breaks nothing: it would come of any fault. None if no run has
    finished.

    Args:
        claim: the claim.
        records: runs of one sabotage of the claim's experiment.
    """
    runs = _newest(records).values()
    if not runs:
        return None
    conditions = [condition for condition in (claim.condition, claim.control_condition) if condition]
    values = [[run.results.get(condition.metric, math.nan) for condition in conditions] for run in runs]
    if not all(math.isfinite(value) for row in values for value in row):
        return "nothing"
    holds = [[c.holds(value) for c, value in zip(conditions, row, strict=True)] for row in values]
    if not any(row[0] for row in holds):
        return "condition"
    return "nothing" if any(map(all, holds)) else "control"


def _newest(records: Iterable[RunRecord]) -> dict[int, RunRecord]:
    """Seed -> its newest finished run, seeds ascending."""
    finished = sorted((r for r in records if r.status == "finished"), key=lambda r: (r.started, r.id))
    newest = {record.seed: record for record in finished}
    return {seed: newest[seed] for seed in sorted(newest)}


def _pick(runs: Mapping[int, RunRecord], metric: str) -> dict[int, float]:
    return {seed: run.results[metric] for seed, run in runs.items() if metric in run.results}


def _gap(
    claim: Claim,
    control: Condition | None,
    runs: Mapping[int, RunRecord],
    values: Mapping[int, float],
    controls: Mapping[int, float],
) -> str | None:
    """Why the runs show nothing about the claim, None if they do."""
    needed = [(claim.metric, values)] + ([(control.metric, controls)] if control else [])
    for metric, measured in needed:
        for seed, run in runs.items():
            if seed not in measured:
                return f"run {run.id} (seed {seed}) has no result {metric!r}"
            if not math.isfinite(measured[seed]):
                return f"{metric} is {measured[seed]} in run {run.id} (seed {seed})"
    first, *others = runs.values()
    for run in others:
        if not same_data(run.config, first.config):
            return f"runs {first.id} and {run.id} have different settings"
    missed = control and _missed(control, controls)
    return f"the control {missed}" if missed else None


def _missed(condition: Condition, values: Mapping[int, float]) -> str | None:
    missed = {seed: value for seed, value in values.items() if not condition.holds(value)}
    if not missed:
        return None
    numbers = ", ".join(f"{value:g} (seed {seed})" for seed, value in missed.items())
    return f"{condition} does not hold on {len(missed)} of {len(values)} seeds: {numbers}"


@dataclass(frozen=True)
class Standing:
    """What the runs of a notebook say about the claims of one experiment."""

    experiment: str
    installed: bool
    """Whether it can be run here; else it is known from its runs alone."""
    source: str
    """Whose claims they are, where a claim names nobody; "" if the experiment is not installed."""
    verdicts: tuple[Verdict, ...]
    records: tuple[RunRecord, ...]
    """The runs that judge: the newest finished one of each seed."""
    missing: tuple[int, ...]
    """Seeds that have still to be run."""
    sabotages: Mapping[str, tuple[RunRecord, ...]] = field(default_factory=dict)
    """Id of a sabotage -> its newest finished run of each seed."""
    outdated: tuple[int, ...] = ()
    """Seeds whose newest run in this notebook is stale, as far as `dated` has looked."""

    @property
    def todo(self) -> tuple[int, ...]:
        """Seeds that have to be run before the claims are judged by fresh runs alone."""
        return tuple(sorted({*self.missing, *self.outdated}))

    @property
    def origin(self) -> str:
        """Where the verdicts come from, in a line; "" if nothing has been run."""
        if not self.records:
            return ""
        newest = max(self.records, key=lambda record: record.started)
        if newest.reference:
            where = f"({machine_of(newest)}) with version {newest.code.get('version')}"
            later = "; the code has changed since, and quick runs give the same results"
            confirmed = any(record.confirmed for record in self.records)
            return f"reference, measured on {newest.started:%Y-%m-%d} {where}{later if confirmed else ''}"
        return f"{len(self.records)} run{'s' if len(self.records) > 1 else ''} in this notebook"

    def dated(self, snapshot: Snapshot | None = None) -> Standing:
        """The same, with what has changed since its runs; sabotage runs that are stale say nothing any more."""
        snapshot = snapshot or Snapshot()
        changed = {record.seed: stale(record, snapshot) for record in self.records}
        lines = tuple(dict.fromkeys(line for found in changed.values() for line in found))
        fresh = {
            id: tuple(record for record in records if not stale(record, snapshot))
            for id, records in self.sabotages.items()
        }
        verdicts = tuple(replace(verdict, stale=lines) for verdict in self.verdicts)
        outdated = tuple(record.seed for record in self.records if changed[record.seed] and not record.reference)
        return replace(self, verdicts=_with_sabotages(verdicts, fresh), sabotages=fresh, outdated=outdated)


def judging(name: str, records: Iterable[RunRecord]) -> list[RunRecord]:
    """The runs of an experiment that may judge its claims: those at its default settings, whatever their status.

    An experiment that is not installed has no defaults to compare with: all its runs are given, apart from sabotaged
    ones.
    """
    defaults = base.default_settings(name)
    return [r for r in records if not r.sabotage and (defaults is None or same_data(r.config, defaults))]


def sabotage_runs(name: str, records: Iterable[RunRecord], quick: bool = False) -> dict[str, list[RunRecord]]:
    """Id of each sabotage of an experiment -> its runs, whatever their status, with the settings that it has today."""
    found: dict[str, list[RunRecord]] = {}
    marked = [record for record in records if record.sabotage]
    for sabotage in base.find(name).sabotages:
        wanted = base.settings(base.sabotaged(base.find(name), sabotage, quick))
        found[sabotage.id] = [r for r in marked if r.sabotage == sabotage.id and same_data(r.config, wanted)]
    return found


def _with_sabotages(verdicts: Iterable[Verdict], sabotages: Mapping[str, Sequence[RunRecord]]) -> tuple[Verdict, ...]:
    """Verdicts with those sabotages of their claims that broke them, and those that did not.

    A sabotage that a claim does not name says nothing of it: it may leave out what the claim measures. Of a claim that
    fails as it is nothing is said: nothing has to break it.
    """
    given = []
    for verdict in verdicts:
        asked = verdict.claim.sabotages if verdict.met is not False else ()
        named = {id: runs for id, runs in sabotages.items() if id in asked}
        found = {id: broken(verdict.claim, runs) for id, runs in named.items()}
        condition, control, held = (
            tuple(id for id, what in found.items() if what == part) for part in ("condition", "control", "nothing")
        )
        given.append(replace(verdict, condition_broken=condition, control_broken=control, held_under=held))
    return tuple(given)


def standing(name: str, records: Sequence[RunRecord], seeds: Sequence[int] | None = None) -> Standing:
    """What the runs of an experiment say about its claims.

    Args:
        name: the experiment; if it is not installed, its claims are those that its newest run states.
        records: its runs, newest first; reference runs among them are judged apart from those of the notebook.
        seeds: judge by these seeds alone; by default by all that were run, `SEEDS` at least.
    """
    here = _standing(name, [record for record in records if not record.reference], seeds)
    reference = [record for record in records if record.reference]
    return _beside(here, _standing(name, reference, seeds)) if reference else here


def _beside(here: Standing, there: Standing) -> Standing:
    """The standing of a notebook's own runs if every seed has been run, else that of the reference.

    Its verdicts say whether the runs made here replicate the reference.
    """
    if not there.records:
        why = "the reference evidence was measured at other default settings"
        verdicts = tuple(replace(v, reason=why) if v.state == "not-run" else v for v in here.verdicts)
        return replace(here, verdicts=verdicts)
    shown = there if here.missing else here
    verdicts = shown.verdicts
    if here.records:
        compared = zip(verdicts, here.verdicts, there.verdicts, strict=True)
        verdicts = tuple(
            replace(v, replicated=_replicated(own, other), seeds_here=len(own.runs)) for v, own, other in compared
        )
    # What is missing is told by this notebook, whichever runs are shown; so is what a sabotage broke, if it ran here.
    sabotages = {id: here.sabotages[id] or runs for id, runs in there.sabotages.items()}
    return replace(shown, verdicts=_with_sabotages(verdicts, sabotages), missing=here.missing, sabotages=sabotages)


def _replicated(own: Verdict, reference: Verdict) -> bool | None:
    """Whether both came out in the same way; None where the reference has shown nothing that could be replicated."""
    return None if reference.met is None else own.met == reference.met


def _standing(name: str, records: Sequence[RunRecord], seeds: Sequence[int] | None) -> Standing:
    installed = base.default_settings(name) is not None
    judges = [r for r in judging(name, records) if seeds is None or r.seed in seeds]
    count = SEEDS if seeds is None else len(set(seeds))
    newest = _newest(judges)
    if installed:
        claims, source = base.find(name).claims, base.find(name).source
        wanted = range(SEEDS + len(newest)) if seeds is None else sorted(set(seeds))
        missing = [seed for seed in wanted if seed not in newest][: max(count - len(newest), 0)]
        sabotages = {id: tuple(_newest(runs).values()) for id, runs in sabotage_runs(name, records).items()}
    else:
        claims, source, missing, sabotages = next((r.claims for r in records if r.claims), ()), "", [], {}
    verdicts = [judge(claim, judges, count) for claim in claims]
    others = sum(record.status == "finished" for record in records)
    if others and not newest:
        what = "only runs with other settings have finished" if seeds is None else "none of these seeds has finished"
        verdicts = [replace(verdict, reason=what) for verdict in verdicts]
    judged = _with_sabotages(verdicts, sabotages)
    return Standing(name, installed, source, judged, tuple(newest.values()), tuple(missing), sabotages)


def board(records: Iterable[RunRecord]) -> list[Standing]:
    """Every experiment: the installed ones by name, then those known from their runs (newest first) alone."""
    by_name: dict[str, list[RunRecord]] = {}
    for record in records:
        by_name.setdefault(record.experiment, []).append(record)
    installed = list(base.working()[0])
    return [standing(name, by_name.get(name, [])) for name in [*installed, *sorted(by_name.keys() - set(installed))]]


def tally(verdicts: Iterable[Verdict]) -> dict[State, int]:
    """How many claims are in each state; states without any are left out."""
    states = [verdict.state for verdict in verdicts]
    return {state: states.count(state) for state in STATES if state in states}


def claims_to_json(board: Iterable[Standing]) -> dict[str, Any]:
    """A board of claims as plain data, the same for `glassbook claims --json` and `/api/v1/claims`."""
    return {
        "experiments": [
            {
                "name": entry.experiment,
                "installed": entry.installed,
                "source": entry.source,
                "origin": entry.origin,
                "verdicts": [verdict_to_json(verdict) for verdict in entry.verdicts],
                "missing": list(entry.missing),
                "outdated": list(entry.outdated),
            }
            for entry in board
        ]
    }
