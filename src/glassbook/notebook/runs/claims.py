"""Claims: sentences that runs decide, each with a control that could have come out otherwise."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, fields
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.formatting import nearest
from glassbook.notebook.serialization import read_number

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
        sabotages: ids of the broken variants of the experiment that must break the claim.
        no_sabotage: why no variant of the experiment can break the claim.
        explanation: why it probably fails, where it does; shown only beside a claim that fails or is not shown. It
            says nothing of how the runs come out, which may change.
        source: who claims it (author, year, identifier), if it is not the experiment's own source.

    Raises:
        GlassbookError: an id, comparison, bound, metric or control that cannot be read; both a control and a reason
            for none; both sabotages and a reason for none.
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
    no_sabotage: str | None = None
    explanation: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        maybe = (self.control, self.no_control, self.no_sabotage, self.explanation, self.source)
        for text in (self.sentence, *self.sabotages, *(text for text in maybe if text is not None)):
            if not isinstance(text, str):
                raise GlassbookError(f"claim {self.id!r}: {text!r} has to be text")
        if not isinstance(self.id, str) or _ID.fullmatch(self.id) is None:
            raise GlassbookError(f"{self.id!r} is no id of a claim; write it in kebab-case, as 'missing-direction'")
        if self.comparison not in COMPARISONS:
            raise GlassbookError(f"{self.comparison!r} is no comparison; take one of {', '.join(COMPARISONS)}")
        if _METRIC.fullmatch(self.metric) is None:
            raise GlassbookError(f"{self.metric!r} is no metric's name; use letters, digits, '_', '.', '/' and '-'")
        bound = read_number(self.bound) if isinstance(self.bound, (int, float)) else None
        if bound is None or not math.isfinite(bound):
            raise GlassbookError(f"the bound of a claim is a finite number, not {self.bound!r}")
        if self.control is not None:
            Condition.parse(self.control)
            if self.no_control is not None:
                raise GlassbookError(f"claim {self.id!r} has a control and a reason for none; leave one of them out")
        if self.sabotages and self.no_sabotage is not None:
            raise GlassbookError(f"claim {self.id!r} has sabotages and a reason for none; leave one of them out")

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
    raise GlassbookError(f"{experiment} has no claim {str(id)!r}; {nearest(str(id), [claim.id for claim in claims])}")
