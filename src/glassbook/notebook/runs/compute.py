"""Compute of a run: what its parts have cost, in floating-point operations and seconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from glassbook.notebook.serialization import read_number

TRAINING = "training"
"""The kind that counts as training; evaluation and generation are kinds of their own."""


@dataclass(frozen=True)
class Spent:
    """What one part of a run has cost."""

    kind: str
    """What it is: "training", "evaluation", "generation" ..."""
    label: str
    """Names the part within the run."""
    flop: float
    seconds: float
    how: str
    """How it was counted."""

    @classmethod
    def read(cls, events: Iterable[Mapping[str, Any]]) -> tuple[Spent, ...]:
        """What "compute" events say, the newest of each kind and label; those that make no sense are passed over."""
        found: dict[tuple[str, str], Spent] = {}
        for event in events:
            kind, label, how = (event.get(key, "") for key in ("kind", "label", "how"))
            flop, seconds = (read_number(event.get(key)) for key in ("flop", "seconds"))
            texts = all(isinstance(text, str) for text in (kind, label, how))
            if (
                texts
                and kind
                and flop is not None
                and seconds is not None
                and 0 <= flop < math.inf
                and 0 <= seconds < math.inf
            ):
                found[kind, label] = cls(kind, label, flop, seconds, how)
        return tuple(found.values())


def flop_by_kind(compute: Iterable[Spent]) -> dict[str, float]:
    """FLOP of each kind among some parts: training, evaluation, generation and what else was recorded."""
    found: dict[str, float] = {}
    for part in compute:
        found[part.kind] = found.get(part.kind, 0.0) + part.flop
    return found


def training_flop(compute: Iterable[Spent]) -> float | None:
    """FLOP of all training among some parts; None if there is none."""
    parts = [part.flop for part in compute if part.kind == TRAINING]
    return sum(parts) if parts else None
