"""Thresholds on training compute: what each rule says of an estimate, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from glassbook.assets.policy import Threshold
from glassbook.errors import GlassbookError
from glassbook.measure.compute import Flop, FlopPerSecond, rule_of_thumb

State = Literal["above", "below", "open"]


@dataclass(frozen=True)
class Estimate:
    """An amount of training compute, as an interval."""

    low: Flop
    high: Flop
    how: str
    """How it was estimated, in words."""

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise GlassbookError("the lower end of the interval lies above the upper end; swap them")

    def plus(self, other: Flop) -> Estimate:
        """With an amount that is added to both ends."""
        return Estimate(self.low + other, self.high + other, self.how)


def of_model(parameters: float, tokens: float, active: float = 1.0) -> Estimate:
    """6 N D, with N the parameters that are active for a token.

    Raises:
        GlassbookError: the share is none.
    """
    share = "" if active == 1 else " of the active parameters"
    n = rule_of_thumb(parameters * _share(active, "active share"), tokens)
    return Estimate(n, n, f"6 N D{share}")


def of_hardware(chips: float, speed: FlopPerSecond, hours: float, low: float, high: float) -> Estimate:
    """Chips times their speed times the hours times the utilisation, which is known as an interval.

    Raises:
        GlassbookError: a utilisation is no share.
    """
    ends = (_share(share, "utilisation") for share in (low, high))
    first, last = (speed.during(3600 * hours, share) * chips for share in ends)
    return Estimate(first, last, "chips x speed x time x utilisation")


def _share(share: float, what: str) -> float:
    if not 0 < share <= 1:
        raise GlassbookError(f"the {what} {share:g} is no share; give a number above 0 and at most 1, such as 0.4")
    return share


@dataclass(frozen=True)
class Ruling:
    """What one rule says."""

    threshold: Threshold
    state: State
    text: str
    """The verdict, in a sentence."""


def judge(estimate: Estimate, threshold: Threshold, cost: float | None = None) -> Ruling:
    """Whether an amount is above a threshold.

    Args:
        estimate: all training that counts, base model included.
        threshold: the rule.
        cost: dollars that the compute cost, if that is known.
    """
    bound = Flop(threshold.flop)
    low, high = (end >= bound if threshold.inclusive else end > bound for end in (estimate.low, estimate.high))
    if low:
        state: State = "above"
        text = f"Above the threshold, {_by(estimate.low / bound)}"
        if estimate.low == bound:
            text = "At the threshold, which counts" + (", or above it" if estimate.high > bound else "")
    elif high:
        state, text = "open", "The interval contains the threshold: whether it is above depends on what is not known"
    elif estimate.high == bound:
        state, text = "below", "At the threshold, and not above it"
    else:
        state, text = "below", "Below the threshold"
        text += f", {_by(bound / estimate.high)}" if estimate.high.n else ""
    if state != "below" and threshold.cost is not None:
        if cost is None:
            state, text = "open", f"{text}; the compute must have cost more than ${threshold.cost:,.0f} as well"
        elif cost <= threshold.cost:
            state, text = "below", f"{text}; but the compute cost no more than ${threshold.cost:,.0f}"
    if state != "below" and threshold.depends and not threshold.further:
        state, text = "open", f"{text}; whether {_depends(threshold.consequence, threshold)}"
    elif state == "above":
        text = f"{text}: {threshold.consequence}"
    return Ruling(threshold, state, _sentence(text, threshold))


def judge_further(ruling: Ruling) -> Ruling | None:
    """What follows for some developers only, which no amount tells: left open, unless the amount is too small.

    Args:
        ruling: of the amount. None where its rule has no such duty, or it is below.
    """
    threshold = ruling.threshold
    if not threshold.further or ruling.state == "below":
        return None
    return Ruling(threshold, "open", _sentence(f"Whether {_depends(threshold.further, threshold)}", threshold))


def _depends(duty: str, threshold: Threshold) -> str:
    return f"{duty} is open: it depends on {threshold.depends}"


def _sentence(text: str, threshold: Threshold) -> str:
    return f"Revoked. {text}." if threshold.status == "revoked" else f"{text}."


def judge_modifier(own: Estimate, base: Flop, threshold: Threshold) -> Ruling | None:
    """Whether the one who modifies a model becomes its provider; None if the rule says nothing of modifiers.

    Args:
        own: compute of the modification alone.
        base: compute of the original model.
        threshold: the rule.
    """
    if threshold.share_of_base is None:
        return None
    if base.n == 0:
        raise GlassbookError("a base model of 0 FLOP cannot be modified; give its training compute, or leave it out")
    low, high = own.low / base, own.high / base
    said = _percent(low) if low == high else f"{_percent(low)} to {_percent(high)}"
    share = f"The modification has {said} of the original compute"
    if low > threshold.share_of_base:
        return Ruling(threshold, "above", f"{share}, more than a third: you become the provider of the modified model.")
    if high > threshold.share_of_base:
        return Ruling(threshold, "open", f"{share}; a third lies in between.")
    return Ruling(threshold, "below", f"{share}, not more than a third: you do not become its provider.")


def judge_all(estimate: Estimate, rules: Iterable[Threshold], base: Flop | None, cost: float | None) -> list[Ruling]:
    """What all rules say of a model, or of the modification of a base model, whose compute counts as well."""
    whole = estimate if base is None else estimate.plus(base)
    found = []
    for rule in rules:
        ruling = judge(whole, rule, cost)
        modifier = None if base is None else judge_modifier(estimate, base, rule)
        found += [one for one in (ruling, judge_further(ruling), modifier) if one is not None]
    return found


def _by(ratio: float) -> str:
    if ratio < 1.1:
        return f"by {_percent(ratio - 1)}"
    if ratio < 10:
        return f"by a factor of {ratio:.2g}"
    return f"by a factor of {ratio:,.0f}" if ratio < 1e6 else f"by a factor of {ratio:.2g}".replace("e+", "e")


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 1 else f"{100 * share:,.0f} %"
