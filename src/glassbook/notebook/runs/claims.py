"""Claims: sentences that runs decide, each with a control that could have come out otherwise."""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from glassbook.errors import GlassbookError
from glassbook.notebook.serialization import same_data

if TYPE_CHECKING:
    from glassbook.notebook.runs.record import RunRecord

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_METRIC = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
_CONDITION = re.compile(
    r"\s*(?P<metric>[A-Za-z_][\w./-]*)\s*(?P<comparison>>=|<=|>|<)\s*"
    r"(?P<bound>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*",
    re.ASCII,
)


@dataclass(frozen=True)
class Condition:
    """`metric comparison bound`: what one number of a run has to satisfy. NaN satisfies nothing."""

    metric: str
    comparison: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read "metric >= 0.99"; nothing is evaluated.

        Raises:
            GlassbookError: `text` is not a metric's name, one of >= <= > <, and a number.
        """
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise GlassbookError(f"{text!r} is no condition; write it as 'metric >= 0.99'")
        return cls(match["metric"], match["comparison"], float(match["bound"]))

    def holds(self, value: float) -> bool:
        """Whether `value` satisfies the condition."""
        return COMPARISONS[self.comparison](value, self.bound)

    def __str__(self) -> str:
        return f"{self.metric} {self.comparison} {self.bound:g}"


@dataclass(frozen=True)
class Claim:
    """A sentence that the results of runs decide.

    Args:
        id: what pages cite it by: kebab-case, unique among the claims of its experiment, for good.
        sentence: what is claimed, in words that stand alone.
        metric: the name of the number in `run.result(...)` that decides it.
        comparison: one of ">=", "<=", ">", "<".
        bound: what the metric is compared with; finite.
        control: a condition such as "both_directions_accuracy >= 0.99" that has to hold as well, or the
            experiment could not have shown what the sentence says.
        no_control: why the claim needs no control.
        sabotages: names of the broken variants of the experiment that must break the claim.
        source: who claims it (author, year, identifier), if it is not the experiment's own source.

    Raises:
        GlassbookError: an id, comparison, bound, metric or control that cannot be read; both a control and a reason
            for none.
    """

    id: str
    sentence: str
    metric: str
    comparison: str
    bound: float
    _: KW_ONLY
    control: str | None = None
    no_control: str | None = None
    sabotages: tuple[str, ...] = ()
    source: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or _ID.fullmatch(self.id) is None:
            raise GlassbookError(f"{self.id!r} is no id of a claim; write it in kebab-case, as 'missing-direction'")
        if self.comparison not in COMPARISONS:
            raise GlassbookError(f"{self.comparison!r} is no comparison; take one of {', '.join(COMPARISONS)}")
        if _METRIC.fullmatch(self.metric) is None:
            raise GlassbookError(f"{self.metric!r} is no metric's name; use letters, digits, '_', '.', '/' and '-'")
        if not isinstance(self.bound, (int, float)) or not math.isfinite(self.bound):
            raise GlassbookError(f"the bound of a claim is a finite number, not {self.bound!r}")
        if self.control is not None:
            Condition.parse(self.control)
            if self.no_control is not None:
                raise GlassbookError(f"claim {self.id!r} has a control and a reason for none; leave one of them out")

    @property
    def condition(self) -> Condition:
        """The claim as a condition on a run's results."""
        return Condition(self.metric, self.comparison, float(self.bound))

    @property
    def control_condition(self) -> Condition | None:
        """The control as a condition on a run's results, if there is one."""
        return None if self.control is None else Condition.parse(self.control)

    def to_data(self) -> dict[str, Any]:
        """The claim as plain data, as run.json keeps it."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Claim:
        """The claim that `to_data` gave; keys of a later version are left out.

        Runs of before claims had ids state none: there the metric's name makes one.

        Raises:
            GlassbookError: a part is missing or cannot be read.
        """
        names = {f.name for f in fields(cls)}
        try:
            parts: dict[str, Any] = {key: value for key, value in data.items() if key in names}
            if "id" not in parts:
                parts["id"] = re.sub(r"[^a-z0-9]+", "-", str(parts.get("metric")).lower()).strip("-")
            parts["sabotages"] = tuple(parts.get("sabotages", ()))
            return cls(**parts)
        except (TypeError, AttributeError) as error:
            raise GlassbookError(f"this is no claim: {error}") from error


def find_claim(claims: Sequence[Claim], id: object, experiment: str) -> Claim:
    """The claim of `experiment` with that id.

    Raises:
        GlassbookError: there is none; the message offers the nearest ids.
    """
    for claim in claims:
        if claim.id == id:
            return claim
    ids = [claim.id for claim in claims]
    near = difflib.get_close_matches(str(id), ids, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(ids) or 'none'}"
    raise GlassbookError(f"{experiment} has no claim {str(id)!r}; {hint}")


@dataclass(frozen=True)
class Verdict:
    """What the runs say about a claim, with the numbers that say it."""

    claim: Claim
    """The claim that was judged."""
    state: Literal["holds", "fails", "untested"]
    """`holds` only if claim and control hold on every seed; `untested` if too few seeds have finished."""
    reason: str
    """One line: why the state is what it is."""
    values: dict[int, float] = field(default_factory=dict)
    """Seed -> the claim's metric in the newest finished run of that seed."""
    controls: dict[int, float] = field(default_factory=dict)
    """Seed -> the control's metric in the same run (empty if there is no control)."""
    runs: dict[int, str] = field(default_factory=dict)
    """Seed -> id of the run that the numbers come from."""


