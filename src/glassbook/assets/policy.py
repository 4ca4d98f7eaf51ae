"""Policy data: rules that speak of training compute, and risk awareness moments, read from starter/policy.toml."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from glassbook.assets import starter

PATH = starter.SOURCE / "policy.toml"
OLD = 365
"""Days after which a threshold is shown with the age of its check."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A rule that applies above an amount of training compute, or from it on."""

    id: str
    name: str
    flop: float
    scope: str
    """What is above it, in words."""
    consequence: str
    """What follows, as the end of a sentence."""
    inclusive: bool = False
    """Whether the amount itself counts as well: "or more"."""
    depends: str = ""
    """What neither compute nor cost tells and whether the consequence follows depends on; with `further`, whether that
    follows."""
    further: str = ""
    """A duty of some developers only, beside the consequence, as the end of a sentence."""
    counts: str
    """Whose compute is summed."""
    status: Literal["in force", "guideline", "enacted", "revoked"]
    since: str
    source: str
    """Address of the text, or of a report on it."""
    cost: float | None = None
    """Dollars that the compute must have cost as well."""
    share_of_base: float | None = None
    """Anyone who modifies a model with more than this share of its original compute becomes its provider."""
    checked: date | None = None
    """When somebody looked whether this is still right; None if nobody has."""
    checked_against: str = ""
    """What was looked at then."""
    read_in_law: bool = False
    """Whether that was the rule's own text."""

    def age(self, today: date) -> str:
        """How old the check is, if that has to be said; "" if not."""
        if self.checked is None:
            return "not checked"
        days = (today - self.checked).days
        if days <= OLD:
            return ""
        years = days // 365
        return f"checked {years} year{'s' if years > 1 else ''} ago"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A dated moment at which concern about a danger rose, or a rule was made."""

    day: str
    """YYYY, YYYY-MM or YYYY-MM-DD, as far as it is known."""
    title: str
    text: str
    kind: Literal["precedent", "candidate", "rule"]
    work: str
    """Id of its source in references.json."""
    source: str = ""
    """Address of that source, where there is one."""


def thresholds() -> tuple[Threshold, ...]:
    """All rules, the lowest first."""
    return tuple(sorted((Threshold(**entry) for entry in _read()["thresholds"]), key=lambda one: one.flop))


def moments() -> tuple[Moment, ...]:
    """All moments, the oldest first."""
    return tuple(sorted((Moment(**entry) for entry in _read()["moments"]), key=lambda one: one.day))


@functools.cache
def _read() -> dict[str, Any]:
    return tomllib.loads(PATH.read_text("utf-8"))
