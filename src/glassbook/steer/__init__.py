"""Steering: interventions put where you say while your own call runs, and scored against controls."""

from glassbook.steer.apply import steer
from glassbook.steer.interventions import Ablate, Clamp, When, threshold
from glassbook.steer.score import Best, Row, Score, dose_curve, layer_sweep, score
from glassbook.steer.where import (
    Where,
    after_prompt,
    before_position,
    during_prompt,
    everywhere,
    first,
    from_position,
    last,
)

__all__ = [
    "Ablate",
    "Best",
    "Clamp",
    "Row",
    "Score",
    "When",
    "Where",
    "after_prompt",
    "before_position",
    "dose_curve",
    "during_prompt",
    "everywhere",
    "first",
    "from_position",
    "last",
    "layer_sweep",
    "score",
    "steer",
    "threshold",
]