def judge(claim: Claim, records: Iterable[RunRecord], seeds: int = 3) -> Verdict:
    """Decide `claim` from the newest finished run of each seed.

    Args:
        claim: the claim.
        records: runs of one experiment with one setting, in any order; those that have not finished are passed over.
        seeds: how many distinct seeds have to have finished.

    Returns:
        `untested` with a reason while fewer than `seeds` seeds have finished, while a run lacks the metric or the
        control, or while the seeds were run with different settings (their numbers say nothing together);
        `holds` if claim and control hold on all seeds, not only on the first `seeds` of them; else `fails`.
    """
    newest: dict[int, RunRecord] = {}
    for record in sorted((r for r in records if r.status == "finished"), key=lambda r: (r.started, r.id)):
        newest[record.seed] = record
    runs = {seed: newest[seed] for seed in sorted(newest)}
    control = claim.control_condition
    values = _pick(runs, claim.metric)
    controls = _pick(runs, control.metric) if control else {}
    reason = _untested(claim, runs, values, controls, seeds)
    if reason:
        state = "untested"
    else:
        reason = _failure(claim.condition, values, "") or (control and _failure(control, controls, "the control "))
        state = "fails" if reason else "holds"
    reason = reason or f"{claim.condition} on all {len(runs)} seeds" + (
        f", control {control} as well" if control else ""
    )
    return Verdict(claim, state, reason, values, controls, {seed: run.id for seed, run in runs.items()})


def _pick(runs: Mapping[int, RunRecord], metric: str) -> dict[int, float]:
    return {seed: run.results[metric] for seed, run in runs.items() if metric in run.results}


def _untested(
    claim: Claim,
    runs: Mapping[int, RunRecord],
    values: dict[int, float],
    controls: dict[int, float],
    seeds: int,
) -> str | None:
    if not runs:
        return "no run has finished"
    for seed, run in runs.items():
        if seed not in values:
            return f"run {run.id} (seed {seed}) has no result {claim.metric!r}"
        if claim.control and seed not in controls:
            return f"run {run.id} (seed {seed}) has no result for the control {claim.control!r}"
    first = next(iter(runs.values()))
    for run in runs.values():
        if not same_data(run.config, first.config):
            return f"runs {first.id} and {run.id} have different settings; judge the runs of one setting"
    if len(runs) < seeds:
        return f"{len(runs)} of {seeds} seeds have finished"
    return None


def _failure(condition: Condition, values: Mapping[int, float], what: str) -> str | None:
    missed = {seed: value for seed, value in values.items() if not condition.holds(value)}
    if not missed:
        return None
    numbers = ", ".join(f"{value:g} (seed {seed})" for seed, value in missed.items())
    return f"{what}{condition} does not hold on {len(missed)} of {len(values)} seeds: {numbers}"
