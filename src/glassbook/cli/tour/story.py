"""What a tour has seen, as values: all that its page and its JSON are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassbook.cli.tour.naming import Card
    from glassbook.cli.tour.steering import Steering
    from glassbook.features import Dictionary, Scores
    from glassbook.nets import LanguageModel


@dataclass(frozen=True)
class Learnt:
    """A dictionary learnt on the tour, and its score beside that of a random one."""

    dictionary: Dictionary
    site: str
    tokens: int
    """Activations learnt from."""
    steps: int
    seconds: float
    scores: Scores
    control: Scores
    """Of a random dictionary of the same size, with the same code."""


@dataclass(frozen=True)
class Detected:
    """One attribute of the world and who detects it."""

    kind: str
    value: str
    feature: int
    auroc: float
    neuron: float
    """AUROC of the best raw neuron."""
    random: float
    """AUROC of the best feature of a random dictionary."""


@dataclass
class Story:
    """Everything, in the order in which it was seen."""

    lm: LanguageModel
    sample: str
    origin: str
    learnt: Learnt
    cards: list[Card]
    steerings: list[Steering]
    detected: list[Detected] = field(default_factory=list)
    """Empty where the truth is not known."""
    claims: list[dict[str, Any]] = field(default_factory=list)
    """The tour's own claims, judged by this run alone."""
    stored: list[dict[str, Any]] = field(default_factory=list)
    """The experiments' claims, with the verdicts of the notebook."""
    quick: bool = False


BAR = 0.9
"""An attribute counts as detected from this AUROC on."""


def shares(detected: list[Detected]) -> dict[str, float]:
    """The share of attributes that each detector detects."""
    n = max(len(detected), 1)
    return {
        "dictionary": sum(d.auroc >= BAR for d in detected) / n,
        "best neuron": sum(d.neuron >= BAR for d in detected) / n,
        "random dictionary": sum(d.random >= BAR for d in detected) / n,
    }


def by_kind(detected: list[Detected]) -> list[dict[str, Any]]:
    """The same for each kind of attribute, as rows."""
    kinds = list(dict.fromkeys(d.kind for d in detected))
    groups = {kind: [d for d in detected if d.kind == kind] for kind in kinds}
    return [
        {"kind": kind, "detector": who, "share": share, "attributes": len(group)}
        for kind, group in groups.items()
        for who, share in shares(group).items()
    ]
