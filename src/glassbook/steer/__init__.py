"""Steering: directions as values, interventions while your own call runs, scores against controls."""

from glassbook.steer.apply import steer
from glassbook.steer.extract import Latents, actadd, feature, mean_difference, principal, probe, random_like
from glassbook.steer.gguf import load_gguf, save_gguf
from glassbook.steer.interventions import Ablate, Clamp, When, threshold
from glassbook.steer.norms import PROBE, in_norms, residual_norms
from glassbook.steer.score import Best, Row, Score, dose_curve, layer_sweep, score
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
    "Ablate",
    "Best",
    "Clamp",
    "Latents",
    "Row",
    "Score",
    "Vector",
    "When",
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
    "load_gguf",
    "mean_difference",
    "principal",
    "probe",
    "random_like",
    "residual_norms",
    "save_gguf",
    "score",
    "steer",
    "threshold",
]
