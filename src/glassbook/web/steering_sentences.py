"""Effect and damage of steering in sentences, from the numbers of the model server's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DAMAGE = 0.3
"""Nats per token by which steered texts may be less likely under the plain model before that counts as damage."""

MORE_REPETITION = 0.1
"""By how much the share of different token pairs must be smaller for a text to repeat itself more."""


def sentences(answer: Mapping[str, Any]) -> dict[str, list[str]]:
    """`effect` and `damage` of a steering answer, each a list of sentences.

    Args:
        answer: as `model_server.steered_texts.steer_texts` gives it; what it lacks is not spoken of.
    """
    effect, damage, control = (answer.get(name) or {} for name in ("effect", "damage", "control"))
    return {
        "effect": [said for said in (_words(answer, control), _active(answer), _liking(effect)) if said],
        "damage": [said for said in (_likelihood(damage, control), _repetition(damage, control)) if said],
    }


def excess(damage: Mapping[str, Any], nll: Any = None) -> float | None:
    """How much less likely the plain model finds the steered texts (or those of `nll`), nats per token."""
    plain, steered = damage.get("nll_plain"), damage.get("nll_steered") if nll is None else nll
    return None if plain is None or steered is None else steered - plain


def _words(answer: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    changed = answer.get("words_changed")
    if changed is None:
        return ""
    beside = _beside(control.get("words_changed"), _percent)
    return f"{_percent(changed)} of the steered words are not in the unsteered text{beside}."


def _active(answer: Mapping[str, Any]) -> str:
    active = answer.get("active_tokens") or {}
    if not active:
        return ""
    return (
        f"The feature is active on {_percent(active['steered'])} of the steered tokens and on "
        f"{_percent(active['plain'])} of the unsteered ones{_beside(active.get('random'), _percent)}."
    )


def _liking(effect: Mapping[str, Any]) -> str:
    nats = effect.get("preference_nats")
    if nats is None:
        return ""
    if abs(nats) < 0.005:
        return "Steering makes its own text neither likelier nor less likely."
    return f"Steering makes its own text {_nats(nats)} per token {'likelier' if nats > 0 else 'less likely'}."


def _likelihood(damage: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    more = excess(damage)
    if more is None:
        return ""
    beside = _beside(excess(damage, control["nll"]) if "nll" in control else None, lambda n: f"{_nats(n)} {_less(n)}")
    if abs(more) < 0.005:
        return f"The unsteered model finds the steered text as likely as its own{beside}."
    verdict = f" More than {DAMAGE:g} counts as damage." if more > DAMAGE else ""
    finds = f"The unsteered model finds the steered text {_nats(more)} per token {_less(more)} than its own"
    return f"{finds}{beside}.{verdict}"


def _repetition(damage: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    plain, steered = damage.get("distinct_2_plain"), damage.get("distinct_2_steered")
    if plain is None or steered is None:
        return ""
    more = "more" if steered < plain - MORE_REPETITION else "no more"
    return (
        f"The steered text repeats itself {more} than the unsteered one: {_percent(steered)} of its pairs of "
        f"neighbouring tokens are different, there {_percent(plain)}{_beside(control.get('distinct_2'), _percent)}."
    )


def _beside(value: Any, said: Any) -> str:
    """The same of the random vectors, in brackets; "" without them."""
    return "" if value is None else f" (random vector: {said(value)})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _nats(value: float) -> str:
    return f"{abs(value):.2f} nats"


def _less(nats: float) -> str:
    return "less likely" if nats > 0 else "likelier"
