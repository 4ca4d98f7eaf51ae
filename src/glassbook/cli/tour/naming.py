"""What features fire on: for each, its density, the tokens it is strongest on, and those tokens in their context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from glassbook.cli.tour.story import Detected
    from glassbook.nets import LanguageModel

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


@dataclass(frozen=True)
class Firing:
    """Where every feature of a dictionary is active in some text, flattened to one row for each token."""

    token: Tensor
    """Token ids [N]."""
    sequence: Tensor
    """Which text each token is in [N]."""
    values: Tensor
    """Activations [N, k]; zeros are not active."""
    indices: Tensor
    """Features [N, k]."""
    width: int

    def density(self) -> Tensor:
        """Share of tokens that each feature is active on [F]."""
        active = torch.zeros(self.width).index_add_(
            0, self.indices.flatten(), (self.values.flatten() > 0).to(torch.float32)
        )
        return active / len(self.token)


def fire(d: Any, activations: Tensor, token: Tensor, sequence: Tensor, chunk: int = 8192) -> Firing:
    """Encode activations [N, d], whose tokens and texts are known."""
    with torch.no_grad():
        parts = [d.encode_sparse(activations[i : i + chunk].float()) for i in range(0, len(activations), chunk)]
    return Firing(
        token, sequence, torch.cat([values for values, _ in parts]), torch.cat([where for _, where in parts]), d.width
    )


def cards(lm: LanguageModel, firing: Firing, features: Sequence[int] | None = None, contexts: int = 2) -> list[Card]:
    """Cards for some features (by default all that are ever active), in the order asked for."""
    density = firing.density()
    if features is None:
        features = torch.nonzero(density).flatten().tolist()
    order, starts = _by_feature(firing)
    flat_values = firing.values.flatten()
    k = firing.values.shape[1]
    out = []
    for feature in features:
        at = order[starts[feature] : starts[feature + 1]]
        strength = flat_values[at]
        at, strength = at[strength > 0] // k, strength[strength > 0]
        if len(at) == 0:
            out.append(Card(feature, 0.0, [], 0.0))
            continue
        ids, inverse = firing.token[at].unique(return_inverse=True)
        mass = torch.zeros(len(ids)).index_add_(0, inverse, strength.float())
        top = mass.topk(min(5, len(ids)))
        tokens = lm.tokens(ids[top.indices])
        strongest = at[strength.argsort(descending=True)]
        shown = [_context(lm, firing, row) for row in _spread(firing, strongest.tolist(), contexts)]
        out.append(Card(feature, float(density[feature]), tokens, float(top.values[0] / mass.sum()), shown))
    return out


def _by_feature(firing: Firing) -> tuple[Tensor, list[int]]:
    """Positions in the flattened activations sorted by feature, and where each feature's begin."""
    flat = firing.indices.flatten()
    order = flat.argsort(stable=True)
    counts = torch.bincount(flat, minlength=firing.width)
    return order, [0, *counts.cumsum(0).tolist()]


def _spread(firing: Firing, rows: list[int], n: int) -> list[int]:
    """The first `n` rows of different texts."""
    seen, out = set(), []
    for row in rows[:200]:
        text = int(firing.sequence[row])
        if text not in seen:
            seen.add(text)
            out.append(row)
        if len(out) == n:
            break
    return out


def _context(lm: LanguageModel, firing: Firing, row: int) -> str:
    """The tokens round a row, within its text."""
    first = max(0, row - BEFORE)
    near = torch.arange(first, min(len(firing.token), row + AFTER + 1))
    near = near[firing.sequence[near] == firing.sequence[row]]
    ids = firing.token[near].tolist()
    middle = int((near == row).nonzero())
    pieces = lm.tokens(ids)
    token = pieces[middle]
    lead = " " if token.startswith(" ") else ""
    return f"{''.join(pieces[:middle])}{lead}«{token.strip()}»{''.join(pieces[middle + 1 :])}".strip()


def ranked(found: list[Card], detected: list[Detected]) -> list[Card]:
    """Cards in the order in which a reader wants them: those of known meaning first, then the sharpest."""
    best = {}
    for d in sorted(detected, key=lambda d: d.auroc):
        best[d.feature] = d
    for card in found:
        if card.index in best:
            d = best[card.index]
            card.label, card.auroc = f"{d.kind}: {d.value}", d.auroc
    if detected:
        # One of each kind in turn, so that the first rows show how wide the range is.
        ranked = sorted((c for c in found if c.label), key=lambda c: -(c.auroc or 0))
        seen: dict[str, int] = {}
        turn = {}
        for card in ranked:
            kind = str(card.label).split(":")[0]
            turn[card.index] = seen[kind] = seen.get(kind, -1) + 1
        return sorted(ranked, key=lambda c: (turn[c.index], -(c.auroc or 0))) + [c for c in found if not c.label]
    return sorted(found, key=lambda c: (not c.tokens, -(c.share * min(c.density, 0.02) ** 0.5)))
