"""What features fire on: for each, its density, the tokens it is strongest on, and those tokens in their context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from glassbook.notebook.runs.feature_dashboard import Feature, Name

if TYPE_CHECKING:
    from glassbook.cli.tour.story import Detected

BEFORE, AFTER = 8, 3
"""Tokens of context shown on either side."""


@dataclass
class Card:
    """One feature, as far as some text shows it."""

    index: int
    density: float
    """Share of the tokens that it is active on."""
    tokens: list[str]
    """The tokens that carry most of its activation, most first."""
    share: float
    """What the first of them carries, as a share of all its activation."""
    contexts: list[str] = field(default_factory=list)
    """The places where it is strongest, its token between « and »."""
    label: str | None = None
    """The attribute of the world that it detects, where the truth is known."""
    auroc: float | None = None
    """How well it does, on texts that did not choose it."""

    @property
    def title(self) -> str:
        """Label, or the leading tokens."""
        return self.label or " ".join(repr(token) for token in self.tokens[:3])

    def to_data(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def card_of(feature: Feature) -> Card:
    """What a feature dashboard knows of a feature, in short."""
    tokens = [token for token, _ in feature.tokens[:5]]
    share = feature.tokens[0][1] if feature.tokens else 0.0
    shown = [_context(context) for context in feature.contexts[:2] if context]
    return Card(feature.index, feature.density, tokens, share, shown, feature.label or None, feature.score)


def names_of(detected: Sequence[Detected]) -> dict[int, Name]:
    """Feature -> the attribute of the world that it detects best, and how well."""
    return {d.feature: Name(f"{d.kind}: {d.value}", "truth", d.auroc) for d in sorted(detected, key=lambda d: d.auroc)}


def _context(context: Sequence[tuple[str, float]]) -> str:
    """Some tokens round the strongest one, which stands between « and »."""
    at = max(range(len(context)), key=lambda i: context[i][1])
    pieces = [token for token, _ in context]
    token = pieces[at]
    lead = " " if token.startswith(" ") else ""
    before, behind = pieces[max(0, at - BEFORE) : at], pieces[at + 1 : at + 1 + AFTER]
    return f"{''.join(before)}{lead}«{token.strip()}»{''.join(behind)}".strip()


def ranked(found: list[Card]) -> list[Card]:
    """Cards in the order in which a reader wants them: those of known meaning first, then the sharpest."""
    if any(card.label for card in found):
        # One of each kind in turn, so that the first rows show how wide the range is.
        ranked = sorted((c for c in found if c.label), key=lambda c: -(c.auroc or 0))
        seen: dict[str, int] = {}
        turn = {}
        for card in ranked:
            kind = str(card.label).split(":")[0]
            turn[card.index] = seen[kind] = seen.get(kind, -1) + 1
        return sorted(ranked, key=lambda c: (turn[c.index], -(c.auroc or 0))) + [c for c in found if not c.label]
    return sorted(found, key=lambda c: (not c.tokens, -(c.share * min(c.density, 0.02) ** 0.5)))
