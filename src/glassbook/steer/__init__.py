"""Steering: directions as values, added to the residual stream where you say, and scored with controls."""

from glassbook.steer.apply import PROBE, Steered, in_norms, residual_norms, steer
from glassbook.steer.score import Best, Row, Score, dose_curve, layer_sweep, score
from glassbook.steer.sources import actadd, feature, mean_difference, random_like
from glassbook.steer.vector import Vector
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
    "PROBE",
    "Best",
    "Row",
    "Score",
    "Steered",
    "Vector",
    "Where",
    "actadd",
    "after_prompt",
    "before_position",
    "dose_curve",
    "during_prompt",
    "everywhere",
    "feature",
    "first",
    "from_position",
    "in_norms",
    "last",
    "layer_sweep",
    "mean_difference",
    "random_like",
    "residual_norms",
    "score",
    "steer",
]
